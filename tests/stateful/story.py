"""What may happen in a story: people act, time passes, timers run, things fail, customers edit their groups."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from operator import itemgetter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from shared.domain.decisions import Asker
from shared.services.approving import Voice, approve, cancel, deny
from shared.services.enabling import Assignment, enable
from shared.services.extending import Who, extend
from shared.services.grants import Ask, ask, foretell, revoke
from shared.services.opening import resume
from shared.services.policies import Removal, disable
from shared.services.repairing import repair
from shared.services.starting import start_due
from shared.services.sweeping import remind, sweep
from shared.services.world import World
from tests.services.test_extending import More
from tests.services.town import BOB
from tests.stateful.acts import Act, Kind
from tests.stateful.customers import nothing
from tests.stateful.drawing import (
    AHEAD,
    ANN,
    ASKED,
    BEN,
    FAULTS,
    NAMES,
    RARELY,
    SAYINGS,
    TERMS,
    VOICES,
    in_words,
    minutes,
    person,
)
from tests.stateful.happening import HAPPENINGS, happens
from tests.stateful.model import HOLDING, WAITING, Life
from tests.stateful.stage import MACHINES, Fault, Stage, translate
from tests.stateful.terms import SHORTEST, Asked, Human, Terms

WELL = Fault()


class Story(RuleBasedStateMachine):
    """One town, one model, and everything that may befall them."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.keys: dict[tuple[str, str], Asked] = {}
        self.born: dict[tuple[str, str], str] = {}  # The grant that came of a request under a key.

    def act(
        self, act: Act, do: Callable[[World], Awaitable[object]], fault: Fault = WELL, asked: Asked | None = None
    ) -> None:
        """Do something; `act` says to whom the model puts it down."""
        # Whoever changes a machine's policy stores again what was read of it, and is told the truth.
        is_spoilt = act.kind not in {Kind.EDIT, Kind.DISABLE, Kind.REPAIR}
        self.stage.act(act, lambda world: do(self.spoil(world) if is_spoilt else world), fault, asked)

    def spoil(self, world: World) -> World:
        """For worlds that are broken on purpose."""
        return world

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        possible = [one for one in HAPPENINGS if one.can(self)]
        what = data.draw(st.integers(0, len(possible) - 1).map(possible.__getitem__), label="what")
        what.do(self, **data.draw(what.drawn, label="how"))

    def some(self, data: st.DataObject, *states: str) -> Life:
        """A grant, rather one of those that are not over."""
        lives = self.stage.model.lives
        fitting = [id_ for id_, life in lives.items() if life.state in (states or WAITING | HOLDING)]
        return lives[data.draw(st.sampled_from(sorted(fitting or lives)))]

    @initialize(terms=st.fixed_dictionaries(dict.fromkeys(sorted(MACHINES), TERMS)))
    def begin(self, terms: dict[str, Terms]) -> None:
        for name, one in terms.items():
            self.write(name, one, WELL)

    def write(self, name: str, terms: Terms, fault: Fault) -> None:
        assignment = Assignment(translate(terms), BOB)
        act = Act(Kind.EDIT, machine=name, terms=terms)
        self.act(act, lambda world: enable(world, MACHINES[name][0], assignment), fault)

    @happens(2, data=st.data(), terms=TERMS, goes=RARELY, fault=FAULTS)
    def an_administrator_writes_a_policy_or_takes_it_away(
        self, data: st.DataObject, terms: Terms, *, goes: bool, fault: Fault
    ) -> None:
        waited_for = {life.asked.machine for life in self.stage.model.lives.values() if life.state in WAITING}
        name = data.draw(st.sampled_from(sorted(waited_for)) | NAMES if waited_for else NAMES)
        if not goes:
            self.write(name, terms, fault)
            return
        act = Act(Kind.DISABLE, machine=name)
        self.act(act, lambda world: disable(world, MACHINES[name][0], Removal(BOB)), fault)

    def request(self, asked: Asked, fault: Fault, key: str | None = None) -> None:
        id_, attempts = (asked.who.name, key or ""), self.stage.town.shelf.attempts
        told = Ask(
            MACHINES[asked.machine][0], in_words(asked), person(asked.who), Asker(asked.who.ids, asked.who.address)
        )
        told = replace(told, key=key, digest=repr(asked))
        is_new, grant = self.keys.get(id_, asked) == asked, ""
        if key and is_new:
            grant = self.born.get(id_, "")
        before = set(self.stage.model.lives)
        act = Act(Kind.ASK, grant=grant, who=asked.who)
        self.act(act, lambda world: ask(world, told), fault, asked if is_new else None)
        if id_ in attempts:
            self.keys.setdefault(id_, asked)
        for born in set(self.stage.model.lives) - before if key else ():
            self.born[id_] = born

    def fitting(self, data: st.DataObject, asked: Asked) -> Asked:
        """A request like this one that the policy of some machine allows, whatever else it asks for."""
        name, terms = data.draw(st.sampled_from(sorted(self.stage.model.terms.items(), key=itemgetter(0))))
        who = data.draw(st.sampled_from((ANN, ANN, BEN)))
        fits = replace(asked, machine=name, who=who, ports=terms.ports, source=None, break_glass=False)
        return replace(
            fits, duration=max(asked.duration or SHORTEST, SHORTEST), justification="to mend it", ticket="INC123"
        )

    @happens(6, data=st.data(), asked=ASKED, ahead=AHEAD, ends=RARELY, fault=FAULTS)
    def somebody_asks(
        self, data: st.DataObject, asked: Asked, ahead: timedelta | None, *, ends: bool, fault: Fault
    ) -> None:
        if self.stage.model.terms and not data.draw(RARELY):
            asked = self.fitting(data, asked)
        now = self.stage.town.clock.now()
        asked = replace(asked, starts_at=now + ahead if ahead else None)
        if ends and asked.duration:
            asked = replace(asked, duration=None, ends_at=max(now, asked.starts_at or now) + asked.duration)
        self.request(asked, fault)

    @happens(2, data=st.data(), asked=ASKED, key=st.sampled_from(("1", "2")), repeats=st.booleans(), fault=FAULTS)
    def somebody_asks_safely(self, data: st.DataObject, asked: Asked, key: str, *, repeats: bool, fault: Fault) -> None:
        if repeats and self.keys:
            (_, key), asked = data.draw(st.sampled_from(sorted(self.keys.items(), key=repr)))
        elif self.stage.model.terms:
            asked = self.fitting(data, asked)
        self.request(asked, fault, key)

    @happens(1, asked=ASKED)
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
        self.act(Act(Kind.OTHER), lambda world: foretell(world, told))
        after = (
            dict(shelf.grants),
            set(shelf.dues),
            {k: dict(v) for k, v in shelf.desks.items() if v},
            dict(cloud.groups),
        )
        assert before == after

    @happens(
        6,
        when=lambda self: any(map(_waits, self.stage.model.lives.values())),
        data=st.data(),
        who=VOICES,
        says=st.sampled_from((*[Kind.APPROVE] * 5, Kind.DENY)),
        fault=FAULTS,
    )
    def somebody_decides(self, data: st.DataObject, who: Human | None, says: Kind, fault: Fault) -> None:
        waiting = [life for _, life in sorted(self.stage.model.lives.items()) if _waits(life)]
        life = data.draw(st.sampled_from(waiting))
        self.say(says, life, who or life.asked.who, fault)

    @happens(
        4,
        when=lambda self: self.stage.model.lives,
        data=st.data(),
        who=VOICES,
        says=st.sampled_from(SAYINGS),
        fault=FAULTS,
    )
    def somebody_says_something(self, data: st.DataObject, who: Human | None, says: Kind, fault: Fault) -> None:
        life = self.some(data)
        mine = says is Kind.CANCEL  # Only whoever asked gets that far.
        self.say(says, life, life.asked.who if mine or not who else who, fault)

    def say(self, says: Kind, life: Life, who: Human, fault: Fault) -> None:
        voice, stored = Voice(person(who), who.ids), self.stage.town.shelf.grants[life.id]
        words: dict[Kind, Callable[[World], Awaitable[object]]] = {
            Kind.APPROVE: lambda world: approve(world, life.id, voice),
            Kind.DENY: lambda world: deny(world, life.id, voice),
            Kind.CANCEL: lambda world: cancel(world, life.id, voice.person),
            Kind.REVOKE: lambda world: revoke(world, life.id, voice.person),
            Kind.LOOK: lambda world: resume(world, stored),
        }
        self.act(Act(says, grant=life.id, who=who), words[says], fault)

    @happens(
        3,
        when=lambda self: any(life.state == "active" for life in self.stage.model.lives.values()),
        data=st.data(),
        lasts=minutes(4, 15, 60, 200),
        until=st.booleans(),
        fault=FAULTS,
    )
    def somebody_wants_to_stay(self, data: st.DataObject, lasts: timedelta, *, until: bool, fault: Fault) -> None:
        life = self.some(data, "active")
        end = self.stage.town.clock.now() + lasts
        more = More(None, end, "more") if until else More(lasts, None, "more")
        stored, who = self.stage.town.shelf.grants[life.id], life.asked.who
        voice = Who(person(who), Asker(who.ids, who.address))
        act = Act(Kind.EXTEND, grant=life.id, who=who, longer=end if until else lasts)
        self.act(act, lambda world: extend(world, stored, more, voice), fault)

    @happens(2, seconds=st.sampled_from((1, 16, 130, 400, 2000)))
    def time_passes(self, seconds: int) -> None:
        self.stage.town.clock.advance(timedelta(seconds=seconds))
        self.act(Act(Kind.OTHER), nothing)

    @happens(3, when=lambda self: self.stage.model.lives, data=st.data(), seconds=st.sampled_from((-10, -1, 0, 1)))
    def time_passes_until_something_is_due(self, data: st.DataObject, seconds: int) -> None:
        life, clock = self.some(data), self.stage.town.clock
        times = [time for time in (life.ends_at, life.asked.starts_at, life.lapses_at) if time]
        at = data.draw(st.sampled_from(times)) + timedelta(seconds=seconds)
        clock.advance(max(timedelta(), at - clock.now()))
        self.act(Act(Kind.OTHER), nothing)

    @happens(3, which=st.sampled_from((Kind.SWEEP, Kind.SWEEP, Kind.START, Kind.START, Kind.REPAIR)), fault=FAULTS)
    def a_timer_runs(self, which: Kind, fault: Fault) -> None:
        timers: dict[Kind, Callable[[World], Awaitable[object]]]
        timers = {Kind.SWEEP: sweep, Kind.START: start_due, Kind.REPAIR: repair}
        self.act(Act(which), timers[which], fault)

    @happens(2, when=lambda self: self.stage.town.shelf.reminders, data=st.data(), is_last=st.booleans(), fault=FAULTS)
    def a_reminder_comes(self, data: st.DataObject, *, is_last: bool, fault: Fault) -> None:
        """At its time, or late; and again, unless it is the last time."""
        reminders, clock = self.stage.town.shelf.reminders, self.stage.town.clock
        grant, at = data.draw(st.sampled_from(sorted(reminders)))
        clock.advance(max(timedelta(), at - clock.now()))
        if is_last:
            reminders.remove((grant, at))
        self.act(Act(Kind.REMIND, grant=grant), lambda world: remind(world, grant), fault)

    @happens(1, when=lambda self: self.stage.town.shelf.reminders)
    def reminders_are_lost(self) -> None:
        self.stage.town.shelf.reminders.clear()

    def teardown(self) -> None:
        """In the end a sweep that meets no failure closes everything."""
        try:
            if not self.stage.sound:
                return  # What went wrong is told already.
            self.stage.town.clock.advance(timedelta(days=2))
            self.act(Act(Kind.SWEEP), sweep)
            self.act(Act(Kind.REPAIR), repair)
            assert not [life for life in self.stage.model.lives.values() if life.state in WAITING | HOLDING]
            assert list(self.stage.town.holes()) == []
        finally:
            self.stage.runner.close()


def _waits(life: Life) -> bool:
    return life.state == "pending" or (life.state == "active" and life.wait is not None)
