"""What stands in the tenant: applications, service principals, credentials and who has which role.

It knows two states, that of now and that before the last change, because Graph answers from replicas that may not have
heard of it yet ("Eventual consistency" of Microsoft Entra). It refuses to know HTTP and what may be written.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field

from emulator.entra import errors
from emulator.entra.errors import Json
from emulator.environment import APP_OBJECT
from emulator.identity import APPLICATIONS, PEOPLE

GROUP = "00000000-0000-0000-0000-000000000201"
"""A group of people, to give a role to."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who may be given a role: `kind` is `User`, `Group` or `ServicePrincipal`."""

    kind: str
    name: str


def _principals() -> dict[str, Principal]:
    people = {one.id: Principal("User", one.name) for one in PEOPLE}
    others = {one.id: Principal("ServicePrincipal", one.name) for one in APPLICATIONS}
    return {**people, **others, GROUP: Principal("Group", "On call"), APP_OBJECT: Principal("ServicePrincipal", "App")}


@dataclass(slots=True)
class State:
    """The tenant at one moment. Keys are object ids; what was deleted still holds its unique name."""

    applications: dict[str, Json] = field(default_factory=dict)
    deleted: dict[str, Json] = field(default_factory=dict)
    services: dict[str, Json] = field(default_factory=dict)
    credentials: dict[str, list[Json]] = field(default_factory=dict)
    assignments: list[Json] = field(default_factory=list)
    principals: dict[str, Principal] = field(default_factory=_principals)

    def application(self, key: str, value: str) -> Json:
        """The application with this `id`, `appId` or `uniqueName`; raises GraphError."""
        return _only(self.applications, key, value, ("id", "appId", "uniqueName"))

    def service(self, key: str, value: str) -> Json:
        """The service principal with this `id` or `appId`; raises GraphError."""
        return _only(self.services, key, value, ("id", "appId"))

    def credential(self, application: str, key: str, value: str) -> Json:
        """The credential with this `id` or `name` of an application; raises GraphError."""
        found = {one["id"]: one for one in self.credentials.get(application, [])}
        return _only(found, key, value, ("id", "name"))


def _only(found: dict[str, Json], key: str, value: str, keys: tuple[str, ...]) -> Json:
    if key not in keys:
        raise errors.bad(f"The key property '{key}' is not supported.")
    for one in found.values():
        if str(one.get(key) or "").lower() == value.lower():
            return one
    raise errors.missing(value)


@dataclass(slots=True)
class Directory:
    """The tenant. A change happens wholly or not at all."""

    now: State = field(default_factory=State)
    before: State = field(default_factory=State)

    def clear(self) -> None:
        """Back to a tenant without applications."""
        self.now, self.before = State(), State()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Make a change: `before` becomes what stood until now; what raises has changed nothing."""
        kept = deepcopy(self.now)
        try:
            yield
        except BaseException:
            self.now = kept
            raise
        self.before = kept


@dataclass(frozen=True, slots=True)
class Scene:
    """What a call sees, and what it changes: not the same where its replica is behind. `new_id` gives a fresh UUID."""

    seen: State
    now: State
    new_id: Callable[[], str]
    date: str
