"""What a security group of ours is known by: its name and its description, which nobody can change.

Tags are notes only. Whoever may write tags could make a group look like ours with them, or ours like none.

Source: Amazon EC2 API Reference, "CreateSecurityGroup": a name and a description cannot be edited later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from shared.adapters.ec2_rules import describe

ORIGIN_TAG: Final = "postern-from"
"""On a group of ours: the group whose rules are put aside in it."""

_PREFIX: Final = "postern-aside"
_NAME: Final = re.compile(rf"{_PREFIX}-(?P<instance>i-[0-9a-f]+)-(?P<origin>sg-[0-9a-f]+)")


class Moved(NamedTuple):
    """For which instance a group of ours holds rules, and of which group they are."""

    instance: str
    origin: str


def name_of(moved: Moved) -> str:
    """The name of a group of ours. A network has no two groups of one name."""
    return f"{_PREFIX}-{moved.instance}-{moved.origin}"


def words_of(moved: Moved) -> str:
    """The description of a group of ours."""
    return describe(f"Postern keeps what it moved out of {moved.origin} while {moved.instance} is locked.")


def names_for(instance: str) -> str:
    """A pattern, as filters of EC2 have it, for the names of all groups of ours for an instance."""
    return f"{_PREFIX}-{instance}-*"


def read_moved(document: Mapping[str, Any]) -> Moved | None:
    """What a group of ours is for; None for a group of somebody else's."""
    match = _NAME.fullmatch(str(document["GroupName"]))
    moved = Moved(match["instance"], match["origin"]) if match else None
    return moved if moved and document.get("Description") == words_of(moved) else None
