"""Who may do what: role assignments, held against every call, and a record of what the app's identity needed.

It knows the box's two principals: the app, whose roles are those of infra/ unless a test takes some away, and whoever
looks behind it, who owns everything. Anybody else may do nothing. It refuses to know how an action is made of a call.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.arm import errors, paths, roles
from emulator.arm.roles import OWNER, Role
from emulator.environment import APP_OBJECT, OWNER_OBJECT, SUBSCRIPTION


@dataclass(frozen=True, slots=True)
class Need:
    """An action on a scope, which is an id; `linked` where the call's body names that scope."""

    action: str
    scope: str
    linked: bool = False

    @property
    def type(self) -> str:
        """The type that the action is on."""
        return self.action.removesuffix("/action").rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role at a scope, which holds for everything below it; the scope "/" holds for all."""

    role: Role
    scope: str = "/"

    def covers(self, need: Need) -> bool:
        """Whether it grants an action at its scope. Where no scope is needed, any will do."""
        below = self.scope == "/" or not need.scope or f"{paths.key(need.scope)}/".startswith(f"{self.scope}/")
        return below and self.role.grants(need.action)


@dataclass(frozen=True, slots=True)
class Use:
    """An action that the app's identity needed for a call, and whether it had it."""

    action: str
    method: str
    type: str
    linked: bool
    granted: bool

    def document(self) -> dict[str, Any]:
        """The record as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Access:
    """The role assignments of one Azure. The app has its roles in the subscription that it guards."""

    roles: tuple[str, ...] = ()
    _assigned: Mapping[str, tuple[Assignment, ...]] = field(default_factory=dict)
    _uses: dict[Use, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The app has all the roles that are shipped, and has needed nothing yet."""
        self.assign(roles.shipped())
        self._uses.clear()

    def assign(self, names: Iterable[str], without: Collection[str] = ()) -> None:
        """Give the app these roles and no others, each without some actions; KeyError for one that is not shipped."""
        self.roles = tuple(sorted({*names}))
        given = [roles.shipped()[name] for name in self.roles]
        lesser = [replace(role, not_actions=(*role.not_actions, *without)) for role in given]
        held = tuple(Assignment(role, f"/subscriptions/{SUBSCRIPTION}") for role in lesser)
        self._assigned = {APP_OBJECT: held, OWNER_OBJECT: (Assignment(OWNER),)}

    def uses(self) -> list[Use]:
        """What the app's identity has needed since the last reset, each once, in order."""
        return list(self._uses)

    def holds(self, principal: str, need: Need) -> bool:
        """Whether a principal may do something."""
        return any(one.covers(need) for one in self._assigned.get(principal, ()))

    def allows(self, principal: str, need: Need, method: str) -> bool:
        """Whether a principal may do what a call needs; if it is the app, this is put on record."""
        granted = self.holds(principal, need)
        if principal == APP_OBJECT:
            self._uses[Use(need.action, method, need.type, need.linked, granted)] = None
        return granted

    def check(self, principal: str, needs: Collection[Need], method: str) -> None:
        """Raise 403 for the first action that a call needs, and its caller lacks."""
        lacking = [one for one in needs if not self.allows(principal, one, method)]
        if lacking and lacking[0].linked:
            own = next(one for one in needs if not one.linked)
            raise errors.link_unauthorized(principal, (own.action, own.scope), (lacking[0].action, lacking[0].scope))
        if lacking:
            raise errors.unauthorized(principal, lacking[0].action, lacking[0].scope or "/")
