"""`python -m emulator.story`: start the box, play the story, and go on serving; with ONCE set, end after the story.

Knows the order of the whole evening and its exit status. Refuses to know what a step does.
"""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import httpx
from rich.console import Console
from rich.text import Text

from emulator.box import Box, find_site, keep, run
from emulator.guide import describe_box
from emulator.story.display import make_console, show_claim, show_scene, show_title
from emulator.story.plot import Cast, Claim, Memory, Step, play
from emulator.story.stage import Stage, StageError
from emulator.story.steps import STEPS

PAUSE = 0.5  # seconds between two looks at the clock


async def tell(console: Console, cast: Cast, steps: Sequence[Step]) -> int:
    """Play every step; the number of claims that did not hold. An error ends the story and counts as one."""
    wrong = 0
    for number, step in enumerate(steps, 1):
        show_title(console, number, step)
        try:
            scene = await play(step, cast)
        except (StageError, httpx.HTTPError) as error:
            show_claim(console, Claim(f"{type(error).__name__}: {error}", holds=False))
            return wrong + 1
        show_scene(console, scene)
        wrong += sum(not claim.holds for claim in scene.claims)
    return wrong


class RealClock:
    """Real time; on a terminal the seconds left are seen to go by."""

    def __init__(self, console: Console) -> None:
        self._status = console.status("")
        self._is_seen = console.is_terminal

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def wait(self, left: float) -> None:
        if self._is_seen:
            self._status.update(f"waiting, for {left:.0f} s at most")
            self._status.start()
        await asyncio.sleep(min(PAUSE, left))
        self._status.stop()


async def perform(environ: Mapping[str, str], console: Console) -> int:
    """The whole evening; its exit status: 0 when everything was as it should be."""
    begun = time.monotonic()
    box = Box(find_site(environ))

    async def act() -> int:
        console.print(f"The box is up after {time.monotonic() - begun:.1f} s: Azurite, ARM and the Functions host.")
        wrong = await tell(console, Cast(Stage(box.client, box.site), Memory(), RealClock(console)), STEPS)
        console.print()
        console.print(summarise(wrong, time.monotonic() - begun))
        if not environ.get("ONCE"):
            console.print(f"\nThe box goes on serving.\n\n{describe_box(box.site)}", markup=False, soft_wrap=True)
            await asyncio.Event().wait()
        return 1 if wrong else 0

    console.print("Starting Azurite, the ARM emulator and the Functions host ...")
    return await keep(box, act)


def summarise(wrong: int, seconds: float) -> Text:
    if wrong:
        return Text(f"The story went wrong: {wrong} of its claims did not hold.", "bold red")
    return Text(f"Everything was as it should be. The story took {seconds:.0f} s.", "bold green")


if __name__ == "__main__":
    sys.exit(run(perform(os.environ, make_console(terminal=sys.stdout.isatty()))))
