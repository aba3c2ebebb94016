"""What is drawn: people, policies, requests, what goes wrong, and the rules that customers write."""

from datetime import timedelta

from hypothesis import strategies as st

from shared.domain.decisions import AskedPort, Wish
from shared.domain.people import Person
from shared.ports import Unavailable
from tests.services.cloud import Trouble
from tests.services.process import Process
from tests.stateful.acts import Kind
from tests.stateful.stage import MACHINES, Fault
from tests.stateful.terms import ANYWHERE, Approvers, Asked, Human, Terms

NIGHT = frozenset({"night-shift"})
ANN = Human("ann", NIGHT)  # She is among the approvers of her own requests, unless somebody looks.
BEN = Human("ben", address="203.0.113.77")
EVE = Human("eve", address="198.51.100.99")
CAROL, DAVE, FAY = Human("carol"), Human("dave", NIGHT), Human("fay")


def minutes(*some: float) -> st.SearchStrategy[timedelta]:
    return st.sampled_from([timedelta(minutes=one) for one in some])


AHEAD = st.none() | minutes(-3, 5, 5, 30)
NAMES = st.sampled_from(sorted(MACHINES))
CALLERS = st.sampled_from((ANN, ANN, BEN, EVE))
VOICES = st.sampled_from((CAROL, CAROL, DAVE, DAVE, FAY, None, None))  # None: whoever asked.
SAYINGS = (Kind.APPROVE, Kind.DENY, Kind.CANCEL, Kind.REVOKE, Kind.LOOK, Kind.LOOK)
RARELY = st.sampled_from((False, False, False, True))
APPROVALS = st.builds(
    Approvers,
    st.sampled_from((frozenset(), frozenset({"carol", "night-shift"}), frozenset({"carol", "dave", "ann"}))),
    st.sampled_from((1, 1, 2)),
    minutes(10, 60),
)
TERMS = st.builds(
    Terms,
    ports=st.sampled_from((frozenset({22, 3389}), frozenset({22, 3389}), frozenset({22}))),
    longest=minutes(180, 180, 180, 30),
    sources=st.sampled_from((ANYWHERE, ANYWHERE, "203.0.113.0/24")),
    guards_all=st.booleans(),
    approval=st.none() | APPROVALS | APPROVALS,
    justification=st.booleans(),
    ticket=st.sampled_from((False, False, True)),
    requestors=st.sampled_from((frozenset(), frozenset(), frozenset({"ben", "night-shift"}))),
    break_glass=st.booleans(),
)
ASKED = st.builds(
    Asked,
    machine=NAMES,
    who=CALLERS,
    ports=st.sampled_from((frozenset({22}), frozenset({22}), frozenset({3389}), frozenset({22, 3389}))),
    duration=minutes(10, 20, 60, 4),
    source=st.sampled_from((None, None, "203.0.113.7", "203.0.113.0/25", "198.51.100.99")),
    justification=st.sampled_from(("to mend it", "to mend it", "")),
    ticket=st.sampled_from(("INC123", "INC123", "", "INC1234")),
    break_glass=st.sampled_from((False, False, False, True)),
)
_DOWN = st.integers(1, 40).map(lambda call: Fault(Process(errors={call: Unavailable("down")})))
_DYING = st.integers(1, 40).map(lambda call: Fault(Process(dies_at=call)))
_AWAY = st.sampled_from(("network.apply", "network.group", "grants.save", "dues.remove", "reminders.send", "desk.post"))
_PARTLY = _AWAY.map(lambda name: Fault(Process(away={name: Unavailable("away")})))
_TROUBLED = st.lists(st.sampled_from(Trouble), min_size=1, max_size=2).map(lambda some: Fault(troubles=tuple(some)))
_WELL = st.builds(Fault)
FAULTS = _WELL | _WELL | st.one_of(_DOWN, _DYING, _PARTLY, _TROUBLED)
NEWCOMERS = st.sampled_from(
    (
        "150 new-ssh Allow Tcp 22 from *",
        "320 new-web Allow Tcp 443 from *",
        "4000 new-no Deny Tcp 3389 from *",
        "101 new-wall Deny Tcp 22-3389 from *",
        "100 new-hole Allow Tcp 22 from *",
    )
)


def in_words(asked: Asked) -> Wish:
    """A request in the product's words."""
    sources = (asked.source,) if asked.source else ()
    ports = tuple(AskedPort((port, port), None, sources) for port in sorted(asked.ports))
    when = (asked.duration, asked.ends_at, asked.justification, asked.ticket, asked.starts_at)
    return Wish(ports, *when, asked.break_glass)


def person(human: Human) -> Person:
    return Person(human.name, human.name.title())
