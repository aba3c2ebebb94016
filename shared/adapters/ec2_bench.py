"""The single steps of changing security groups, each of which may be the last of this process.

Every step can be done again: what stands already and what is gone already is no error. What is known of the groups is
kept up with each step, so that nothing is decided on what EC2 showed before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from shared.adapters.ec2_asides import ORIGIN_TAG, Moved, name_of, words_of
from shared.adapters.ec2_client import Calls, Full, Json, Refusal
from shared.adapters.ec2_gate import Aside, Gate
from shared.adapters.ec2_reading import still_holds_rules, still_stands
from shared.adapters.ec2_rules import INSTANCE_TAG, Ingress, Permission, write_permission, write_tags
from shared.aws_settings import Place
from shared.ports import Conflict, Rejected

_STANDS: Final = frozenset({"InvalidPermission.Duplicate"})
_GONE: Final = frozenset({"InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound", "InvalidGroup.NotFound"})


class Bench:
    """A gate under work. `on` is the rule of ours that the work is for, to be told when a limit stands in its way."""

    def __init__(self, calls: Calls, place: Place, gate: Gate) -> None:
        self._calls, self._place = calls, place
        self.gate = gate
        self.on = ""
        self._written: set[tuple[str, Permission]] = set()

    @property
    def own_tags(self) -> dict[str, str]:
        """What everything that Postern makes for this instance carries."""
        return {INSTANCE_TAG: self.gate.id.name}

    def twin(self, group: str, permission: Permission) -> Ingress | None:
        """The rule that is known to stand in a group for a permission; there is never more than one."""
        return next((one for one in self._all() if (one.group, one.permission) == (group, permission)), None)

    def _all(self) -> Iterable[Ingress]:
        yield from self.gate.standing
        for aside in self.gate.asides:
            yield from aside.rules

    async def authorize(self, group: str, permission: Permission, text: str, tags: Iterable[tuple[str, str]]) -> bool:
        """Let a rule stand in a group; False where one for the same stood already, whosever it is.

        EC2 is asked even when it has shown such a rule: it may show what is gone. Raises Rejected where a limit does
        not allow it, Conflict, Unavailable.
        """
        if (group, permission) in self._written:
            return True
        listed = list(tags)
        labels = [{"ResourceType": "security-group-rule", "Tags": write_tags(listed)}]
        try:
            made = await self._write(
                "AuthorizeSecurityGroupIngress",
                GroupId=group,
                IpPermissions=[write_permission(permission, text)],
                **({"TagSpecifications": labels} if labels[0]["Tags"] else {}),
            )
        except Refusal as error:
            # Where EC2 has not shown it yet, the next look will tell whose it is.
            if error.code in _STANDS:
                return False
            raise
        id_ = str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])
        self._put(Ingress(id_, group, permission, text, tuple(sorted(listed))))
        self._written.add((group, permission))
        return True

    async def copy(self, ingress: Ingress, aside: Aside) -> None:
        """Let a rule stand in a group of ours as well. A copy that EC2 has not shown yet is known without its id."""
        made = await self.authorize(aside.group, ingress.permission, ingress.description, ingress.tags)
        if not made and not self.twin(aside.group, ingress.permission):
            self._put(replace(ingress, id="", group=aside.group))

    async def revoke(self, ingress: Ingress) -> None:
        """Take a rule away, by its id."""
        await self._unless_gone("RevokeSecurityGroupIngress", GroupId=ingress.group, SecurityGroupRuleIds=[ingress.id])
        self._drop(ingress)
        self._written.discard((ingress.group, ingress.permission))

    async def note(self, ingress: Ingress, tags: Mapping[str, str], without: Iterable[str] = ()) -> Ingress:
        """Put tags on a rule and take others away."""
        await self._tag(ingress.id, tags, without)
        changed = replace(ingress, tags=_with(ingress.tags, tags, without))
        self._drop(ingress)
        self._put(changed)
        return changed

    async def redescribe(self, ingress: Ingress, text: str) -> None:
        """Change what the description of a rule says."""
        await self._write(
            "UpdateSecurityGroupRuleDescriptionsIngress",
            GroupId=ingress.group,
            IpPermissions=[write_permission(ingress.permission, text)],
        )
        self._drop(ingress)
        self._put(replace(ingress, description=text))

    async def put_aside_from(self, origin: str, tags: Mapping[str, str]) -> Aside:
        """The group of ours for what is moved out of another, with these tags on it; made in the network of that."""
        found = next((aside for aside in self.gate.asides if aside.origin == origin), None)
        if found:
            return await self.note_on(found, tags)
        if origin not in self.gate.vpcs:
            raise Conflict(f"EC2 does not show the security group {origin}")
        labels, moved = {**self.own_tags, ORIGIN_TAG: origin, **tags}, Moved(self.gate.id.name, origin)
        made = await self._write(
            "CreateSecurityGroup",
            GroupName=name_of(moved),
            Description=words_of(moved),
            VpcId=self.gate.vpcs[origin],
            TagSpecifications=[{"ResourceType": "security-group", "Tags": write_tags(labels.items())}],
        )
        aside = Aside(str(made["GroupId"]), origin, (), tuple(sorted(labels.items())))
        self.gate = replace(self.gate, asides=(*self.gate.asides, aside))
        return aside

    async def note_on(self, aside: Aside, tags: Mapping[str, str], without: Iterable[str] = ()) -> Aside:
        """Put tags on a group of ours and take others away."""
        listed = list(without)
        news = {name: value for name, value in tags.items() if dict(aside.tags).get(name) != value}
        await self._tag(aside.group, news, listed)
        return self._replace(aside, replace(aside, tags=_with(aside.tags, tags, listed)))

    async def throw_away(self, aside: Aside) -> None:
        """Delete a group of ours. Raises Conflict when there is still something in it, which would be lost."""
        if await still_holds_rules(self._calls, self._place, aside.group):
            raise Conflict(f"{aside.group} still holds rules")
        await self._unless_gone("DeleteSecurityGroup", GroupId=aside.group)
        self.gate = replace(self.gate, asides=tuple(one for one in self.gate.asides if one.group != aside.group))

    async def stands(self, group: str) -> bool:
        """Whether EC2 shows a security group, looked at anew."""
        return await still_stands(self._calls, self._place, group)

    async def _tag(self, resource: str, tags: Mapping[str, str], without: Iterable[str]) -> None:
        if tags:
            await self._write("CreateTags", Resources=[resource], Tags=write_tags(tags.items()))
        if names := sorted(set(without) - set(tags)):
            await self._unless_gone("DeleteTags", Resources=[resource], Tags=[{"Key": name} for name in names])

    async def _write(self, operation: str, **parameters: object) -> Json:
        try:
            return await self._calls.call(self._place, operation, **parameters)
        except Full as error:
            raise Rejected(str(error), self.on) from error

    async def _unless_gone(self, operation: str, **parameters: object) -> None:
        try:
            await self._write(operation, **parameters)
        except Refusal as error:
            if error.code not in _GONE:
                raise

    def _put(self, ingress: Ingress) -> None:
        for aside in self.gate.asides:
            if aside.group == ingress.group:
                self._replace(aside, replace(aside, rules=(*aside.rules, ingress)))
                return
        self.gate = replace(self.gate, standing=(*self.gate.standing, ingress))

    def _drop(self, ingress: Ingress) -> None:
        for aside in self.gate.asides:
            self._replace(aside, replace(aside, rules=tuple(one for one in aside.rules if one.id != ingress.id)))
        standing = tuple(one for one in self.gate.standing if one.id != ingress.id)
        self.gate = replace(self.gate, standing=standing)

    def _replace(self, old: Aside, new: Aside) -> Aside:
        asides = tuple(new if one.group == old.group else one for one in self.gate.asides)
        self.gate = replace(self.gate, asides=asides)
        return new


def _with(
    tags: Iterable[tuple[str, str]], news: Mapping[str, str], without: Iterable[str]
) -> tuple[tuple[str, str], ...]:
    left = {name: value for name, value in tags if name not in set(without)}
    return tuple(sorted((left | dict(news)).items()))
