"""Stories that the machine makes up: people act, time passes, things fail, processes die, others edit the groups.

Whatever happens, the invariants of docs/architecture hold; each is written here as a sentence of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.domain.guarding import Stage
from shared.domain.machines import MachineId
from shared.domain.policies import Lock, Policy, Scope
from shared.domain.rules import LOCK_MARK, OPEN_MARK, Flush, Nsg, Rule
from shared.ports import Conflict, NotFound, Unavailable
from shared.services.enabling import Assignment, enable, enable_all
from shared.services.extending import extend
from shared.services.grants import ask, revoke
from shared.services.opening import resume
from shared.services.policies import Removal, disable
from shared.services.repairing import repair
from shared.services.sweeping import sweep
from shared.services.world import World
from tests.domain.values import GROUP, STRANGER, SUBNET_GROUP
from tests.domain.values import rule as written
from tests.services.cloud import Trouble
from tests.services.process import Crash, Process
from tests.services.test_extending import EXTENDER, More
from tests.services.town import BARE, BOB, POLICY, WEB_01, WEB_02, WEB_03, Town, wish

MACHINES = st.sampled_from((WEB_01, WEB_02, WEB_03, BARE))
ADDRESSES = {WEB_01: "10.0.0.4", WEB_02: "10.0.0.5", WEB_03: "10.0.0.6", BARE: "10.0.0.7"}
LOOSER = replace(POLICY, lock=Lock(Scope.PORTS))
ENDING = replace(POLICY, end_sessions=True)
_DOWN = st.integers(1, 40).map(lambda call: Process(errors={call: Unavailable("down")}))
_DYING = st.integers(1, 40).map(lambda call: Process(dies_at=call))
PROCESSES = st.builds(Process) | _DOWN | _DYING
TROUBLES = st.lists(st.sampled_from(Trouble), max_size=2)
NEWCOMERS = st.sampled_from(
    ("150 new-ssh Allow Tcp 22 from *", "320 new-web Allow Tcp 443 from *", "4000 new-no Deny Tcp 3389 from *")
)


class Story(RuleBasedStateMachine):
    """One town, and everything that may befall it."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.runner = asyncio.Runner()

    def act(self, act: Callable[[World], Awaitable[object]], process: Process, troubles: list[Trouble]) -> None:
        """Do something; it may fail in every way in which the world can fail."""
        self.town.cloud.troubles.extend(troubles)
        with suppress(Crash, Unavailable, Conflict, NotFound):
            self.runner.run(self.town.live(act, process))
        self.town.cloud.troubles.clear()

    def edit(self, id_: str, change: Callable[[Nsg], tuple[Rule, ...]]) -> None:
        nsg = self.town.cloud.groups[id_.lower()]
        self.town.cloud.put(replace(nsg, rules=change(nsg)))

    @initialize(machines=st.sets(MACHINES))
    def begin(self, machines: set[MachineId]) -> None:
        for machine in sorted(machines, key=str):
            self.runner.run(self.town.enable(machine))

    @rule(machine=MACHINES, policy=st.sampled_from((POLICY, ENDING)), process=PROCESSES, troubles=TROUBLES)
    def somebody_enables(self, machine: MachineId, policy: Policy, process: Process, troubles: list[Trouble]) -> None:
        self.act(lambda world: enable(world, machine, Assignment(policy, BOB)), process, troubles)

    @rule(machines=st.sets(MACHINES, min_size=2), process=PROCESSES, troubles=TROUBLES)
    def somebody_enables_many(self, machines: set[MachineId], process: Process, troubles: list[Trouble]) -> None:
        self.act(lambda world: enable_all(world, sorted(machines, key=str), Assignment(LOOSER, BOB)), process, troubles)

    @rule(machine=MACHINES, discards=st.booleans(), process=PROCESSES)
    def somebody_disables(self, machine: MachineId, discards: bool, process: Process) -> None:  # noqa: FBT001 - drawn.
        self.act(lambda world: disable(world, machine, Removal(BOB, discards_group=discards)), process, [])

    @rule(machine=MACHINES, process=PROCESSES, troubles=TROUBLES)
    def somebody_disables_in_trouble(self, machine: MachineId, process: Process, troubles: list[Trouble]) -> None:
        self.act(lambda world: disable(world, machine, Removal(BOB)), process, troubles)

    @rule()
    def somebody_takes_the_group_off_a_machine(self) -> None:
        machine = self.town.cloud.machines[BARE]
        bare = tuple(replace(place, nic_nsg=None) for place in machine.endpoints)
        self.town.cloud.machines[BARE] = replace(machine, endpoints=bare)

    @rule(machine=MACHINES, port=st.sampled_from((22, 3389)), process=PROCESSES, troubles=TROUBLES)
    def somebody_asks(self, machine: MachineId, port: int, process: Process, troubles: list[Trouble]) -> None:
        lasts = timedelta(minutes=10)
        self.act(lambda world: ask(world, wish(machine, port, lasts)), process, troubles)

    @precondition(lambda self: self.town.shelf.grants)
    @rule(data=st.data(), process=PROCESSES, troubles=TROUBLES)
    def somebody_gives_up(self, data: st.DataObject, process: Process, troubles: list[Trouble]) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.town.shelf.grants)))
        self.act(lambda world: revoke(world, id_, BOB), process, troubles)

    @precondition(lambda self: self.town.shelf.grants)
    @rule(data=st.data(), minutes=st.sampled_from((6, 30)), process=PROCESSES)
    def somebody_wants_more_time(self, data: st.DataObject, minutes: int, process: Process) -> None:
        stored = self.town.shelf.grants[data.draw(st.sampled_from(sorted(self.town.shelf.grants)))]
        self.act(lambda world: extend(world, stored, More(timedelta(minutes=minutes)), EXTENDER), process, [])

    @precondition(lambda self: self.town.shelf.grants)
    @rule(data=st.data(), process=PROCESSES, troubles=TROUBLES)
    def somebody_looks(self, data: st.DataObject, process: Process, troubles: list[Trouble]) -> None:
        stored = self.town.shelf.grants[data.draw(st.sampled_from(sorted(self.town.shelf.grants)))]
        self.act(lambda world: resume(world, stored), process, troubles)

    @rule(seconds=st.sampled_from((1, 16, 130, 400, 700)))
    def time_passes(self, seconds: int) -> None:
        self.town.clock.advance(timedelta(seconds=seconds))

    @rule(process=PROCESSES, troubles=TROUBLES)
    def the_timer_sweeps(self, process: Process, troubles: list[Trouble]) -> None:
        self.act(sweep, process, troubles)

    @rule(process=PROCESSES, troubles=TROUBLES)
    def the_timer_repairs(self, process: Process, troubles: list[Trouble]) -> None:
        self.act(repair, process, troubles)

    @rule(id_=st.sampled_from((GROUP, SUBNET_GROUP)), mark=st.sampled_from((OPEN_MARK, LOCK_MARK)))
    def somebody_deletes_our_rules(self, id_: str, mark: str) -> None:
        self.edit(id_, lambda nsg: tuple(one for one in nsg.rules if one.mark != mark))

    @rule(id_=st.sampled_from((GROUP, SUBNET_GROUP)), line=NEWCOMERS)
    def somebody_adds_a_rule(self, id_: str, line: str) -> None:
        new = written(line)

        def added(nsg: Nsg) -> tuple[Rule, ...]:
            free = all(one.priority != new.priority and one.name != new.name for one in nsg.rules)
            return (*nsg.rules, new) if free else nsg.rules

        self.edit(id_, added)

    @rule(id_=st.sampled_from((GROUP, SUBNET_GROUP)), on=st.booleans())
    def somebody_turns_the_switch(self, id_: str, on: bool) -> None:  # noqa: FBT001 - drawn.
        self.town.cloud.put(replace(self.town.cloud.groups[id_.lower()], flush=Flush(on=on)))

    @rule()
    def a_sweep_that_meets_no_failure_leaves_no_hole_without_a_living_grant(self) -> None:
        report = self.runner.run(self.town.sweep())
        assert report.problems == ()
        grants = {hole.name.removeprefix(OPEN_MARK)[:24] for hole in self.town.holes()}
        assert [id_ for id_ in grants if not self.town.grant(id_).unfinished] == []
        assert [id_ for id_ in grants if self.town.grant(id_).ends_at <= self.town.clock.now()] == []

    @rule()
    def a_repair_that_meets_no_failure_leaves_every_machine_under_a_policy_locked(self) -> None:
        report = self.runner.run(self.town.repair())
        assert report.problems == ()
        assert all(kept.value.stage is Stage.GUARDED for kept in self.town.shelf.policies.values())
        assert [id_ for id_ in self.town.shelf.policies if self.town.passes(22, STRANGER, ADDRESSES[id_])] == []
        needed = {nsg.lower() for kept in self.town.shelf.policies.values() for nsg in kept.value.flushed}
        switches = {id_: nsg.flush for id_, nsg in self.town.cloud.groups.items()}
        assert [id_ for id_ in needed if not switches[id_].on] == []
        assert [id_ for id_, flush in switches.items() if flush.ours and id_ not in needed] == []

    @invariant()
    def nothing_happened_that_never_may(self) -> None:
        assert self.town.cloud.offences == []
        assert self.town.cloud.unlocked == []

    @invariant()
    def no_hole_stands_whose_grant_is_over(self) -> None:
        ids = {hole.name.removeprefix(OPEN_MARK)[:24] for hole in self.town.holes()}
        assert [id_ for id_ in ids if not self.town.grant(id_).unfinished] == []

    @invariant()
    def every_unfinished_grant_has_a_deadline_on_the_index(self) -> None:
        due = {item.grant for item in self.town.shelf.dues}
        assert [id_ for id_, kept in self.town.shelf.grants.items() if kept.value.unfinished and id_ not in due] == []

    def teardown(self) -> None:
        """In the end everything is closed, and all of it is on record once."""
        try:
            self.town.clock.advance(timedelta(hours=1))
            self.a_sweep_that_meets_no_failure_leaves_no_hole_without_a_living_grant()
            self.a_repair_that_meets_no_failure_leaves_every_machine_under_a_policy_locked()
            assert list(self.town.holes()) == []
            assert not any(kept.value.unfinished for kept in self.town.shelf.grants.values())
            assert self.town.is_recorded_once()
            assert self.town.shelf.dues == set()
        finally:
            self.runner.close()


TestStories = Story.TestCase
# Telling a failing story briefly takes longer than all the stories that go well.
setattr(TestStories, "pytestmark", [pytest.mark.timeout(600)])  # noqa: B010 - its type does not know of marks.
TestStories.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
