"""What logs tell of sign-ins over the network: lines of Windows and of SSH, written by hand into the emulator."""

from collections.abc import AsyncIterator

import pytest

from emulator.box import Box
from shared.domain.evidence import Failures, Part, SignIn, TriedName
from tests.adapters.workspace import WEB, Desk, at, in_front_of, minute, ssh_line, windows_event
from tests.domain.values import OFFICE, STRANGER, SUBSCRIPTION, machine_id


@pytest.fixture
async def desk(emulator: Box) -> AsyncIterator[Desk]:
    async with in_front_of(emulator) as found:
        yield found


@pytest.mark.parametrize(("logon", "expected"), [(3, 1), (10, 1), (2, 0), (5, 0), (7, 0), (11, 0)])
async def test_windows_is_signed_in_to_over_the_network_with_types_3_and_10(
    desk: Desk, logon: int, expected: int
) -> None:
    await desk.put(
        "SecurityEvent", windows_event(1, 4624, logon), windows_event(2, 4625, logon), windows_event(3, 4634)
    )
    found = await desk.tell(Part.SIGN_INS, Part.FAILURES)
    assert [SignIn(minute(1), WEB, STRANGER, "admin")] * expected == list(found.sign_ins)
    assert [Failures(WEB, STRANGER, 1, minute(2), minute(2), ("admin",))] * expected == list(found.failures)


@pytest.mark.parametrize("address", ["", "-", "127.0.0.1", "::1"])
async def test_what_comes_from_the_machine_itself_is_no_sign_in_over_the_network(desk: Desk, address: str) -> None:
    await desk.put(
        "SecurityEvent", windows_event(1, 4624, IpAddress=address), windows_event(2, 4625, IpAddress=address)
    )
    found = await desk.tell(Part.SIGN_INS, Part.FAILURES)
    assert ((), ()) == (found.sign_ins, found.failures)


@pytest.mark.parametrize("process", ["sshd", "sshd-session"])
async def test_sign_ins_by_ssh_are_told_with_user_and_address(desk: Desk, process: str) -> None:
    key = "Accepted publickey for azureuser from 203.0.113.7 port 50001 ssh2: RSA SHA256:abc"
    password = "Accepted password for ann from 2001:db8::7 port 50002 ssh2"  # noqa: S105 - a line of a log.
    await desk.put("Syslog", ssh_line(1, key, ProcessName=process), ssh_line(2, password, ProcessName=process))
    expected = (SignIn(minute(2), WEB, "2001:db8::7", "ann"), SignIn(minute(1), WEB, OFFICE, "azureuser"))
    assert expected == (await desk.tell(Part.SIGN_INS)).sign_ins


async def test_a_server_of_azure_arc_is_signed_in_to_as_a_machine_of_azure_is(desk: Desk) -> None:
    server = str(machine_id()).replace("Microsoft.Compute/virtualMachines", "Microsoft.HybridCompute/machines")
    line = "Accepted publickey for azureuser from 203.0.113.7 port 50001 ssh2: RSA SHA256:abc"
    await desk.put("Syslog", ssh_line(1, line, _ResourceId=server.lower()))
    assert (SignIn(minute(1), WEB, OFFICE, "azureuser"),) == (await desk.tell(Part.SIGN_INS)).sign_ins


UNKNOWN_NAME = f"Invalid user oracle from {STRANGER} port 40000"
UNKNOWN_PASSWORD = f"Failed password for invalid user oracle from {STRANGER} port 40000 ssh2"


async def test_an_unknown_name_and_its_password_on_one_connection_count_once(desk: Desk) -> None:
    await desk.put("Syslog", ssh_line(1, UNKNOWN_NAME), ssh_line(2, UNKNOWN_PASSWORD))
    assert (Failures(WEB, STRANGER, 1, minute(1), minute(2), ("oracle",)),) == (await desk.tell(Part.FAILURES)).failures


async def test_each_password_and_each_connection_counts(desk: Desk) -> None:
    later = UNKNOWN_NAME.replace("40000", "40001")
    known = f"Failed password for root from {STRANGER} port 40002 ssh2"
    lines = (UNKNOWN_NAME, UNKNOWN_PASSWORD, UNKNOWN_PASSWORD, later, known, known)
    await desk.put("Syslog", *(ssh_line(number, line) for number, line in enumerate(lines)))
    found = await desk.tell(Part.FAILURES, Part.NAMES)
    assert (Failures(WEB, STRANGER, 5, minute(0), minute(5), ("oracle", "root")),) == found.failures
    assert {TriedName("oracle", 3, 1), TriedName("root", 2, 1)} == set(found.names)


FORGED = f"Invalid user root from {OFFICE} port 22 from {STRANGER} port 40000"
UNTRUE = [
    (FORGED, STRANGER, f"root from {OFFICE} port 22"),
    (f"Failed password for invalid user a from {OFFICE} port 1 ssh2 from {STRANGER} port 40000 ssh2", STRANGER,
     f"a from {OFFICE} port 1 ssh2"),
    (f"Invalid user Accepted password for root from {OFFICE} port 1 ssh2 from {STRANGER} port 2", STRANGER,
     f"Accepted password for root from {OFFICE} port 1 ssh2"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "address", "user"), UNTRUE)
async def test_an_address_inside_a_user_name_is_not_believed(desk: Desk, line: str, address: str, user: str) -> None:
    await desk.put("Syslog", ssh_line(1, line))
    found = await desk.tell(Part.FAILURES, Part.SIGN_INS)
    assert [(address, 1, (user,))] == [(one.source, one.count, one.users) for one in found.failures]
    assert () == found.sign_ins


@pytest.mark.parametrize(
    "changes",
    [
        {"ProcessName": "cron"},
        {"SyslogMessage": f"Connection closed by {STRANGER} port 1"},
        {"SyslogMessage": f" Accepted password for root from {STRANGER} port 1 ssh2"},
        {"SyslogMessage": "Accepted password for root from somewhere port 1 ssh2"},
        {"TimeGenerated": at(120)},
        {"TimeGenerated": at(-0.01)},
        {"_ResourceId": str(machine_id("web-02"))},
        {"_ResourceId": ""},
    ],
)
async def test_other_lines_of_other_programs_times_and_machines_are_no_sign_ins(
    desk: Desk, changes: dict[str, object]
) -> None:
    line = ssh_line(1, f"Accepted password for root from {STRANGER} port 1 ssh2", **changes)
    await desk.put("Syslog", line)
    found = await desk.tell(Part.SIGN_INS, Part.FAILURES)
    assert ((), (), ()) == (found.sign_ins, found.failures, found.gaps)


async def test_sign_ins_are_tied_to_machines_by_resource_id_and_not_by_what_a_computer_calls_itself(desk: Desk) -> None:
    two = str(machine_id("web-02"))
    await desk.put("SecurityEvent", windows_event(1, 4624, Computer="web-01", _ResourceId=two))
    await desk.put("Syslog", ssh_line(2, UNKNOWN_NAME, Computer="web-02", HostName="web-02"))
    found = await desk.tell(Part.SIGN_INS, Part.FAILURES, machines=[machine_id(), machine_id("web-02")])
    assert [f"{SUBSCRIPTION}/demo/web-02"] == [one.machine for one in found.sign_ins]
    assert [WEB] == [one.machine for one in found.failures]
