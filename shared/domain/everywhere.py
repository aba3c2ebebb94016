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

from shared.domain.rules import Access, Rule

TARGETS: Final = "POSTERN_TARGETS"
_EVERYWHERE: Final = ("*",)


def widened(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules with every lock at all addresses."""
    return tuple(replace(one, destinations=_EVERYWHERE) if one.access is Access.DENY else one for one in rules)


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
    return tuple(replace(one, destinations=tuple(told.get(one.name, one.destinations))) for one in rules)
