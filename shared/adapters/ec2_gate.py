"""The gate of an instance: its security groups and what Postern has put aside of them, as one virtual group.

The rules of others are shown from number 4000 up, so that the engine finds room above them; a lock of ours is shown at
its number as long as nothing stands that it should stop, and below everything else when something does: so it is
outranked, by the rule that lets something in, until it is kept again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from shared.adapters.ec2_asides import ORIGIN_TAG
from shared.adapters.ec2_records import read_records
from shared.adapters.ec2_rules import INSTANCE_TAG, Ingress, Permission
from shared.adapters.ec2_views import Members, is_writable, left, permissions_of, ports_of, prefixes_of, protocol_of
from shared.domain.machines import MachineId
from shared.domain.rules import KEEP_MARK, LOCK_MARK, OPEN_MARK, Access, Nsg, Rule

_FIRST_FOREIGN: Final = 4000
_FIRST_OUTRANKED: Final = 65000
_DEFAULTS: Final = (Rule("NothingElse", 65500, Access.DENY),)
"""A security group lets in what one of its rules allows, and nothing else."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of an instance; all its addresses lie behind all its groups."""

    id: str
    addresses: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aside:
    """A security group of ours that nothing uses: it holds what was moved out of one other group."""

    group: str
    origin: str
    rules: tuple[Ingress, ...]
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Gate:
    """Everything about one instance that decides who gets in."""

    id: MachineId
    interfaces: tuple[Interface, ...]
    standing: tuple[Ingress, ...]  # In the groups of its interfaces; of ours, in whatever group they stand.
    asides: tuple[Aside, ...]
    others: Mapping[str, tuple[str, ...]]  # For groups that others use too, who: interfaces and what they belong to.
    names: Mapping[str, str]  # Of groups, by id.
    vpcs: Mapping[str, str]  # Of groups, by id: the network that each was made in.
    members: Members

    @cached_property
    def locks(self) -> Mapping[str, Rule]:
        """The lock rules that are noted, by name in lower case, whether they hold or not."""
        noted = [read_records(aside.tags) for aside in self.asides]
        return {name: rule for some in noted for name, rule in some.items() if name.startswith(LOCK_MARK)}

    @property
    def is_empty(self) -> bool:
        """Whether nothing of ours is left of an instance that is gone."""
        return not self.interfaces and not self.asides and not any(map(self.is_ours, self.standing))

    def is_ours(self, ingress: Ingress) -> bool:
        """Whether Postern made a rule, and for this instance. One that has lost its tags is known by its words."""
        if not ingress.instance:
            return ingress.is_signed
        return ingress.mark is not None and ingress.instance == self.id.name

    def may_come_back(self, aside: Aside) -> bool:
        """Whether what is aside may be put where it says it is from: into a group of the instance, or one that was.

        Whoever makes a group with a name such as ours must not reach any other group by it, so that tags vouch for a
        group that the instance no longer has.
        """
        tags = dict(aside.tags)
        vouched = (tags.get(INSTANCE_TAG), tags.get(ORIGIN_TAG)) == (self.id.name, aside.origin)
        return vouched or any(aside.origin in nic.groups for nic in self.interfaces)

    def noted(self, ingress: Ingress) -> Mapping[str, Rule]:
        """The rules of grants that an ingress rule of ours stands for: of each grant that asks for the same."""
        if not self.is_ours(ingress) or ingress.mark != OPEN_MARK:
            return {}
        known = read_records(ingress.tags).items()
        return {name: rule for name, rule in known if name.startswith(OPEN_MARK) and is_writable(rule)}

    def addresses_of(self, group: str) -> tuple[str, ...]:
        """The addresses that lie behind a security group."""
        return tuple(sorted({one for nic in self.interfaces if group in nic.groups for one in nic.addresses}))

    def left(self, group: str, permission: Permission, locks: Iterable[Rule]) -> tuple[Permission, ...]:
        """What locks leave of a permission in a group: itself, where they stop nothing of it."""
        here = set(self.addresses_of(group))
        return left(permission, [lock for lock in locks if here & set(lock.destinations)], self.members)

    def fitting(self, ingress: Ingress, name: str) -> bool:
        """Whether an ingress rule of ours is one that the rule of a grant asks for, where it asks for it."""
        rule = self.noted(ingress).get(name)
        here = self.addresses_of(ingress.group)
        wanted = (address for address in here if rule and address in rule.destinations)
        return any(ingress.permission in permissions_of(rule, address) for address in wanted if rule)

    @cached_property
    def foreign(self) -> tuple[Ingress, ...]:
        """What stands besides the rules of grants: of others, rests of ours, and what is not as we wrote it."""
        return tuple(one for one in self.standing if not self._is_of_a_grant(one))

    def _is_of_a_grant(self, ingress: Ingress) -> bool:
        return any(self.fitting(ingress, name) for name in self.noted(ingress))

    def nsg(self) -> Nsg:
        """The gate as a network security group."""
        return Nsg(
            self.id.gate,
            etag=self._digest(),
            rules=(*self._locks(), *self._opens(), *self._foreign_rules()),
            defaults=_DEFAULTS,
            hurdle=self.hurdle,
        )

    @property
    def hurdle(self) -> str:
        """Why no lock may be put into its groups; empty when one may."""
        shared = next(iter(sorted(self.others)), None)
        if shared is None:
            return ""
        who = self.others[shared]
        more = f" and {len(who) - 1} more" if len(who) > 1 else ""
        name = self.names.get(shared, "")
        return (
            f"The security group {shared} ({name}) is also used by {who[0]}{more}, which a lock in it would close as "
            f"well: give {self.id.name} a group of its own."
        )

    def _digest(self) -> str:
        seen = (
            self.interfaces,
            self.standing,
            self.asides,
            sorted(self.others),
            sorted(self.members.items()),
            sorted(self.vpcs.items()),
        )
        return hashlib.sha256(repr(seen).encode()).hexdigest()

    def _locks(self) -> Iterator[Rule]:
        for number, lock in enumerate(self.locks[name] for name in sorted(self.locks)):
            yield lock if self._holds(lock) else replace(lock, priority=_FIRST_OUTRANKED + number)

    def _holds(self, lock: Rule) -> bool:
        return all(self.left(one.group, one.permission, [lock]) == (one.permission,) for one in self.foreign)

    def _opens(self) -> Iterator[Rule]:
        names = {name for one in self.standing for name in self.noted(one)}
        yield from (self._open(name) for name in sorted(names))
        torn = {named(one): one for one in self.standing if self.is_torn(one)}
        yield from (self._torn(one) for name, one in torn.items() if name not in names)

    def _open(self, name: str) -> Rule:
        mine = self.pieces_of(name)
        rule = next(self.noted(one)[name] for one in mine if name in self.noted(one))
        alike = all(self.noted(one).get(name) == rule and self.fitting(one, name) for one in mine)
        return replace(rule, description=mine[0].description, settled=alike and self.has_all_of(rule))

    def pieces_of(self, name: str) -> list[Ingress]:
        """The ingress rules of ours that stand for the rule of a grant, by notes or, where these are gone, by name."""
        return [one for one in self.standing if name in self.noted(one) or (self.is_torn(one) and named(one) == name)]

    def has_all_of(self, rule: Rule) -> bool:
        """Whether everything that the rule of a grant allows stands; somebody else's rule for the same does as well."""
        return all(map(self._has, self._wanted_by(rule)))

    def _wanted_by(self, rule: Rule) -> Iterator[tuple[Interface, Permission]]:
        for nic in self.interfaces:
            for address in set(nic.addresses) & set(rule.destinations):
                yield from ((nic, permission) for permission in permissions_of(rule, address))

    def _has(self, wanted: tuple[Interface, Permission]) -> bool:
        nic, permission = wanted
        return any(one.group in nic.groups and one.permission == permission for one in self.standing)

    def is_torn(self, ingress: Ingress) -> bool:
        """Whether an ingress rule carries the mark of a grant, and nobody can tell any more what it was to be."""
        return self.is_ours(ingress) and ingress.mark == OPEN_MARK and not self.noted(ingress)

    def _torn(self, ingress: Ingress) -> Rule:
        return replace(self._foreign_rule(ingress, _FIRST_FOREIGN), name=named(ingress), settled=False)

    def _foreign_rules(self) -> Iterator[Rule]:
        there = (one for one in self.foreign if self.addresses_of(one.group) and not self.is_torn(one))
        for number, one in enumerate(sorted(there, key=lambda one: one.id)):
            yield self._foreign_rule(one, _FIRST_FOREIGN + number)

    def _foreign_rule(self, ingress: Ingress, priority: int) -> Rule:
        permission = ingress.permission
        return Rule(
            f"{ingress.id} ({self.names.get(ingress.group) or ingress.group})",
            priority,
            Access.ALLOW,
            protocol_of(permission),
            prefixes_of(permission.source, self.members),
            self.addresses_of(ingress.group),
            ports_of(permission),
            description=ingress.description,
        )


def named(ingress: Ingress) -> str:
    """The name that the description of a rule of ours begins with."""
    return ingress.description.split(" ")[0].lower()


def is_rest(ingress: Ingress) -> bool:
    """Whether a rule of ours holds what a lock left of a rule that was moved aside."""
    return ingress.mark == KEEP_MARK
