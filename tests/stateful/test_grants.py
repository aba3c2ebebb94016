"""Random callers, requests, decisions, clock jumps, timers and failures, held against a plain model after each step.

`STORIES=long` tells many more and longer stories (`make test-stateful`).
"""

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from shared.domain.decisions import AskedPort, Asker, Wish
from shared.domain.people import Person
from shared.domain.rules import LOCK_MARK, OPEN_MARK, Access
from shared.ports import Unavailable
from shared.services.approving import Voice, approve, cancel, deny
from shared.services.enabling import Assignment, enable
from shared.services.extending import Who, extend
from shared.services.grants import Ask, ask, foretell, revoke
from shared.services.opening import resume
from shared.services.policies import Removal, disable
from shared.services.repairing import repair
from shared.services.starting import start_due
from shared.services.sweeping import remind, sweep
from tests.domain.values import GROUP, SUBNET_GROUP
from tests.domain.values import rule as written
from tests.services.cloud import Trouble
from tests.services.process import Process
from tests.services.test_extending import More
from tests.services.town import BOB
from tests.stateful.model import HOLDING, WAITING, Act, Kind, Life
from tests.stateful.stage import FIRST, MACHINES, Fault, Stage, translate
from tests.stateful.terms import ANYWHERE, Approvers, Asked, Human, Terms

NIGHT = frozenset({"night-shift"})
ANN = Human("ann", NIGHT)  # She is among the approvers of her own requests, unless somebody looks.
BEN = Human("ben", address="203.0.113.77")
EVE = Human("eve", address="198.51.100.99")
CAROL, DAVE, FAY = Human("carol"), Human("dave", NIGHT), Human("fay")
EPOCH = Stage().town.clock.now()


def minutes(*some: float) -> st.SearchStrategy[timedelta]:
    return st.sampled_from([timedelta(minutes=one) for one in some])


NAMES = st.sampled_from(sorted(MACHINES))
CALLERS = st.sampled_from((ANN, ANN, BEN, EVE))
VOICES = st.sampled_from((CAROL, CAROL, DAVE, DAVE, FAY, ANN, BEN))
APPROVALS = st.builds(
    Approvers,
    st.sampled_from((frozenset(), frozenset({"carol", "night-shift"}), frozenset({"carol", "dave", "ann"}))),
    st.sampled_from((1, 1, 2)),
    minutes(10, 60),
)
TERMS = st.builds(
    Terms,
    ports=st.sampled_from((frozenset({22, 3389}), frozenset({22, 3389}), frozenset({22}))),
    longest=minutes(180, 180, 30),
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
WELL = st.builds(Fault)
FAULTS = WELL | WELL | st.one_of(_DOWN, _DYING, _PARTLY, _TROUBLED)
WORDS = {"justification": "to mend it", "ticket": "INC123"}
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


class Story(RuleBasedStateMachine):
    """One town, one model, and everything that may befall them."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.keys: dict[tuple[str, str], Asked] = {}

    def act(self, kind: Kind, do: object, fault: Fault, **about: object) -> None:
        now = self.stage.town.clock.now()
        asked = about.pop("asked", None)
        self.stage.act(Act(kind, now, now, **about), do, fault, asked)  # type: ignore[arg-type]

    def some(self, data: st.DataObject, *states: str) -> Life:
        """A grant, rather one of those that are not over."""
        lives = self.stage.model.lives
        fitting = [id_ for id_, life in lives.items() if life.state in (states or WAITING | HOLDING)]
        return lives[data.draw(st.sampled_from(sorted(fitting or lives)))]

    @initialize(terms=st.dictionaries(NAMES, TERMS, min_size=2))
    def begin(self, terms: dict[str, Terms]) -> None:
        for name, one in sorted(terms.items()):
            self.write(name, one, Fault())

    def write(self, name: str, terms: Terms, fault: Fault) -> None:
        assignment = Assignment(translate(terms), BOB)
        self.act(
            Kind.EDIT, lambda world: enable(world, MACHINES[name][0], assignment), fault, machine=name, terms=terms
        )

    @rule(name=NAMES, terms=TERMS, fault=FAULTS)
    def somebody_writes_a_policy(self, name: str, terms: Terms, fault: Fault) -> None:
        self.write(name, terms, fault)

    @rule(name=NAMES, fault=FAULTS)
    def somebody_takes_a_policy_away(self, name: str, fault: Fault) -> None:
        self.act(Kind.DISABLE, lambda world: disable(world, MACHINES[name][0], Removal(BOB)), fault, machine=name)
        self.stage.locked.discard(name)

    def request(self, asked: Asked, fault: Fault, key: str | None = None) -> None:
        id_, attempts = (asked.who.name, key or ""), self.stage.town.shelf.attempts
        told = Ask(
            MACHINES[asked.machine][0], in_words(asked), person(asked.who), Asker(asked.who.ids, asked.who.address)
        )
        told = replace(told, key=key, digest=repr(asked))
        is_new, grant = self.keys.get(id_, asked) == asked, ""
        if id_ in attempts and attempts[id_].grant in self.stage.model.lives and is_new:
            grant = attempts[id_].grant
        about = {"grant": grant, "asked": asked if is_new else None, "who": asked.who}
        self.act(Kind.ASK, lambda world: ask(world, told), fault, **about)
        if id_ in attempts:
            self.keys.setdefault(id_, asked)

    @rule(asked=ASKED, ahead=st.none() | minutes(-3, 5, 30), ends=st.booleans(), fault=FAULTS)
    def somebody_asks(self, asked: Asked, ahead: timedelta | None, ends: bool, fault: Fault) -> None:  # noqa: FBT001 - drawn.
        now = self.stage.town.clock.now()
        start = now + ahead if ahead else None
        asked = replace(asked, starts_at=start)
        if ends and asked.duration:
            asked = replace(asked, duration=None, ends_at=max(now, start or now) + asked.duration)
        self.request(asked, fault)

    @rule(asked=ASKED, key=st.sampled_from(("1", "2")), fault=FAULTS)
    def somebody_asks_safely(self, asked: Asked, key: str, fault: Fault) -> None:
        self.request(asked, fault, key)

    @precondition(lambda self: self.stage.model.terms)
    @rule(data=st.data(), asked=ASKED, lasts=minutes(10, 20), ahead=st.none() | minutes(5, 30), fault=FAULTS)
    def somebody_asks_for_what_is_offered(
        self, data: st.DataObject, asked: Asked, lasts: timedelta, ahead: timedelta | None, fault: Fault
    ) -> None:
        name, terms = data.draw(st.sampled_from(sorted(self.stage.model.terms.items())))
        asked = replace(asked, machine=name, who=data.draw(st.sampled_from((ANN, BEN))), ports=terms.ports, source=None)
        start = self.stage.town.clock.now() + ahead if ahead else None
        self.request(replace(asked, duration=lasts, starts_at=start, break_glass=False, **WORDS), fault)

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), fault=FAULTS)
    def somebody_repeats_a_request(self, data: st.DataObject, fault: Fault) -> None:
        (_, key), asked = data.draw(st.sampled_from(sorted(self.keys.items(), key=repr)))
        self.request(asked, fault, key)

    @rule(asked=ASKED)
    def somebody_only_wants_to_know(self, asked: Asked) -> None:
        told = Ask(
            MACHINES[asked.machine][0], in_words(asked), person(asked.who), Asker(asked.who.ids, asked.who.address)
        )
        shelf, cloud = self.stage.town.shelf, self.stage.town.cloud
        before = (
            dict(shelf.grants),
            set(shelf.dues),
            {k: dict(v) for k, v in shelf.desks.items() if v},
            dict(cloud.groups),
        )
        self.act(Kind.OTHER, lambda world: foretell(world, told), Fault())
        after = (
            dict(shelf.grants),
            set(shelf.dues),
            {k: dict(v) for k, v in shelf.desks.items() if v},
            dict(cloud.groups),
        )
        assert before == after

    @precondition(lambda self: self.stage.model.lives)
    @rule(data=st.data(), who=VOICES, fault=FAULTS)
    def somebody_approves(self, data: st.DataObject, who: Human, fault: Fault) -> None:
        life = self.some(data, "pending", "active") if data.draw(st.booleans()) else self.some(data)
        voice = Voice(person(who), who.ids)
        self.act(Kind.APPROVE, lambda world: approve(world, life.id, voice), fault, grant=life.id, who=who)

    @precondition(lambda self: any(_waits(life) for life in self.stage.model.lives.values()))
    @rule(data=st.data(), who=VOICES, is_own=st.sampled_from((False, False, True)))
    def somebody_approves_what_waits(self, data: st.DataObject, who: Human, is_own: bool) -> None:  # noqa: FBT001 - drawn.
        waiting = [life for _, life in sorted(self.stage.model.lives.items()) if _waits(life)]
        life = data.draw(st.sampled_from(waiting))
        who = life.asked.who if is_own else who
        voice = Voice(person(who), who.ids)
        self.act(Kind.APPROVE, lambda world: approve(world, life.id, voice), Fault(), grant=life.id, who=who)

    @precondition(lambda self: self.stage.model.lives)
    @rule(data=st.data(), who=VOICES, fault=FAULTS)
    def somebody_denies(self, data: st.DataObject, who: Human, fault: Fault) -> None:
        life, voice = self.some(data), Voice(person(who), who.ids)
        self.act(Kind.DENY, lambda world: deny(world, life.id, voice), fault, grant=life.id, who=who)

    @precondition(lambda self: self.stage.model.lives)
    @rule(data=st.data(), fault=FAULTS)
    def somebody_takes_it_back(self, data: st.DataObject, fault: Fault) -> None:
        life = self.some(data)
        mine = person(life.asked.who)
        self.act(Kind.CANCEL, lambda world: cancel(world, life.id, mine), fault, grant=life.id, who=life.asked.who)

    @precondition(lambda self: self.stage.model.lives)
    @rule(data=st.data(), fault=FAULTS)
    def somebody_gives_up(self, data: st.DataObject, fault: Fault) -> None:
        life = self.some(data)
        self.act(Kind.REVOKE, lambda world: revoke(world, life.id, BOB), fault, grant=life.id)

    @precondition(lambda self: any(life.state == "active" for life in self.stage.model.lives.values()))
    @rule(data=st.data(), lasts=minutes(4, 15, 60, 200), until=st.booleans(), fault=FAULTS)
    def somebody_wants_to_stay(self, data: st.DataObject, lasts: timedelta, until: bool, fault: Fault) -> None:  # noqa: FBT001 - drawn.
        life = self.some(data, "active")
        end = self.stage.town.clock.now() + lasts
        more = More(None, end, "more") if until else More(lasts, None, "more")
        stored, who = self.stage.town.shelf.grants[life.id], life.asked.who
        voice = Who(person(who), Asker(who.ids, who.address))
        about = {"grant": life.id, "who": who, "longer": end if until else lasts}
        self.act(Kind.EXTEND, lambda world: extend(world, stored, more, voice), fault, **about)

    @precondition(lambda self: self.stage.model.lives)
    @rule(data=st.data(), fault=FAULTS)
    def somebody_looks(self, data: st.DataObject, fault: Fault) -> None:
        life = self.some(data)
        stored = self.stage.town.shelf.grants[life.id]
        self.act(Kind.LOOK, lambda world: resume(world, stored), fault, grant=life.id)

    @rule(seconds=st.sampled_from((1, 16, 130, 400, 700, 2000)))
    def time_passes(self, seconds: int) -> None:
        self.stage.town.clock.advance(timedelta(seconds=seconds))
        self.act(Kind.OTHER, _nothing, Fault())

    @precondition(lambda self: self.stage.model.lives)
    @rule(data=st.data(), seconds=st.sampled_from((-10, -1, 0, 1)))
    def time_passes_until_something_is_due(self, data: st.DataObject, seconds: int) -> None:
        life, clock = self.some(data), self.stage.town.clock
        times = [time for time in (life.ends_at, life.asked.starts_at, life.lapses_at) if time]
        at = data.draw(st.sampled_from(times)) + timedelta(seconds=seconds)
        clock.advance(max(timedelta(), at - clock.now()))
        self.act(Kind.OTHER, _nothing, Fault())

    @rule(fault=FAULTS)
    def the_timer_sweeps(self, fault: Fault) -> None:
        self.act(Kind.SWEEP, sweep, fault)

    @rule(fault=FAULTS)
    def the_timer_starts(self, fault: Fault) -> None:
        self.act(Kind.START, start_due, fault)

    @rule(fault=FAULTS)
    def the_timer_repairs(self, fault: Fault) -> None:
        self.act(Kind.REPAIR, repair, fault)

    @precondition(lambda self: self.stage.town.shelf.reminders)
    @rule(data=st.data(), is_last=st.booleans(), fault=FAULTS)
    def a_reminder_comes(self, data: st.DataObject, is_last: bool, fault: Fault) -> None:  # noqa: FBT001 - drawn.
        """At its time, or late; and again, unless it is the last time."""
        reminders, clock = self.stage.town.shelf.reminders, self.stage.town.clock
        grant, at = data.draw(st.sampled_from(sorted(reminders)))
        clock.advance(max(timedelta(), at - clock.now()))
        if is_last:
            reminders.remove((grant, at))
        self.act(Kind.REMIND, lambda world: remind(world, grant), fault, grant=grant)

    @precondition(lambda self: self.stage.town.shelf.reminders)
    @rule()
    def reminders_are_lost(self) -> None:
        self.stage.town.shelf.reminders.clear()

    @rule(id_=st.sampled_from((GROUP, SUBNET_GROUP)), mark=st.sampled_from((OPEN_MARK, LOCK_MARK)))
    def a_customer_deletes_rules_of_ours(self, id_: str, mark: str) -> None:
        stage, nsg = self.stage, self.stage.town.cloud.groups[id_.lower()]
        behind = {name for name in MACHINES if id_.lower() in stage.ways(name)}
        stage.town.cloud.put(replace(nsg, rules=tuple(one for one in nsg.rules if one.mark != mark)))
        if mark == LOCK_MARK:
            stage.locked -= behind
        else:
            for life in stage.model.lives.values():
                life.tampered |= life.asked.machine in behind and life.state in HOLDING
        self.act(Kind.OTHER, _nothing, Fault())

    @rule(id_=st.sampled_from((GROUP, SUBNET_GROUP)), line=NEWCOMERS)
    def a_customer_writes_a_rule_or_takes_it_back(self, id_: str, line: str) -> None:
        stage, new, nsg = self.stage, written(line), self.stage.town.cloud.groups[id_.lower()]
        mine = stage.foreign[id_.lower()]
        if new.name in mine:
            del mine[new.name]
            rules = tuple(one for one in nsg.rules if one.name != new.name)
        elif all(one.priority != new.priority for one in nsg.rules):
            mine[new.name] = new
            rules = (*nsg.rules, new)
        else:
            return
        stage.town.cloud.put(replace(nsg, rules=rules))
        behind = {name for name in MACHINES if id_.lower() in stage.ways(name)}
        stage.locked -= behind
        if new.priority in {FIRST, FIRST + 1}:
            stage.model.obstructed |= behind
        self.act(Kind.OTHER, _nothing, Fault())

    def teardown(self) -> None:
        """In the end a sweep that meets no failure closes everything."""
        try:
            self.stage.town.clock.advance(timedelta(days=2))
            self.act(Kind.SWEEP, sweep, Fault())
            self.act(Kind.REPAIR, repair, Fault())
            assert not [life for life in self.stage.model.lives.values() if life.state in WAITING | HOLDING]
            assert list(self.stage.town.holes()) == []
        finally:
            self.stage.runner.close()


def _waits(life: Life) -> bool:
    return life.state == "pending" or (life.state == "active" and life.wait is not None)


async def _nothing(world: object) -> None:
    """Nobody does anything."""


LONG = os.environ.get("STORIES") == "long"
PROFILE = settings(
    max_examples=3000 if LONG else 60,
    stateful_step_count=60 if LONG else 30,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestStories = Story.TestCase
# Telling a failing story briefly takes longer than all the stories that go well.
setattr(TestStories, "pytestmark", [pytest.mark.timeout(36_000 if LONG else 600)])  # noqa: B010 - its type does not know of marks.
TestStories.settings = PROFILE
