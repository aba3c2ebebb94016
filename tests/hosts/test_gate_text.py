"""The script of Linux by its text, and the table that it would load, which needs neither root nor nftables."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from shared.domain.firewalls import System, write
from shared.domain.rules import Rule
from tests.domain.test_firewalls import granted
from tests.domain.values import GRANT, NOW, rule

SCRIPT = Path(__file__).parents[2] / "shared/hosts/gate.sh"
EXPECTED = Path(__file__).parent / "expected.nft"
RULES = (
    granted(f"150 postern-open-{GRANT}-1 Allow Tcp 22,80-90 from 203.0.113.7,2001:db8::/32"),
    replace(granted(f"151 postern-open-{GRANT}-2 Allow Udp * from * to 10.0.0.4,fd00::4")),
    granted(f"152 postern-open-{GRANT}-3 Allow * 443 from 10.0.0.0/8"),
    rule("200 postern-lock-ports Deny * 0-21,23-65535 from *"),
    rule("201 postern-lock-ports-icmp Deny Icmp * from *"),
    rule("202 postern-lock-ports-esp Deny Esp * from * to 10.0.0.4"),
    rule("203 postern-lock-all Deny * * from *"),
)


def print_table(shell: str, rules: tuple[Rule, ...], **settings: str) -> subprocess.CompletedProcess[str]:
    order: Mapping[str, str] = {**write(rules, System.LINUX, NOW, 7), "POSTERN_MODE": "dry", **settings}
    command = (shell, str(SCRIPT))
    return subprocess.run(command, env={**os.environ, **order}, capture_output=True, text=True, check=False)  # noqa: S603 - our own.


@pytest.mark.parametrize("shell", [name for name in ("sh", "dash", "bash") if which(name)])
def test_the_table_is_as_expected_in_every_shell(shell: str) -> None:
    table, _, report = print_table(shell, RULES).stdout.partition("POSTERN-GATE ")
    assert EXPECTED.read_text("utf-8") == table
    assert '"status":"dry"' in report


@pytest.mark.parametrize("shell", [name for name in ("sh", "dash", "bash") if which(name)])
def test_the_script_is_well_formed(shell: str) -> None:
    assert 0 == subprocess.run((shell, "-n", str(SCRIPT)), check=False).returncode  # noqa: S603 - our own.


def test_the_settings_of_who_runs_it_change_nothing() -> None:
    hostile = print_table(
        str(which("sh")), RULES, PATH="/nowhere", LC_ALL="tr_TR.UTF-8", IFS="_", CDPATH="/", TZ="Asia/Tokyo"
    )
    assert EXPECTED.read_text("utf-8") == hostile.stdout.partition("POSTERN-GATE ")[0]


@pytest.mark.parametrize("word", ["eval", "curl", "wget", "source ", ". ./", "sh -c", "flush", "iptables"])
def test_the_script_runs_nothing_from_elsewhere_and_flushes_nothing(word: str) -> None:
    code = [line for line in SCRIPT.read_text("utf-8").splitlines() if not line.strip().startswith("#")]
    assert [] == [line for line in code if word in line]


def test_every_table_that_is_named_is_ours() -> None:
    code = [line for line in SCRIPT.read_text("utf-8").splitlines() if not line.strip().startswith("#")]
    assert [] == [line for line in code if "table inet" in line and "table inet postern" not in line]


@pytest.mark.parametrize("name", ["gate.sh", "gate.ps1"])
def test_a_script_can_be_read_at_one_sitting(name: str) -> None:
    lines = (SCRIPT.parent / name).read_text("utf-8").splitlines()
    assert len([line for line in lines if line.strip() and not line.strip().startswith("#")]) < 250
    assert [] == [line for line in lines if len(line) > 150]
