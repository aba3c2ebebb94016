"""What the gate of Linux keeps on a computer, and what it makes of orders that are not well formed."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.firewalls import System, verifying, write
from shared.domain.shapes import deadline_of
from tests.domain.values import rule
from tests.hosts.client import Computer
from tests.hosts.test_gate_sh import EVERYBODY, LOCK, UNITS, digest, grant, now, order, until
from tests.packets.hosts import OFFICE


def test_what_is_kept_is_for_root_alone(computer: Computer) -> None:
    order(computer, LOCK)
    modes = {mode[-3:] for path, mode in computer.files().items() if path.startswith("/var/lib/postern/")}
    assert ("700", {"600"}) == (computer.files()["/var/lib/postern"][-3:], modes)


def test_when_the_computer_starts_again_the_lock_is_back_and_live_grants_are_too(computer: Computer) -> None:
    other = "1" * 24
    order(computer, LOCK, grant(), grant(3, f"151 postern-open-{other}-1 Allow Tcp 80 from *"))
    computer.nft("flush ruleset")
    assert until(lambda: computer.again().report["rules"] == 2, patience=5)
    assert ({OFFICE.v4}, set()) == (computer.who_gets_in(), computer.who_gets_in(80))
    assert other not in computer.read("/var/lib/postern/wish")


@pytest.mark.skipif(not Path("/usr/bin/systemctl").exists(), reason="needs systemd's programs to stand in for")
def test_systemd_runs_the_gate_before_the_network_and_at_each_deadline(computer: Computer) -> None:
    computer.boot_with_systemd()
    done = order(computer, LOCK, made := grant())
    service, timer = (computer.read(f"{UNITS}/postern-gate{name}") for name in (".service", "-deadline.timer"))
    assert (True, True) == (done.report["persists"], "Before=network-pre.target" in service)
    assert f"OnCalendar={deadline_of(made):%Y-%m-%d %H:%M:%S} UTC" in timer
    assert ["-q daemon-reload", "-q enable postern-gate.service"] == computer.read("/run/asked").splitlines()[:2]


@pytest.mark.skipif(not Path("/usr/bin/systemd-analyze").exists(), reason="needs systemd-analyze")
def test_systemd_understands_the_units(computer: Computer, tmp_path: Path) -> None:
    computer.boot_with_systemd()
    order(computer, LOCK, grant())
    units = [name for name in computer.files() if name.startswith(UNITS)]
    for name in units:
        (tmp_path / Path(name).name).write_text(computer.read(name), "utf-8")
    command = ("systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir()))
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - systemd's own.
    assert (3, 0, "") == (len(units), done.returncode, done.stderr)


@pytest.mark.skipif(not Path("/usr/bin/systemctl").exists(), reason="needs systemd's programs to stand in for")
def test_an_empty_wish_takes_the_units_away(computer: Computer) -> None:
    computer.boot_with_systemd()
    order(computer, LOCK)
    order(computer, serial=2)
    assert ({}, "") == (computer.files(), computer.nft("list ruleset"))


def test_what_is_kept_and_was_changed_is_not_believed(computer: Computer) -> None:
    order(computer, LOCK)
    computer.put("/var/lib/postern/wish", computer.read("/var/lib/postern/wish").replace("_d_", "_a_"))
    assert (3, "refused", set()) == ((done := computer.again()).code, done.report["status"], computer.who_gets_in())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTERN_MODE", "shell"),
        ("POSTERN_VERSION", "2"),
        ("POSTERN_SERIAL", "08"),
        ("POSTERN_SERIAL", "1\n2"),
        ("POSTERN_ISSUED", "$(id)"),
        ("POSTERN_DIGEST", "0" * 64),
        ("POSTERN_WISH", ""),
        ("POSTERN_WISH", "postern-lock-all_200_d_any_evil.example_any_any_0"),
        ("POSTERN_WISH", "none\n; rm -rf /"),
        ("POSTERN_WISH", "$(touch /var/lib/owned)"),
    ],
)
def test_a_parameter_that_is_not_well_formed_changes_nothing(computer: Computer, name: str, value: str) -> None:
    done = computer.order({**write((LOCK,), System.LINUX, now(), 1), name: value})
    assert (3, "refused", EVERYBODY, {}) == (done.code, done.report["status"], computer.who_gets_in(), computer.files())


def test_a_table_that_nft_refuses_changes_nothing(computer: Computer) -> None:
    computer.nft("-f -", "table inet postern {\n\tchain other {\n\t\tjump gate\n\t}\n\tchain gate {\n\t}\n}\n")
    bad = write((replace(LOCK, sources=("10.0.0.0/8",)),), System.LINUX, now(), 1)
    wish = bad["POSTERN_WISH"].replace("10.0.0.0/8", "10.0.0.0/99")
    done = computer.order({**bad, "POSTERN_WISH": wish, "POSTERN_DIGEST": digest(wish)})
    assert (5, "failed", EVERYBODY, {}) == (done.code, done.report["status"], computer.who_gets_in(), computer.files())


def test_neighbours_and_addresses_are_still_found_behind_a_lock(computer: Computer) -> None:
    order(computer, LOCK)
    listing = computer.nft("list table inet postern")
    guards = ("nd-neighbor-solicit", "nd-router-advert", "udp sport 67 udp dport 68", "udp sport 547 udp dport 546")
    assert [] == [guard for guard in guards if guard not in listing[: listing.index("postern-lock-all")]]


def test_a_report_is_short(computer: Computer) -> None:
    names = [f"postern-lock-{'x' * 64}{number}" for number in range(4)]
    parameters = write(
        [rule(f"{200 + number} {name} Deny Tcp 22 from *") for number, name in enumerate(names)], System.LINUX, now(), 1
    )
    computer.order(parameters)
    computer.nft("flush ruleset")
    done = computer.order(verifying(parameters, now()))
    assert (3, True) == (len(done.report["missing"]), len(done.output) < 1024)
