"""From flows that passed to what the machine itself says: sshd's lines in Syslog, Windows' logon events.

It knows how sshd and Windows word a success and a failure. It refuses to know flows that nobody could sign in on.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from emulator.traffic.flows import Flow
from emulator.traffic.records import time_of
from emulator.traffic.scenarios import ADMINISTRATOR

type Row = dict[str, Any]

SYSLOG = "Syslog"
EVENTS = "SecurityEvent"

_LINUX_USERS = {"root", ADMINISTRATOR}
_WINDOWS_USERS = {"administrator", ADMINISTRATOR}
_FINGERPRINT = "SHA256:" + "Ym94" * 10 + "Ym8"
_FAILED, _LOGGED_ON = 4625, 4624
_NETWORK, _REMOTE_INTERACTIVE = 3, 10
_NO_SUCH_USER, _WRONG_PASSWORD = "0xc0000064", "0xc000006a"
_FIRST_PORT, _PORTS = 49152, 16384


def write(flows: Iterable[Flow]) -> Iterator[tuple[str, Row]]:
    """The table and the row of each line that the machines write about these flows."""
    for flow in flows:
        if flow.signed_in is None:
            continue
        if flow.target.system == "Windows":
            yield EVENTS, _event(flow)
        else:
            line = _line(flow)
            yield from ((SYSLOG, {**line, "SyslogMessage": message}) for message in _messages(flow))


def _source_port(flow: Flow) -> int:
    return _FIRST_PORT + int(flow.at * 1000) % _PORTS


def _messages(flow: Flow) -> Iterator[str]:
    where = f"from {flow.source} port {_source_port(flow)}"
    if flow.signed_in:
        yield f"Accepted publickey for {flow.user} {where} ssh2: RSA {_FINGERPRINT}"
    elif flow.user in _LINUX_USERS:
        yield f"Failed password for {flow.user} {where} ssh2"
    else:
        yield f"Invalid user {flow.user} {where}"
        yield f"Failed password for invalid user {flow.user} {where} ssh2"


def _common(flow: Flow) -> Row:
    """What Azure adds to rows of every table. It writes `_ResourceId` in lower case."""
    return {
        "TimeGenerated": time_of(flow.at),
        "Computer": flow.target.name,
        "_ResourceId": flow.target.id.lower(),
    }


def _line(flow: Flow) -> Row:
    common = _common(flow)
    return {
        **common,
        "EventTime": common["TimeGenerated"],
        "HostName": flow.target.name,
        "HostIP": str(flow.outcome.destination),
        "Facility": "authpriv",
        "SeverityLevel": "info",
        "ProcessName": "sshd",
        "ProcessID": _source_port(flow) - _FIRST_PORT + 1000,
    }


def _event(flow: Flow) -> Row:
    """A logon event; with network level authentication the password is checked before there is a desktop."""
    known = flow.user in _WINDOWS_USERS
    domain = flow.target.name if known else ""
    account = f"{domain}\\{flow.user}"
    outcome = _succeeded() if flow.signed_in else _refused(known=known)
    return {
        **_common(flow),
        **outcome,
        "EventSourceName": "Microsoft-Windows-Security-Auditing",
        "Channel": "Security",
        "Account": account,
        "AccountType": "User",
        "TargetAccount": account,
        "TargetUserName": flow.user,
        "TargetDomainName": domain,
        "IpAddress": flow.source,
        "IpPort": str(_source_port(flow)),
    }


def _succeeded() -> Row:
    activity = f"{_LOGGED_ON} - An account was successfully logged on."
    return {
        "EventID": _LOGGED_ON,
        "Activity": activity,
        "LogonType": _REMOTE_INTERACTIVE,
        "LogonTypeName": "10 - RemoteInteractive",
    }


def _refused(*, known: bool) -> Row:
    return {
        "EventID": _FAILED,
        "Activity": f"{_FAILED} - An account failed to log on.",
        "LogonType": _NETWORK,
        "LogonTypeName": "3 - Network",
        "Status": "0xc000006d",
        "SubStatus": _WRONG_PASSWORD if known else _NO_SUCH_USER,
    }
