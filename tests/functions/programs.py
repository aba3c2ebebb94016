"""Functions that tests write themselves, in place of a worker, and what the host needs to know of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from emulator.functions.catalog import Function, Trigger
from emulator.functions.retries import Policy
from emulator.functions.worker import Call, Failed, Outcome, Succeeded

type Program = Callable[[Call], Awaitable[Outcome]]


async def succeed(_: Call) -> Outcome:
    return Succeeded(None)


async def fail(_: Call) -> Outcome:
    return Failed("it fails", "")


@dataclass
class Recorder:
    """Runs one program for every call, and remembers the calls."""

    program: Program = succeed
    calls: list[Call] = field(default_factory=list)

    async def invoke(self, call: Call) -> Outcome:
        self.calls.append(call)
        return await self.program(call)


def declare(trigger: Trigger, retry: Policy | None = None) -> Function:
    return Function(id="1", name="it", argument="it", trigger=trigger, retry=retry, bindings=())
