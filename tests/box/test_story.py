"""The story notices what is not as it should be, and says so by its exit status."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from emulator.box import Site
from emulator.ports import Ports
from emulator.story.__main__ import summarise, tell
from emulator.story.display import make_console
from emulator.story.plot import Cast, Memory, judge
from emulator.story.stage import Stage, Verdict
from emulator.story.steps import STEPS
from tests.box.worlds import World


async def perform(world: World, console: Console) -> int:
    async with world.client() as client:
        return await tell(console, Cast(Stage(client, Site(Ports(), Path())), Memory(), world.clock), STEPS)


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=110)


def read(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_a_world_as_it_should_be_has_nothing_wrong(console: Console) -> None:
    assert await perform(World(), console) == 0
    assert "WRONG" not in read(console)


@pytest.mark.parametrize(
    "flaw",
    [
        *(
            "lists wrongly",
            "no lock",
            "opens unasked",
            "open to all",
            "closes early",
            "never closes",
            "edits",
            "refuses",
        ),
        *("refuses", "counts wrongly", "lets a bot in", "ties nothing", "hides a bot", "is late"),
    ],
)
async def test_each_flaw_is_noticed_and_said(flaw: str, console: Console) -> None:
    assert await perform(World(flaw), console) > 0
    assert "WRONG" in read(console)


async def test_an_error_of_the_app_is_quoted(console: Console) -> None:
    await perform(World("refuses"), console)
    assert "POST /api/grants answered 422" in read(console)
    assert "not today" in read(console)


async def test_words_alone_tell_the_story(console: Console) -> None:
    await perform(World(), console)
    told = read(console)
    assert "\x1b" not in told
    assert [step.title for step in STEPS] == [step.title for step in STEPS if step.title in told]


def test_a_port_open_to_one_too_many_is_wrong() -> None:
    verdicts = [Verdict(source, 22, passes=True, rule=None) for source in ("192.0.2.1", "192.0.2.2")]
    claims = judge(verdicts, lambda source, port: (source, port) == ("192.0.2.1", 22))
    assert [(claim.text, claim.holds) for claim in claims[:1]] == [("port 22 is open to 192.0.2.1 alone", False)]


def test_a_story_that_went_wrong_says_how_much() -> None:
    assert "2 of its claims" in summarise(2, 10.0).plain
    assert "Everything was as it should be" in summarise(0, 10.0).plain


def test_a_file_gets_lines_of_one_width() -> None:
    assert make_console(terminal=False).width == 110
