"""Resource ids and request paths: how ARM names things.

It knows the grammar of paths (keywords and ids compare without case, the first spelling is kept). It refuses to know
which resource types exist.
"""

from dataclasses import dataclass

TOP = 2
CHILD = 4


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
