"""Resource ids and request paths: how ARM names things.

It knows the grammar of paths (keywords and ids compare without case, the first spelling is kept). It refuses to know
which resource types exist.
"""

import re
from dataclasses import dataclass

TOP = 2
CHILD = 4
_LOCK = re.compile(
    r"(?P<scope>/subscriptions/.+)/providers/microsoft\.authorization/locks(?:/(?P<name>[^/]+))?/?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names, in the caller's spelling.

    `steps` runs kind, name, child kind, child name, as far as the path goes.
    """

    subscription: str = ""
    group: str = ""
    namespace: str = ""
    steps: tuple[str, ...] = ()


def key(identifier: str) -> str:
    """The form in which ids compare."""
    return identifier.rstrip("/").lower()


def parse(path: str) -> Place | None:
    """The place a path names; None for a path that is none of ARM's."""
    parts = [part for part in path.split("/") if part]
    match [part.lower() for part in parts]:
        case ["subscriptions", _, "resourcegroups", _, "providers", _, *_]:
            return Place(parts[1], parts[3], parts[5], tuple(parts[6:]))
        case ["subscriptions", _, "providers", _, *_]:
            return Place(parts[1], "", parts[3], tuple(parts[4:]))
        case _:
            return None


def is_query(path: str) -> bool:
    """Whether a path is Resource Graph's, whose POST only reads."""
    return key(path) == "/providers/microsoft.resourcegraph/resources"


def lock(path: str) -> tuple[str, str] | None:
    """A path of resource locks taken apart: the scope, and the lock's name (empty: all of them)."""
    found = _LOCK.fullmatch(path)
    return (found["scope"], found["name"] or "") if found else None


def scopes(identifier: str) -> list[str]:
    """The keys of all scopes that an id lies in: its subscription, its group, itself and what is between."""
    parts = key(identifier).split("/")
    return ["/".join(parts[:count]) for count in (3, 5, *range(9, len(parts) + 1, 2)) if count <= len(parts)]


def top(identifier: str) -> str:
    """The id of the top-level resource that an id names or lies under."""
    return "/".join(identifier.split("/")[:9])


def parent(identifier: str) -> tuple[str, str, str] | None:
    """A child id taken apart: its parent's id, its collection and its name; None for a top-level resource's id."""
    place = parse(identifier)
    if place is None or len(place.steps) != CHILD:
        return None
    head, collection, name = identifier.rstrip("/").rsplit("/", 2)
    return head, collection, name


def name_of(identifier: str) -> str:
    """The last part of an id."""
    return identifier.rstrip("/").rsplit("/", 1)[-1]


def group_id(subscription: str, group: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"
