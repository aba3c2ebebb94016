"""Addresses of Graph: `/applications/{id}`, `/applications(appId='…')/federatedIdentityCredentials(name='…')`."""

import re
from dataclasses import dataclass

from emulator.entra import errors

ROOT = "/v1.0/"
_SEGMENT = re.compile(r"(\w+)(?:\((\w+)='((?:[^']|'')*)'\))?")


@dataclass(frozen=True, slots=True)
class Key:
    """What names one object of a collection: `id` or an alternate key, and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Step:
    """A collection, or one object of it."""

    name: str
    key: Key | None = None


def parse(path: str) -> list[Step]:
    """The steps of a path; raises GraphError."""
    steps: list[Step] = []
    for segment in path.removeprefix(ROOT).strip("/").split("/"):
        if steps and steps[-1].key is None:
            steps[-1] = Step(steps[-1].name, Key("id", segment))
            continue
        found = _SEGMENT.fullmatch(segment)
        if not found:
            raise errors.nowhere(segment)
        key = Key(found[2], found[3].replace("''", "'")) if found[2] else None
        steps.append(Step(found[1], key))
    return steps
