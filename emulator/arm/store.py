"""What stands in the emulated Azure: every resource, as it is shown and as it is in force.

It knows documents, where they refer to each other, and nothing of HTTP, validation or time. Documents are values:
nobody changes one that is in the store, a write puts a new one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.arm import kinds, paths
from emulator.arm.errors import Json
from emulator.arm.kinds import Kind


@dataclass(slots=True)
class Resource:
    """One top-level resource.

    `document` is what ARM shows; `effective` is what the network does, None until first provisioned.
    """

    id: str
    kind: Kind
    document: Json
    etag: str
    effective: Json | None = None
    operation: str | None = None

    @property
    def name(self) -> str:
        """The last part of the id."""
        return paths.name_of(self.id)

    @property
    def location(self) -> str:
        """The region."""
        location: str = self.document.get("location", "")
        return location

    def members(self, collection: str) -> list[Json]:
        """The shown children of one collection."""
        found: list[Json] = self.document.get("properties", {}).get(collection) or []
        return found

    def member(self, collection: str, name: str) -> Json | None:
        """One shown child, by name without case."""
        return next((one for one in self.members(collection) if one["name"].lower() == name.lower()), None)


@dataclass(slots=True)
class Store:
    """All resources, by id without case; subscriptions and resource groups by name."""

    subscriptions: dict[str, str] = field(default_factory=dict)
    groups: dict[str, Json] = field(default_factory=dict)
    # Every lock by the key of its scope, then by its name without case.
    locks: dict[str, dict[str, Json]] = field(default_factory=dict)
    _resources: dict[str, Resource] = field(default_factory=dict)
    _by_kind: dict[str, dict[str, Resource]] = field(default_factory=dict)
    _referrers: dict[str, dict[str, str]] = field(default_factory=dict)
    _targets: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)

    def clear(self) -> None:
        """Forget everything."""
        for table in (self.subscriptions, self.groups, self.locks, self._resources, self._by_kind, self._touched):
            table.clear()
        self._referrers.clear()
        self._targets.clear()

    def get(self, identifier: str) -> Resource | None:
        """A top-level resource."""
        return self._resources.get(paths.key(identifier))

    def exists(self, identifier: str) -> bool:
        """Whether a resource or a child of one stands at this id."""
        return self.owner(identifier) is not None

    def owner(self, identifier: str) -> Resource | None:
        """The top-level resource that is, or holds, this id."""
        if found := self.get(identifier):
            return found
        split = paths.parent(identifier)
        if split is None or (holder := self.get(split[0])) is None:
            return None
        collection = holder.kind.collection(split[1])
        return holder if collection and holder.member(collection, split[2]) else None

    def put(self, resource: Resource) -> None:
        """Add a resource, or take note that its document is another."""
        key = paths.key(resource.id)
        self._forget(key)
        self._resources[key] = resource
        self._by_kind.setdefault(resource.kind.type, {})[key] = resource
        self._targets[key] = [(paths.key(target), owner) for owner, target in references(resource)]
        for target, owner in self._targets[key]:
            self._referrers.setdefault(target, {})[paths.key(owner)] = owner
        self._touch(key)

    def remove(self, identifier: str) -> None:
        """Take a resource away."""
        key = paths.key(identifier)
        self._forget(key)
        if gone := self._resources.pop(key, None):
            del self._by_kind[gone.kind.type][key]

    def _touch(self, key: str) -> None:
        """A write changes how a resource is shown, and how those are that it refers to."""
        self._touched.add(key)
        self._touched.update(paths.top(target) for target, _ in self._targets.get(key, ()))

    def take_touched(self) -> set[str]:
        """The keys of all resources that are shown otherwise since the last call, or that are gone."""
        touched, self._touched = self._touched, set()
        return touched

    def everything(self) -> list[Resource]:
        """Every resource."""
        return list(self._resources.values())

    def _forget(self, key: str) -> None:
        self._touch(key)
        for target, owner in self._targets.pop(key, ()):
            self._referrers.get(target, {}).pop(paths.key(owner), None)

    def of_kind(self, kind: Kind) -> Iterator[Resource]:
        """Every resource of one type, in order of id."""
        table = self._by_kind.get(kind.type, {})
        return (table[key] for key in sorted(table))

    def referrers(self, identifier: str) -> tuple[str, ...]:
        """The ids (resources or children) whose shown documents refer to this id."""
        found = self._referrers.get(paths.key(identifier), {})
        return tuple(found[key] for key in sorted(found))

    def effective(self, identifier: str) -> Json | None:
        """What is in force at this id: a resource's document, or a child's."""
        if found := self.get(identifier):
            return found.effective
        split = paths.parent(identifier)
        holder = self.get(split[0]) if split else None
        if split is None or holder is None or holder.effective is None:
            return None
        collection = holder.kind.collection(split[1])
        members: list[Json] = holder.effective["properties"].get(collection) or []
        return next((one for one in members if one["name"].lower() == split[2].lower()), None)


def references(resource: Resource) -> Iterator[tuple[str, str]]:
    """Every reference in a shown document: the id that refers (a resource or a child), and the id it names."""
    properties: Json = resource.document.get("properties", {})
    for name, value in properties.items():
        if name in resource.kind.children:
            for member in value or ():
                owner = f"{resource.id}/{name}/{member['name']}"
                yield from ((owner, target) for target in _named(member.get("properties", {})))
        else:
            yield from ((resource.id, target) for target in _named(value))


def _named(value: object) -> Iterator[str]:
    match value:
        case {"id": str(identifier)} if paths.parse(identifier):
            yield identifier
        case dict():
            for inner in value.values():
                yield from _named(inner)
        case list():
            for inner in value:
                yield from _named(inner)
        case _:
            return


def kind_of(identifier: str) -> Kind | None:
    """The type of the top-level resource that an id names or lies under."""
    place = paths.parse(identifier)
    return kinds.find(place.namespace, place.steps[0]) if place and place.steps else None
