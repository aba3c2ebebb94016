"""The page about computers says which scripts it is about, and what they do."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

from shared.domain.firewalls import System, Trouble, write
from tests.domain.test_firewalls import LOCK
from tests.domain.values import NOW

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/hosts.md").read_text("utf-8")
SHELL = (ROOT / "shared/hosts/gate.sh").read_text("utf-8")


@pytest.mark.parametrize("name", ["gate.sh", "gate.ps1"])
def test_the_page_is_about_this_very_script(name: str) -> None:
    digest = sha256((ROOT / "shared/hosts" / name).read_bytes()).hexdigest()
    assert [digest] == re.findall(rf"^\| \[`{name}`\].*`([0-9a-f]{{64}})` \|$", PAGE, re.MULTILINE)


def test_every_parameter_is_documented() -> None:
    assert [] == [name for name in write((LOCK,), System.WINDOWS, NOW, 7) if f"`{name}`" not in PAGE]


def test_every_status_is_documented() -> None:
    told = {Trouble.STALE, Trouble.SKEW, Trouble.REFUSED, Trouble.UNSUPPORTED, Trouble.FAILED}
    table = PAGE.partition("| ends with |")[2].partition("\n\n")[0]
    assert {*told, "applied"} == set(re.findall(r"`(\w+)`", table))


def test_the_guards_of_the_page_are_those_of_the_script() -> None:
    quoted = re.findall(r"^\| `([^`]+ accept)` \|", PAGE, re.MULTILINE)
    assert 3 == len(quoted)
    assert [] == [line for line in quoted if line not in SHELL.replace("\\", "")]


def test_what_is_undone_by_hand_is_what_the_script_made() -> None:
    by_hand = PAGE.partition("## To undo it by hand")[2]
    made = ("table inet postern", "/var/lib/postern", "postern-gate.service", "postern-gate-deadline.timer")
    assert [] == [name for name in made if name not in by_hand or name not in SHELL]
