"""Random callers, requests, decisions, clock jumps, timers and failures, held against a plain model after each step.

`STORIES=long` tells many more and longer stories (`make test-stateful`).
"""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from shared.domain.approvals import Approval
from shared.domain.grants import Grant
from shared.domain.guarding import Guarded
from shared.domain.machines import MachineId
from shared.domain.people import Person
from shared.ports import Due, Stored
from shared.services.world import World
from tests.services import memory
from tests.stateful.story import Story

LONG = os.environ.get("STORIES") == "long"
PROFILE = settings(
    max_examples=3000 if LONG else 45,
    stateful_step_count=60 if LONG else 35,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestStories = Story.TestCase
# Telling a failing story briefly takes longer than all the stories that go well.
setattr(TestStories, "pytestmark", [pytest.mark.timeout(36_000 if LONG else 600)])  # noqa: B010 - its type does not know of marks.
TestStories.settings = PROFILE


class Lenient(memory.MemoryPolicies):
    """Policies that ask for less approval than they were written with."""

    def soften(self, approval: Approval) -> Approval:
        """What is left of it."""
        return replace(approval, count=1)

    async def get(self, id_: MachineId) -> Stored[Guarded] | None:
        """The machine's policy, softened."""
        stored = await super().get(id_)
        if stored is None:
            return None
        policy = replace(stored.value.policy, approval=self.soften(stored.value.policy.approval))
        return replace(stored, value=replace(stored.value, policy=policy))


class Nameless(Lenient):
    """Policies that forget whom they name as approvers."""

    def soften(self, approval: Approval) -> Approval:
        """Anybody will do."""
        return replace(approval, approvers=())


class Unasking(Lenient):
    """Policies that ask nobody."""

    def soften(self, approval: Approval) -> Approval:
        """Nobody is asked."""
        return replace(approval, required=False)


class Forgetful(memory.MemoryGrants):
    """Grants of which something is told wrongly."""

    def tell(self, grant: Grant) -> Grant:
        """A request that never lapses."""
        return replace(grant, lapses_at=grant.lapses_at + timedelta(days=3)) if grant.lapses_at else grant

    async def get(self, id_: str) -> Stored[Grant] | None:
        """One grant, as it is told."""
        stored = await super().get(id_)
        return replace(stored, value=self.tell(stored.value)) if stored else None


class Anonymous(Forgetful):
    """Grants that do not tell who asked, so that nobody is kept from deciding about a request of their own."""

    def tell(self, grant: Grant) -> Grant:
        """A request of nobody."""
        return replace(grant, requestor=Person("nobody", "Nobody"))


class Doubling(Forgetful):
    """Grants in which one approval looks like two."""

    def tell(self, grant: Grant) -> Grant:
        """Somebody else is made to have said the same."""
        said = [replace(one, by=Person("fay", "Fay")) for one in grant.decisions if one.by.id == "carol"]
        return grant if len(said) != len(grant.decisions) else replace(grant, decisions=(*grant.decisions, *said))


class Silent(memory.MemoryGrants):
    """Grants whose changes are not all recorded."""

    async def record(self, grant: Grant) -> None:
        """Keep quiet about every third change."""
        if grant.occurrence.number % 3 != 1:
            await super().record(grant)


class Late(memory.MemoryDues):
    """Deadlines that are found an hour late."""

    async def until(self, now: datetime) -> AsyncIterator[Due]:
        """What was due an hour ago."""
        async for due in super().until(now - timedelta(hours=1)):
            yield due


BROKEN: dict[str, Callable[[World], World]] = {
    "one approval is always enough": lambda world: replace(world, policies=_over(Lenient, world.policies)),
    "anybody approves": lambda world: replace(world, policies=_over(Nameless, world.policies)),
    "nobody is asked": lambda world: replace(world, policies=_over(Unasking, world.policies)),
    "requests do not lapse": lambda world: replace(world, grants=_over(Forgetful, world.grants)),
    "people approve their own requests": lambda world: replace(world, grants=_over(Anonymous, world.grants)),
    "one voice counts twice": lambda world: replace(world, grants=_over(Doubling, world.grants)),
    "changes are not recorded": lambda world: replace(world, grants=_over(Silent, world.grants)),
    "holes are closed late": lambda world: replace(world, dues=_over(Late, world.dues)),
}


def _over[P: memory.Port](kind: type[P], port: object) -> P:
    """A broken port with what a sound one has."""
    assert isinstance(port, memory.Port)
    return kind(port.shelf, port.process, port.clock)


SUBTLE = {"one approval is always enough", "anybody approves"}  # Found too, but not within seconds.


@pytest.mark.parametrize(
    "spoil", [pytest.param(spoil, id=name) for name, spoil in BROKEN.items() if LONG or name not in SUBTLE]
)
def test_the_stories_tell_when_something_is_broken(spoil: Callable[[World], World]) -> None:
    broken = type("Broken", (Story,), {"spoil": lambda _, world: spoil(world)})
    quick = settings(PROFILE, max_examples=300, phases=[Phase.generate], report_multiple_bugs=False, database=None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(broken, settings=quick)
