"""The firewall inside a computer as a gate: what the script on it is asked for, and what can be told from its answer.

For a computer outside Azure the group is Postern's own part of the computer's firewall, and its rules are the same
`Rule` values as in a network security group. All of them go to the script at once, as parameters of one run command;
the script puts them in force together and reports what it read back. Only what it says about this very order counts.

The parameters are a version, a mode, a serial, the time of issue, the wish, what Windows needs besides, the
descriptions (which the script never looks at), and a digest. Nothing in them means anything to a shell.

Source: Azure documentation, "Run scripts on Azure Arc-enabled servers using Run Command".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.domain.firewalls_text import (
    MOST_CHARACTERS,
    is_name,
    is_side,
    meet,
    read_notes,
    read_wish,
    write_notes,
    write_wish,
)
from shared.domain.firewalls_windows import write_walls
from shared.domain.issues import Issue
from shared.domain.rules import ALL_PORTS, FIRST_PRIORITY, LAST_PRIORITY, WITHOUT_PORTS, Access, Rule, in_order
from shared.domain.shapes import deadline_of

VERSION: Final = 1
"""Of the parameters, the scripts and their reports together: another version is not understood, never guessed at."""

COMMAND: Final = "postern-gate"
"""The name of the one run command on a machine."""

_REPORT: Final = "POSTERN-GATE "
_LAST_SERIAL: Final = 10**15 - 1
_LONGEST_DETAIL: Final = 200
_PREFIXES: Final = "A computer knows `*`, addresses and CIDR prefixes, but no service tags."


class System(StrEnum):
    """What a computer runs; its script is `gate.sh` or `gate.ps1`."""

    LINUX = "Linux"
    WINDOWS = "Windows"


class Trouble(StrEnum):
    """Why it cannot be told what is in force."""

    NEVER_RAN = "neverRan"  # Nothing was reported yet.
    UNREADABLE = "unreadable"  # What was reported, or the order itself, is not what the script or we write.
    OTHER_VERSION = "otherVersion"
    OTHER_ORDER = "otherOrder"  # The report is about another order than the one that stands.
    STALE = "stale"  # The order came too late, or after a newer one: it opened nothing.
    SKEW = "skew"  # The order came from the future: one of the clocks is wrong. It opened nothing.
    REFUSED = "refused"  # The script found the order not well formed.
    UNSUPPORTED = "unsupported"  # The computer has no firewall that the script knows.
    FAILED = "failed"  # A step failed on the computer.


@dataclass(frozen=True, slots=True)
class Gate:
    """What is in force on a computer; or, where `rules` is None, why that cannot be told."""

    rules: tuple[Rule, ...] | None
    trouble: Trouble | None = None
    detail: str = ""  # The script's own words about the trouble.
    missing: tuple[str, ...] = ()  # Rules that were gone before this order, some of them.
    edited: tuple[str, ...] = ()  # Rules that somebody had changed before this order, some of them.
    skew: int = 0  # Seconds from the order's issue to its run, by the computer's clock.
    persists: bool = False  # Whether the rules come back by themselves when the computer starts again.
    firewall: str = ""


def fits(rules: Iterable[Rule]) -> tuple[Issue, ...]:
    """Why these rules cannot be in a computer's firewall as they are; all of them are refused for any reason."""
    wanted = in_order(tuple(rules))
    found = tuple(issue for number, rule in enumerate(wanted) for issue in _misfits(rule, f"rules[{number}]"))
    for what in ("name", "priority"):
        if len({getattr(rule, what) for rule in wanted}) < len(wanted):
            found += (Issue("duplicate", "rules", f"Two rules have the same {what}."),)
    if not found and sum(map(len, _texts(wanted, System.WINDOWS).values())) > MOST_CHARACTERS:
        found = (Issue("tooLong", "rules", f"All rules together take more than {MOST_CHARACTERS} characters."),)
    return found


def write(rules: Iterable[Rule], system: System, issued_at: datetime, serial: int) -> Mapping[str, str]:
    """The run command's parameters that put exactly these rules in force.

    `serial` is larger than that of any order before. Raises ValueError where the rules do not fit (see `fits`), the
    serial is out of range, or the time has no zone.
    """
    wanted = in_order(tuple(rules))
    if issues := fits(wanted):
        raise ValueError("; ".join(f"{issue.path}: {issue.message}" for issue in issues))
    if not 0 < serial <= _LAST_SERIAL or issued_at.tzinfo is None:
        raise ValueError("an order has a serial of 1 to 15 digits and a time in a zone")
    texts = _texts(wanted, System(system))
    return {
        "POSTERN_VERSION": str(VERSION),
        "POSTERN_MODE": "apply",
        "POSTERN_SERIAL": str(serial),
        "POSTERN_ISSUED": str(int(issued_at.timestamp())),
        "POSTERN_DIGEST": _digest(texts),
        **texts,
    }


def verifying(parameters: Mapping[str, str], issued_at: datetime) -> Mapping[str, str]:
    """The same order, issued again to look whether it is still in force and to mend what is not."""
    return {**parameters, "POSTERN_MODE": "verify", "POSTERN_ISSUED": str(int(issued_at.timestamp()))}


def read(parameters: Mapping[str, str], output: str, now: datetime) -> Gate:
    """What is in force by the order that stands and what the script printed; rules whose time is over are gone."""
    try:
        wanted = _wanted(parameters)
    except (KeyError, ValueError) as error:
        return Gate(None, Trouble.UNREADABLE, f"the order: {error}")
    report = _report(output)
    if report is None:
        return Gate(None, Trouble.UNREADABLE if output.strip() else Trouble.NEVER_RAN)
    if trouble := _trouble(report, parameters):
        return Gate(None, trouble, _text(report, "detail"), skew=_number(report, "skew"))
    # A clock that is behind lets a grant end later, by as much as it was seen to be behind.
    late = timedelta(seconds=max(0, -_number(report, "skew")))
    rules = tuple(rule for rule in wanted if (end := deadline_of(rule)) is None or end + late > now)
    if _number(report, "rules") < len(rules):
        return Gate(None, Trouble.FAILED, "fewer rules stand than were asked for")
    return Gate(
        rules,
        missing=_names(report, "missing"),
        edited=_names(report, "edited"),
        skew=_number(report, "skew"),
        persists=report.get("persists") is True,
        firewall=_text(report, "firewall"),
    )


def _texts(rules: tuple[Rule, ...], system: System) -> dict[str, str]:
    texts = {"POSTERN_WISH": write_wish(rules)}
    if system is System.WINDOWS:
        texts["POSTERN_WALLS"] = write_walls(rules)
    return {**texts, "POSTERN_NOTES": write_notes(rules)}


def _digest(texts: Mapping[str, str]) -> str:
    """Of what the script puts in force: the wish, and after a space the walls where there are any."""
    told = " ".join(texts[name] for name in ("POSTERN_WISH", "POSTERN_WALLS") if name in texts)
    return hashlib.sha256(told.encode()).hexdigest()


def _misfits(rule: Rule, path: str) -> Iterator[Issue]:
    if not is_name(rule.name):
        yield Issue("name", f"{path}.name", "Only rules with Postern's names can be on a computer.")
    if not FIRST_PRIORITY <= rule.priority <= LAST_PRIORITY:
        yield Issue("priority", f"{path}.priority", f"A priority is from {FIRST_PRIORITY} to {LAST_PRIORITY}.")
    if rule.source_groups or rule.destination_groups:
        yield Issue("securityGroup", path, "A computer knows no application security groups.")
    if rule.source_ports != ALL_PORTS:
        yield Issue("sourcePorts", path, "Rules on a computer do not look at source ports.")
    if not rule.ports or not rule.ports <= ALL_PORTS or (rule.protocol in WITHOUT_PORTS and rule.ports != ALL_PORTS):
        yield Issue("ports", f"{path}.ports", "Ports are from 0 to 65535, and only TCP and UDP have any.")
    for side, prefixes in (("sources", rule.sources), ("destinations", rule.destinations)):
        if not prefixes or not all(map(is_side, prefixes)):
            yield Issue("prefix", f"{path}.{side}", _PREFIXES)
            return
    if not any(meet(source, target) for source in rule.sources for target in rule.destinations):
        yield Issue("families", path, "No packet goes from IPv4 to IPv6.")
    if rule.access is Access.ALLOW and deadline_of(rule) is None:
        yield Issue("noDeadline", f"{path}.description", "What is allowed on a computer has a time when it ends.")


def _wanted(parameters: Mapping[str, str]) -> tuple[Rule, ...]:
    """The rules of an order. Raises KeyError or ValueError where it is not one of ours."""
    rules = read_wish(parameters["POSTERN_WISH"], read_notes(parameters["POSTERN_NOTES"]))
    if parameters["POSTERN_DIGEST"] != _digest(parameters) or fits(rules):
        raise ValueError("it is not as it was written")
    return rules


def _report(output: str) -> Mapping[str, object] | None:
    """The last report that was printed; None where there is none, or it is none."""
    lines = [line.strip() for line in output.splitlines() if line.strip().startswith(_REPORT)]
    try:
        report = json.loads(lines[-1].removeprefix(_REPORT)) if lines else None
    except (ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) else None


def _trouble(report: Mapping[str, object], parameters: Mapping[str, str]) -> Trouble | None:
    status = report.get("status")
    # What is shown may still be the report of the run before, which was about the same rules.
    if str(_number(report, "issued")) not in {"0", parameters.get("POSTERN_ISSUED")}:
        return Trouble.OTHER_ORDER
    if report.get("version") != VERSION or parameters.get("POSTERN_VERSION") != str(VERSION):
        return Trouble.OTHER_VERSION
    if status in _TROUBLES:
        return _TROUBLES[str(status)]
    same = (str(report.get("serial")), report.get("digest"))
    if same != (parameters.get("POSTERN_SERIAL"), parameters.get("POSTERN_DIGEST")):
        return Trouble.OTHER_ORDER
    return None if status == "applied" else Trouble.UNREADABLE


_TROUBLES: Final = {
    str(one): one for one in (Trouble.STALE, Trouble.SKEW, Trouble.REFUSED, Trouble.UNSUPPORTED, Trouble.FAILED)
}


def _text(report: Mapping[str, object], name: str) -> str:
    """Words of a computer, which may be anybody's by now: printable and short."""
    return "".join(filter(str.isprintable, str(report.get(name, ""))))[:_LONGEST_DETAIL]


def _number(report: Mapping[str, object], name: str) -> int:
    value = report.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _names(report: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = report.get(name)
    told = value if isinstance(value, list) else []
    return tuple(one for one in told if isinstance(one, str) and (is_name(one) or one == "table"))
