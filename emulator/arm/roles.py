"""Role definitions: which actions the roles grant that infra/ ships.

It reads `infra/roles/*.json`, as the deployment does, and knows how ARM compares actions: without case, with `*` for
anything, and `notActions` taken away ("Understand Azure role definitions"). It refuses to know who has which role.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "infra" / "roles"


@dataclass(frozen=True, slots=True)
class Role:
    """A role: the actions that it grants, and those that it leaves out of them."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()

    def grants(self, action: str) -> bool:
        """Whether an action is among those granted."""
        return _matcher(self.actions)(action) and not _matcher(self.not_actions)(action)


OWNER = Role(("*",))


@cache
def shipped() -> Mapping[str, Role]:
    """The roles of infra/, by the names of their files."""
    return {path.stem: _read(json.loads(path.read_text())) for path in sorted(_FOLDER.glob("*.json"))}


def _read(document: Mapping[str, list[str]]) -> Role:
    return Role(tuple(document["actions"]), tuple(document["notActions"]))


class _Matcher:
    """Actions compiled once: names in a set, and one pattern for those with wildcards."""

    def __init__(self, actions: Collection[str]) -> None:
        self._names = frozenset(one.lower() for one in actions if "*" not in one)
        wild = [re.escape(one).replace(r"\*", ".*") for one in actions if "*" in one]
        self._pattern = re.compile("|".join(wild), re.IGNORECASE) if wild else None

    def __call__(self, action: str) -> bool:
        return action.lower() in self._names or bool(self._pattern and self._pattern.fullmatch(action))


@cache
def _matcher(actions: tuple[str, ...]) -> _Matcher:
    return _Matcher(actions)
