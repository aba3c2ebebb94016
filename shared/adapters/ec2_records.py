"""What Postern wrote, noted in tags: security groups have neither names nor numbers nor deny rules to read it from.

A note is a line such as `3999 Deny any ports 22 3389 from any to 10.0.0.4`, under the rule's name; a long one goes on
under `<name>+1`. Each part begins with how many there are, so that a note of which a part is missing is none.

Source: AWS documentation, "Tag your Amazon EC2 resources": 256 characters of letters, numbers, spaces and `+-=._:/@`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Final

from shared.domain.ranges import Ranges
from shared.domain.rules import LOCK_MARK, OPEN_MARK, Access, Protocol, Rule

_PART: Final = 240
_ANY: Final = "any"
_LINE: Final = re.compile(
    r"(?P<priority>\d+) (?P<access>\w+) (?P<protocol>\w+) ports (?P<ports>[-\d ]*) from (?P<sources>\S+(?: \S+)*) "
    r"to (?P<destinations>\S+(?: \S+)*)"
)
_MARKS: Final = (LOCK_MARK, OPEN_MARK)


def write_record(rule: Rule) -> dict[str, str]:
    """The tags that note a rule."""
    protocol = _ANY if rule.protocol is Protocol.ANY else str(rule.protocol)
    ports = " ".join(f"{low}-{high}" for low, high in rule.ports.spans)
    sources = " ".join(_ANY if one == "*" else one for one in rule.sources)
    line = f"{rule.priority} {rule.access} {protocol} ports {ports} from {sources} to {' '.join(rule.destinations)}"
    parts = wrap(line, _PART, break_long_words=False, break_on_hyphens=False)
    return {_key(rule.name, number): f"{len(parts)}: {part}" for number, part in enumerate(parts)}


def read_records(tags: Iterable[tuple[str, str]]) -> dict[str, Rule]:
    """The rules that are noted in tags, by name in lower case."""
    known = {name.lower(): value for name, value in tags}
    names = [name for name in known if name.startswith(_MARKS) and "+" not in name]
    rules = {name: _read(name, known) for name in names}
    return {name: rule for name, rule in rules.items() if rule is not None}


def tags_of(name: str, tags: Iterable[tuple[str, str]]) -> list[str]:
    """The names of the tags in which a rule is noted, or once was."""
    wanted = name.lower()
    return [key for key, _ in tags if key.lower() == wanted or key.lower().startswith(f"{wanted}+")]


def _key(name: str, number: int) -> str:
    return f"{name}+{number}" if number else name


def _read(name: str, tags: Mapping[str, str]) -> Rule | None:
    count = tags[name].partition(":")[0]
    keys = [_key(name, number) for number in range(int(count) if count.isdecimal() else 0)]
    parts = [tags.get(key, "").partition(": ") for key in keys]
    match = _LINE.fullmatch(" ".join(part for _, _, part in parts))
    if match is None or any(head != count for head, _, _ in parts):
        return None
    try:
        return _rule(name, match)
    except ValueError:
        return None


def _rule(name: str, line: re.Match[str]) -> Rule:
    spans = [span.split("-") for span in line["ports"].split()]
    return Rule(
        name,
        int(line["priority"]),
        Access(line["access"]),
        Protocol.ANY if line["protocol"] == _ANY else Protocol(line["protocol"]),
        tuple("*" if one == _ANY else one for one in line["sources"].split(" ")),
        tuple(line["destinations"].split(" ")),
        Ranges.of(*((int(low), int(high)) for low, high in spans)),
    )
