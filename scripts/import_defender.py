"""Move from Defender for Cloud's just-in-time VM access to Postern.

    python -m scripts.import_defender --subscription <id> --app https://<app> --audience api://<application id>
        shows what would become of each machine, and what cannot be carried over; changes nothing
    ... --apply             puts them into Postern: the same ports, sources and times, locked on these ports only
    ... --remove-defender   deletes Defender's policies of machines that Postern keeps locked, measured just before
    ... --remove-rules      takes Defender's rules for such machines out of the network security groups as well

Each step may be run again, and does what is left to do. No machine is less guarded at any moment than it was: Postern
locks first, Defender's policy goes when Postern's lock holds on all ports that Defender guarded, and Defender's deny
rules go when the lock stands without them. A machine that has a policy already is left as it is; with `--replace`
Defender's ports take the place of those with the same number and protocol, and the rest of its policy stays.

It needs Python 3.13 with `requirements.txt`, run in the folder of the app, and a sign-in to Azure (`az login`, or what
else DefaultAzureCredential finds) that is an Administrator of Postern and may read and delete Defender's policies and
rules of network security groups. The exit status is 0 when everything was carried over, removed, or may be, else 1.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential

from scripts.calls import Api, CallError, Json
from scripts.defender_policies import (
    Move,
    Rule,
    is_machine,
    moves,
    open_until,
    rules_of,
    still_needed,
    unguarded,
    with_ports,
)
from shared.adapters.arm_client import COMPUTE_VERSION, NETWORK_VERSION, scope_of

_JIT_VERSION: Final = "2020-01-01"
_AZURE: Final = "https://management.azure.com"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for on the command line."""

    subscriptions: tuple[str, ...]
    apply: bool = False
    replace: bool = False
    scope: str = "ports"
    remove_defender: bool = False
    remove_rules: bool = False


class Moving:
    """One run: reads Defender's policies from ARM, talks to the app, and counts what could not be done."""

    def __init__(self, arm: Api, app: Api, wish: Wish) -> None:
        self._arm, self._app, self._wish = arm, app, wish
        self.undone = 0

    async def run(self) -> int:
        """Do what is wished, step by step; the exit status. Raises CallError, AzureError when somebody is away."""
        for subscription in self._wish.subscriptions:
            policies = await self._policies(subscription)
            found = moves(policies, datetime.now(UTC))
            print(f"{subscription}: {len(policies)} policies of Defender with {len(found)} machines.")
            for move in found:
                await self._carry(move)
            if self._wish.remove_rules:
                # What is open there is closed first: else no lock could hold.
                await self._clear(subscription, allows=True)
            if self._wish.remove_defender:
                for policy in policies:
                    await self._retire(policy)
            if self._wish.remove_rules:
                await self._clear(subscription, allows=False)
            await self._tell_rules(subscription)
        return int(bool(self.undone))

    def _refuse(self, what: str, reasons: Sequence[str]) -> None:
        self.undone += 1
        print(f"  NOT {what}: {'; '.join(reasons)}")

    async def _carry(self, move: Move) -> None:
        name = _name(move.machine)
        for note in move.notes:
            print(f"  {name}: {note}")
        if move.reasons:
            self._refuse(f"carried over: {name}", move.reasons)
            return
        standing = await self._app.call("GET", f"/api/policies{move.machine}")
        if standing.ok and not self._wish.replace:
            print(f"  {name} has a policy already, which stays as it is")
            return
        body: Json = {"ports": list(move.ports), "lock": {"scope": self._wish.scope}}
        if standing.ok:
            body = {**standing.document["policy"], "ports": with_ports(standing.document["policy"], move.ports)}
        query = "" if self._wish.apply else "?preview=true"
        condition = {"If-Match": standing.etag} if standing.ok and standing.etag else {}
        answer = await self._app.call("PUT", f"/api/policies{move.machine}{query}", body, condition)
        if not answer.ok:
            self._refuse(f"carried over: {name}", answer.reasons)
            return
        done = "carried over" if self._wish.apply else "can be carried over"
        print(f"  {name} {done}: {_ports(move)}; its lock {_lock(answer.document['lock'])}")

    async def _retire(self, policy: Json) -> None:
        """Delete a policy of Defender's when Postern keeps each of its machines locked, or the machine is gone."""
        reasons = [
            f"{_name(str(machine.get('id', '')))} {why}"
            for machine in policy["properties"].get("virtualMachines") or ()
            if (why := await self._why_not(policy, machine))
        ]
        if reasons:
            self._refuse(f"removed: Defender's policy {policy['id']}", reasons)
            return
        await self._arm.delete(str(policy["id"]), _JIT_VERSION)
        print(f"  removed Defender's policy {policy['id']}")

    async def _why_not(self, policy: Json, machine: Json) -> str | None:
        """Why Defender still has to guard a machine; None when Postern does, or the machine is gone."""
        id_ = str(machine.get("id", ""))
        if not is_machine(id_):
            return "is no virtual machine of Azure Resource Manager"
        if await self._is_gone(id_):
            return None
        if not self._wish.remove_rules and (end := open_until(policy, id_, datetime.now(UTC))):
            return f"is open by Defender until {end:%Y-%m-%dT%H:%M:%SZ}: come again then, or say --remove-rules"
        found = await self._app.call("GET", f"/api/policies{id_}")
        if not found.ok:
            return f"has no policy of Postern ({'; '.join(found.reasons)})"
        if found.document["lock"]["state"] != "holds":
            return f"is not locked: the lock {_lock(found.document['lock'])}"
        open_ = unguarded(found.document["policy"], machine.get("ports") or ())
        return f"is guarded by Defender alone on {', '.join(open_)}" if open_ else None

    async def _is_gone(self, machine: str) -> bool:
        answer = await self._arm.call("GET", f"{machine}?api-version={COMPUTE_VERSION}")
        # A subscription that one may not see is not found either, and its machines may well be there.
        return answer.status == HTTPStatus.NOT_FOUND and answer.code in {"ResourceNotFound", "ResourceGroupNotFound"}

    async def _rules(self, subscription: str) -> list[Rule]:
        path = f"/subscriptions/{subscription}/providers/Microsoft.Network/networkSecurityGroups"
        return [rule for group in await self._arm.pages(path, NETWORK_VERSION) for rule in rules_of(group)]

    async def _policies(self, subscription: str) -> list[Json]:
        path = f"/subscriptions/{subscription}/providers/Microsoft.Security/jitNetworkAccessPolicies"
        return await self._arm.pages(path, _JIT_VERSION)

    async def _clear(self, subscription: str, *, allows: bool) -> None:
        """Take Defender's rules away that are for one machine which Postern guards: those that let in, or that deny."""
        rules = await self._rules(subscription)
        named = {move.machine.lower() for move in moves(await self._policies(subscription), datetime.now(UTC))}
        guarded = await self._guarded()
        for rule in [one for one in rules if one.of_defender and one.allows is allows]:
            machine = await self._machine_of(rule, guarded)
            if machine is None:
                self._refuse(f"taken away: {rule}", ["it is for no machine that Postern guards"])
            elif not allows and (why := _why_deny_stays(rule, rules, machine, named)):
                self._refuse(f"taken away: {rule}", [why])
            else:
                await self._arm.delete(f"{rule.nsg}/securityRules/{rule.name}", NETWORK_VERSION)
                rules.remove(rule)
                lock = (await self._app.call("GET", f"/api/policies{machine['id']}")).document["lock"]
                print(f"  taken away: {rule}; {machine['name']}'s lock {_lock(lock)}")
                self.undone += lock["state"] != "holds"

    async def _guarded(self) -> list[Json]:
        """The machines that Postern guards, as its list has them."""
        found: list[Json] = []
        token: str | None = ""
        while token is not None:
            query = "state=configured&pageSize=200" + (f"&pageToken={quote(token)}" if token else "")
            answer = await self._app.call("GET", f"/api/machines?{query}")
            if not answer.ok:
                raise CallError(f"Postern does not list its machines: {'; '.join(answer.reasons)}")
            found += answer.document["value"]
            token = answer.document["nextPageToken"]
        return found

    async def _machine_of(self, rule: Rule, guarded: Sequence[Json]) -> Json | None:
        """The machine, as it now is, that a rule is for: by its addresses, and by the groups on the way to it."""
        for one in guarded:
            if rule.is_for(one["privateAddresses"]):
                machine = (await self._app.call("GET", f"/api/machines{one['id']}")).document
                if rule.nsg.lower() in {str(nsg["id"]).lower() for nsg in machine.get("nsgs") or ()}:
                    return machine
        return None

    async def _tell_rules(self, subscription: str) -> None:
        left = [rule for rule in await self._rules(subscription) if rule.of_defender]
        for rule in left:
            print(f"  {'still lets in' if rule.allows else 'still denies'}: {rule}")
        if left and not self._wish.remove_rules:
            print("  These rules are Defender's. When its policies are gone, --remove-rules takes them away.")


def _why_deny_stays(rule: Rule, rules: Sequence[Rule], machine: Json, named: AbstractSet[str]) -> str | None:
    if str(machine["id"]).lower() in named:
        return "a policy of Defender's still names the machine"
    lock = machine["lock"] or {"state": "unknown", "because": []}
    if lock["state"] != "holds":
        return f"{machine['name']}'s lock {_lock(lock)}"
    return still_needed(rule, rules, machine["privateAddresses"])


def _name(machine: str) -> str:
    return machine.rstrip("/").rsplit("/", 1)[-1] or "a machine without an id"


def _ports(move: Move) -> str:
    return ", ".join(f"{port.get('number')}/{port.get('protocol', '*')}" for port in move.ports)


def _lock(lock: Json) -> str:
    """What is known of a lock, after the words "the lock"."""
    rules = ", ".join(str(one["rule"] or "no group at all") for one in lock["because"])
    told = {"holds": "holds", "exposed": f"is exposed by {rules}"}
    return told.get(str(lock["state"]), "could not be measured")


async def move_all(given: argparse.Namespace, credentials: tuple[AsyncTokenCredential, AsyncTokenCredential]) -> int:
    """Run with somebody's sign-ins to ARM and to the app; the exit status."""
    endpoint = given.endpoint.rstrip("/")
    wish = Wish(
        tuple(given.subscription), given.apply, given.replace, given.lock, given.remove_defender, given.remove_rules
    )
    async with (
        Api(endpoint, credentials[0], scope_of(endpoint)) as arm,
        Api(given.app, credentials[1], f"{given.audience.rstrip('/')}/.default") as app,
    ):
        try:
            return await Moving(arm, app, wish).run()
        except (CallError, AzureError) as error:
            print(f"Broken off, to be run again: {str(error).partition('\n')[0]}", file=sys.stderr)
            return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--subscription", action="append", required=True, help="may be said several times")
    made.add_argument("--app", required=True, metavar="ADDRESS", help="where Postern is")
    made.add_argument("--audience", required=True, help="what a token for Postern is asked for, without /.default")
    made.add_argument("--endpoint", default=_AZURE, help="Azure Resource Manager, elsewhere than in the public cloud")
    made.add_argument("--apply", action="store_true", help="put the policies into Postern")
    made.add_argument(
        "--replace", action="store_true", help="put Defender's ports into policies that are there already"
    )
    made.add_argument("--lock", choices=("ports", "all"), default="ports", help="what a new policy locks")
    made.add_argument("--remove-defender", action="store_true", help="delete policies of Defender's that are replaced")
    made.add_argument("--remove-rules", action="store_true", help="take Defender's rules away where the lock holds")
    return made


async def _run(given: argparse.Namespace) -> int:
    async with DefaultAzureCredential() as credential:
        return await move_all(given, (credential, credential))


def main(arguments: Sequence[str]) -> int:
    """Read the command line and run."""
    return asyncio.run(_run(parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
