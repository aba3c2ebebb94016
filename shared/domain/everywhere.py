"""Locks of a computer hold at all of its addresses, also at those that it gets later, before Postern hears of them.

Plans name the addresses that are known. In an order a lock is for every address, and what the plan had said stands in
a parameter that no script reads, so that what is read back is what was planned.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from shared.domain.firewalls_text import meet
from shared.domain.rules import FIRST_PRIORITY, LAST_PRIORITY, Access, Rule

TARGETS: Final = "POSTERN_TARGETS"
_V4, _V6 = "0.0.0.0/0", "::/0"
_BOTH: Final = frozenset({_V4, _V6})
_TWIN: Final = "-other"


def widened(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules with every lock at all addresses of its own family, and with a twin where the other has no lock.

    A lock of one family leaves the grants of the other alone, as in the plan; a twin stands where no grant is.
    """
    every = tuple(rules)
    denies = [one for one in every if one.access is Access.DENY]
    taken = {one.priority for one in every}
    free = (number for number in range(LAST_PRIORITY, FIRST_PRIORITY, -1) if number not in taken)
    locked = frozenset(family for one in denies for family in _families(one))
    twins = [
        replace(one, name=f"{one.name}{_TWIN}", priority=next(free), destinations=tuple(_BOTH - locked))
        for one in denies
        if any(meet(source, family) for source in one.sources for family in _BOTH - locked)
    ]
    return (*(_wide(one) if one.access is Access.DENY else one for one in every), *twins)


def _wide(rule: Rule) -> Rule:
    families = _families(rule)
    return replace(rule, destinations=("*",) if families == _BOTH else tuple(families))


def _families(rule: Rule) -> frozenset[str]:
    """All addresses of the families that a rule is about."""
    if "*" in rule.destinations:
        return _BOTH
    return frozenset(_V6 if ":" in prefix else _V4 for prefix in rule.destinations)


def write_targets(rules: Iterable[Rule]) -> str:
    """The addresses that the plan has each lock for, as one word."""
    told = {one.name: one.destinations for one in rules if one.access is Access.DENY}
    return urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


def as_planned(rules: Iterable[Rule], parameters: Mapping[str, str]) -> tuple[Rule, ...]:
    """The rules as the plan had them. Raises ValueError where the parameter is not ours."""
    text = parameters.get(TARGETS, "")
    told = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)) or b"null")
    if not isinstance(told, dict):
        raise ValueError(f"{TARGETS} names no addresses")  # noqa: TRY004 - what stands there is a text.
    planned = (one for one in rules if one.access is Access.ALLOW or one.name in told)
    return tuple(replace(one, destinations=tuple(told.get(one.name, one.destinations))) for one in planned)
