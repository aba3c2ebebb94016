"""Close everything that Postern has open on servers of Azure Arc in a subscription, without the app.

    python -m scripts.close_hosts --subscription <id>            lists the rules in the servers' gates
    python -m scripts.close_hosts --subscription <id> --close    takes the rules of grants away: every access is over
    python -m scripts.close_hosts --subscription <id> --remove   takes everything away, as if no policy had ever been

With `--server <name>`, which may be given again, only these are looked at; then `--remove` also empties a server of
which nothing is known, because somebody deleted its run command.

Accesses end on a server by themselves, at their time; this is for when that is too late, or when Postern is to go. It
needs Python 3.13 with `requirements.txt`, and an identity that may read and run commands on the servers. It may be
stopped and started again at any time. The exit status is 0 when nothing is left of what was to go, 1 when something is
or cannot be told, and 2 when the subscription cannot be read.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from azure.identity.aio import DefaultAzureCredential

from shared.adapters.arc_hosts import VERSION, ArcHosts
from shared.adapters.arm_client import Arm
from shared.adapters.clock import SystemClock
from shared.domain.machines import MachineId
from shared.domain.planning import Change, Kind, Plan
from shared.domain.rules import OPEN_MARK, Rule
from shared.ports import Conflict, NotFound, Unavailable
from shared.services.world import each

_AZURE: Final = "https://management.azure.com"
_SERVERS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What stood in a server's gate, what was to go, and what of that is left."""

    server: MachineId
    stood: tuple[Rule, ...]
    gone: tuple[Rule, ...] = ()
    left: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done."""

    close: bool
    remove: bool
    servers: frozenset[str] = frozenset()  # Names in lower case; none means all.

    def chosen(self, rules: Sequence[Rule]) -> tuple[Rule, ...]:
        """The rules that are to go."""
        return tuple(rule for rule in rules if self.remove or (self.close and rule.mark == OPEN_MARK))


async def visit(hosts: ArcHosts, server: MachineId, wish: Wish) -> Outcome:
    """Look at one server's gate, and take away what is to go. Raises what `ArcHosts` does."""
    observed = await hosts.group(server.gate)
    wanted = wish.chosen(observed.nsg.rules)
    if wish.remove and (wanted or wish.servers):
        await hosts.empty(server.gate)
        return Outcome(server, observed.nsg.rules, wanted)
    if not wanted:
        return Outcome(server, observed.nsg.rules)
    after = await hosts.apply(observed, Plan(tuple(Change(Kind.DELETE, rule) for rule in wanted)))
    names = {rule.name for rule in after.nsg.rules}
    return Outcome(server, observed.nsg.rules, wanted, tuple(rule for rule in wanted if rule.name in names))


async def run(arm: Arm, subscription: str, wish: Wish) -> int:
    """List or close; the exit status."""
    path = f"/subscriptions/{subscription}/providers/Microsoft.HybridCompute/machines"
    try:
        every = [MachineId(str(one["id"])) async for page in arm.pages(path, VERSION) for one in page]
    except Unavailable as error:
        print(f"The subscription cannot be read: {error}", file=sys.stderr)
        return 2
    servers = [one for one in every if not wish.servers or one.name.lower() in wish.servers]
    hosts = ArcHosts(arm)
    found = await each(lambda server: visit(hosts, server, wish), servers, _SERVERS_AT_ONCE)
    told = [one for one in found if isinstance(one, Outcome)]
    for one in told:
        for rule in one.stood:
            print(f"{one.server.name}  {rule.priority:4}  {rule.access:5}  {rule.name}")
    for server, why in zip(servers, found, strict=True):
        if isinstance(why, Conflict | NotFound | Unavailable):
            print(f"NOT known: {server.name}: {why}", file=sys.stderr)
        elif isinstance(why, Exception):
            raise why
    left = sum(len(one.left) for one in told)
    print(f"{len(servers)} servers, {sum(len(one.gone) for one in told)} rules were to go, {left} are left.")
    return int(bool(left) or len(told) < len(servers))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--subscription", required=True)
    made.add_argument("--endpoint", default=_AZURE, help="Azure Resource Manager, elsewhere than in the public cloud")
    made.add_argument("--server", action="append", default=[], help="only this server, by its name")
    made.add_argument("--close", action="store_true", help="take the rules of grants away")
    made.add_argument("--remove", action="store_true", help="take all rules of Postern away, locks as well")
    return made


async def main(arguments: Sequence[str]) -> int:
    """Read the command line and run."""
    given = parser().parse_args(arguments)
    async with DefaultAzureCredential() as credential:
        arm = Arm(credential, given.endpoint.rstrip("/"), SystemClock())
        try:
            return await run(
                arm, given.subscription, Wish(given.close, given.remove, frozenset(map(str.lower, given.server)))
            )
        finally:
            await arm.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
