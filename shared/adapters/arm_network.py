"""Network security groups and machines in Azure Resource Manager.

A single change is one child-rule PUT or DELETE, for which rights on securityRules suffice. Several changes are one
PUT of the whole group, with everything in it that we do not know, or one child call each where the identity may
not write groups. `flushConnection` can be switched only with the whole group. Every write carries If-Match, so that
it lands only on the group that was planned for.

The group itself is polled until it is settled, because the last poll is then also the reading back that tells
what really stands.

Source: azure-mgmt-network; REST reference of Microsoft.Network and Microsoft.Compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from shared.adapters.arm_client import GROUP_VERSION, Arm, place_of
from shared.adapters.arm_errors import Forbidden, InUse, Locked, Malformed
from shared.adapters.arm_interfaces import ArmInterfaces
from shared.adapters.arm_machines import Read, read_machine
from shared.adapters.arm_rules import MADE_FOR, read_nsg, with_flush, write_rule
from shared.domain.machines import Machine, MachineId
from shared.domain.planning import Change, Kind, Plan
from shared.domain.rules import Access
from shared.ports import NotFound, Observed, Rejected, Unavailable

_KIND = "networkSecurityGroups"


class ArmNetwork:
    """The `Network` port on ARM."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._interfaces = ArmInterfaces(arm)
        self._rules_only: set[str] = set()

    async def machine(self, id_: MachineId) -> Machine:
        """The machine, its interfaces and their subnets."""
        return await read_machine(id_, Read(self._arm.get))

    async def group(self, nsg: str) -> Observed:
        """The group as it stands. Raises NotFound, Unavailable, and Conflict for the id of something else."""
        place_of(nsg, _KIND)
        # Taken as it is: to make the SDK's models of it would cost more than the call.
        document = await self._arm.get(nsg, GROUP_VERSION)
        return Observed(read_nsg(document), document)

    async def apply(self, observed: Observed, plan: Plan) -> Observed:
        """Carry out a plan and read the group back when it is settled."""
        nsg = observed.nsg.id
        if not observed.nsg.etag:
            return await self._make(observed, plan)
        refused: Unavailable | None = None
        if plan.flush or (len(plan.changes) > 1 and nsg not in self._rules_only):
            try:
                after = await self._replace(observed, plan)
            except Unavailable as error:
                # Something keeps ARM from taking the group whole: rights, a lock, something in it, ours or not. Rule by
                # rule, what closes comes first, and the rule at fault shows itself.
                if not plan.flush and not isinstance(error, Forbidden | Malformed):
                    raise
                refused = error
                self._rules_only.update([nsg] if isinstance(error, Forbidden) else ())
            else:
                self._rules_only.discard(nsg)
                return _told(plan, after)
        for change in plan.changes:
            observed = await self._take_step(observed, change)
        return replace(observed, unflushable=str(refused) if plan.flush else "")

    async def _take_step(self, observed: Observed, change: Change) -> Observed:
        try:
            await self._change(observed, change)
        except Locked:
            if change.kind is not Kind.DELETE:
                raise
            return await self._take_away(observed, change)
        except Malformed as error:
            raise Rejected(str(error), change.rule.name) from error
        return await self._settled(observed.nsg.id)

    async def _take_away(self, observed: Observed, change: Change) -> Observed:
        """Take a rule away although a resource lock forbids to delete it.

        A delete lock lets a group be written without the rule. An identity that may only write rules turns an allow
        rule into one that denies, which closes as well; it stays until the lock is lifted.
        """
        try:
            return await self._replace(observed, Plan((change,)))
        except Forbidden:
            if change.rule.access is Access.DENY:
                raise
            husk = Change(Kind.UPDATE, replace(change.rule, access=Access.DENY))
            await self._change(observed, husk)
            return await self._settled(observed.nsg.id)

    async def attach(self, nic: str, nsg: str) -> None:
        """Put a group on an interface that has none."""
        await self._interfaces.put(nic, nsg, instead_of=None)

    async def detach(self, nic: str, nsg: str) -> None:
        """Take a group off an interface."""
        await self._interfaces.put(nic, None, instead_of=nsg)

    async def discard(self, nsg: str) -> str | None:
        """Delete a group that nothing uses; why not, when that cannot be."""
        groups = self._arm.client(nsg).network_security_groups
        try:
            await self._arm.ask(
                lambda: groups.begin_delete(*place_of(nsg, _KIND), polling=False), f"deleting {nsg}", writes=True
            )
            await self._arm.until(lambda _: False, lambda: self.group(nsg), nsg)
        except InUse:
            return f"{nsg} is used by others too."
        except (Locked, Forbidden) as error:
            return f"{error}."
        except NotFound:
            pass
        return None

    async def _make(self, observed: Observed, plan: Plan) -> Observed:
        """Make a group with its rules in it. Should somebody have made one of this name meanwhile, it is a conflict."""
        nsg = observed.nsg
        body: Any = _with_changes({**observed.document, "tags": {MADE_FOR: nsg.made_for}, "properties": {}}, plan)
        groups = self._arm.client(nsg.id).network_security_groups
        await self._arm.ask(
            lambda: groups.begin_create_or_update(
                *place_of(nsg.id, _KIND), body, polling=False, api_version=GROUP_VERSION, headers={"If-None-Match": "*"}
            ),
            f"making {nsg.id}",
            writes=True,
        )
        return _told(plan, await self._settled(nsg.id))

    async def _replace(self, observed: Observed, plan: Plan) -> Observed:
        from azure.mgmt.network.models import NetworkSecurityGroup

        body = NetworkSecurityGroup(_with_changes(observed.document, plan))
        place, groups = place_of(observed.nsg.id, _KIND), self._arm.client(observed.nsg.id).network_security_groups
        await self._arm.ask(
            lambda: groups.begin_create_or_update(
                *place, body, polling=False, api_version=GROUP_VERSION, headers=_only_if(observed)
            ),
            f"writing {observed.nsg.id}",
            writes=True,
        )
        return await self._settled(observed.nsg.id)

    async def _change(self, observed: Observed, change: Change) -> None:
        rules, rule = self._arm.client(observed.nsg.id).security_rules, change.rule
        place, headers = (*place_of(observed.nsg.id, _KIND), rule.name), _only_if(observed)
        body: Any = write_rule(rule)

        async def write() -> None:
            if change.kind is Kind.DELETE:
                await rules.begin_delete(*place, polling=False, api_version=GROUP_VERSION, headers=headers)
            else:
                await rules.begin_create_or_update(
                    *place, body, polling=False, api_version=GROUP_VERSION, headers=headers
                )

        await self._arm.ask(write, f"writing rule {rule.name}", writes=True)

    async def _settled(self, nsg: str) -> Observed:
        return await self._arm.until(lambda seen: seen.nsg.settled, lambda: self.group(nsg), nsg)


def _only_if(observed: Observed) -> dict[str, str]:
    return {"If-Match": observed.nsg.etag}


def _told(plan: Plan, after: Observed) -> Observed:
    """A group as read back, with the word that ARM did not keep the switch although it took the write."""
    if plan.flush in {None, after.nsg.flush}:
        return after
    return replace(after, unflushable=f"{after.nsg.id} was written, and did not keep flushConnection")


def _with_changes(document: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """The whole group with our changes in it; every other rule and property stays as ARM gave it."""
    body = deepcopy(dict(document))
    touched = {change.rule.name.lower() for change in plan.changes}
    properties = dict(body["properties"])
    kept = [rule for rule in properties.get("securityRules") or () if rule["name"].lower() not in touched]
    written = [write_rule(change.rule) for change in plan.changes if change.kind is not Kind.DELETE]
    body = {**body, "properties": {**properties, "securityRules": [*kept, *written]}}
    return with_flush(body, plan.flush) if plan.flush else body
