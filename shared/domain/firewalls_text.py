"""How rules are written for the scripts on computers, and read back: `wish` and `notes`.

A wish is `none`, or its rules joined by `+`, each with eight fields joined by `_`:

    postern-open-<grant>-1_150_a_tcp_203.0.113.7@2001:db8::/32_any_22@80-90_1795809600

name, priority, `a` (allow) or `d` (deny), protocol, sources, destinations, ports, and the end in seconds since 1970 or
`0`. Lists are joined by `@`; `any` stands for all. No character means anything to sh or to PowerShell.
Notes are the descriptions, which hold names of people: JSON in base64url, which the scripts do not read.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from shared.domain.addresses import is_v6, parse_prefix
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Access, Protocol, Rule
from shared.domain.shapes import deadline_of

NOTHING: Final = "none"
MOST_CHARACTERS: Final = 15_000  # Of rules in an order: a command line of Windows holds 32,767 for all that is in it.
_ANY: Final = "any"
_NAME: Final = re.compile(r"postern-(?:lock|open|keep)-[a-z0-9-]{1,66}")
_SIDE: Final = re.compile(r"\*|[0-9a-fA-F.:]+(?:/[0-9]{1,3})?")
_ACCESS: Final = {Access.ALLOW: "a", Access.DENY: "d"}
_FIELDS: Final = 8


def is_name(text: str) -> bool:
    """Whether a text is a name that we give to rules."""
    return _NAME.fullmatch(text) is not None


def is_side(prefix: str) -> bool:
    """Whether a computer can match a prefix: `*`, an address or a CIDR prefix, in plain characters."""
    if not _SIDE.fullmatch(prefix):
        return False
    try:
        return bool(parse_prefix(prefix))
    except ValueError:
        return False


def meet(source: str, target: str) -> bool:
    """Whether packets go from one prefix to the other: both are of one family, or one is `*`."""
    return "*" in {source, target} or is_v6(source) is is_v6(target)


def write_wish(rules: tuple[Rule, ...]) -> str:
    """The rules as one word, in the order in which they stand."""
    return "+".join(map(_write, rules)) or NOTHING


def read_wish(text: str, notes: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules of a wish with their descriptions. Raises ValueError where it is none, or an end differs."""
    lines = [] if text == NOTHING else text.split("+")
    rules = tuple(_read(line, note) for line, note in zip(lines, notes, strict=True))
    if write_wish(rules) != text:
        raise ValueError("it does not say the same when it is written again")
    return rules


def write_notes(rules: tuple[Rule, ...]) -> str:
    """The descriptions of rules as one word."""
    told = json.dumps([rule.description for rule in rules])
    return urlsafe_b64encode(told.encode()).decode().rstrip("=")


def read_notes(text: str) -> tuple[str, ...]:
    """The descriptions of rules. Raises ValueError."""
    told = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        raise ValueError("notes are a list of texts")
    return tuple(told)


def write_ports(ports: Ranges) -> str:
    """Ports as a list, or `any`."""
    if ports == ALL_PORTS:
        return _ANY
    return "@".join(str(low) if low == high else f"{low}-{high}" for low, high in ports.spans)


def write_end(rule: Rule) -> int:
    """When an allow rule ends, in seconds since 1970; 0 for one that denies."""
    end = deadline_of(rule) if rule.access is Access.ALLOW else None
    return int(end.timestamp()) if end else 0


def _write(rule: Rule) -> str:
    protocol = _ANY if rule.protocol is Protocol.ANY else rule.protocol.lower()
    sides = ("@".join(prefix.replace("*", _ANY) for prefix in side) for side in (rule.sources, rule.destinations))
    before = (rule.name, str(rule.priority), _ACCESS[rule.access], protocol)
    return "_".join((*before, *sides, write_ports(rule.ports), str(write_end(rule))))


def _read(line: str, note: str) -> Rule:
    name, priority, access, protocol, sources, destinations, ports, _ = line.split("_", _FIELDS - 1)
    return Rule(
        name=name,
        priority=int(priority),
        access=next((one for one, letter in _ACCESS.items() if letter == access), Access.DENY),
        protocol=Protocol("*" if protocol == _ANY else protocol.capitalize()),
        sources=_side(sources),
        destinations=_side(destinations),
        ports=ALL_PORTS if ports == _ANY else Ranges.of(*map(_span, ports.split("@"))),
        description=note,
    )


def _side(text: str) -> tuple[str, ...]:
    return tuple("*" if one == _ANY else one for one in text.split("@"))


def _span(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return int(low), int(high or low)
