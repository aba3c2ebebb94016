"""What may stand in a gate while its computer has not said what does: nothing is forgotten, and all of it is in doubt.

An order overwrites the one before. Should it fail, some rules of that one may still stand, so each order carries what
stood before it: in parameters of their own, which no script reads. A rule in doubt is unsettled: a lock in doubt keeps
nobody out, an access in doubt lets somebody in, and both are there to be ordered again or taken away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from shared.domain.everywhere import as_planned
from shared.domain.firewalls_text import read_notes, read_wish, write_notes, write_wish
from shared.domain.rules import Rule
from shared.domain.shapes import deadline_of

_ORDERED: Final = ("POSTERN_WISH", "POSTERN_NOTES")
_BEFORE: Final = ("POSTERN_BEFORE", "POSTERN_BEFORE_NOTES")


def remembering(parameters: Mapping[str, str], stood: Iterable[Rule]) -> Mapping[str, str]:
    """An order's parameters with what may stand before it."""
    rules = tuple(stood)
    return {**parameters, _BEFORE[0]: write_wish(rules), _BEFORE[1]: write_notes(rules)}


def doubtful(parameters: Mapping[str, str], now: datetime) -> tuple[Rule, ...]:
    """The rules that may stand by this order or the one before, unsettled; those whose time is over do not.

    Of a rule that both have, the one that ends later. Raises ValueError for parameters that are not ours.
    """
    try:
        before, ordered = (_rules(parameters, names) for names in (_BEFORE, _ORDERED))
        every = [*before, *as_planned(ordered, parameters)]
    except KeyError as error:
        raise ValueError(f"the order has no {error}") from error
    latest: dict[str, Rule] = {}
    for rule in every:
        known = latest.get(rule.name)
        if known is None or _end(rule, now) >= _end(known, now):
            latest[rule.name] = replace(rule, settled=False)
    return tuple(rule for rule in latest.values() if deadline_of(rule) is None or _end(rule, now) > now)


def _end(rule: Rule, now: datetime) -> datetime:
    return deadline_of(rule) or now


def _rules(parameters: Mapping[str, str], names: tuple[str, str]) -> tuple[Rule, ...]:
    wish, notes = names
    return read_wish(parameters[wish], read_notes(parameters[notes]))
