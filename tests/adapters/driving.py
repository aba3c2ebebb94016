"""The engine at work on an instance's gate: what is claimed, and the rounds of planning and applying it."""

from collections.abc import Iterable
from dataclasses import replace

from shared.adapters.ec2_network import Ec2Network
from shared.domain.claims import Claim, LockClaim, OpenClaim, Wanted
from shared.domain.grants import GrantPort
from shared.domain.machines import Machine
from shared.domain.planning import Leave, plan
from shared.domain.policies import Origin
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Nsg, Protocol
from shared.ports import Conflict
from tests.domain.values import GRANT, LATER, NOW, OFFICE, span

_ROUNDS = 8


def locked(machine: Machine, ports: Ranges = ALL_PORTS, origin: Origin = Origin.ANYWHERE) -> LockClaim:
    """All ports, or some over TCP."""
    protocol = Protocol.ANY if ports == ALL_PORTS else Protocol.TCP
    return LockClaim(machine.id, machine.endpoints, ((protocol, ports),), origin)


def granted(machine: Machine, port: str = "22", *sources: str, grant: str = GRANT) -> OpenClaim:
    """A port over TCP."""
    asked = (GrantPort(span(port), Protocol.TCP, sources or (OFFICE,)),)
    return OpenClaim(grant, "Ann", machine.endpoints, asked, LATER)


def closed[C: Claim](claim: C) -> C:
    """The same claim, when it is no longer wanted."""
    return replace(claim, wanted=Wanted.ABSENT)


async def drive(network: Ec2Network, gate: str, claims: Iterable[Claim]) -> Nsg:
    """Plan and apply until nothing is left to be done, as a settling does."""
    wanted = tuple(claims)
    leave = Leave(frozenset(claim.grant for claim in wanted if isinstance(claim, OpenClaim)))
    for _ in range(_ROUNDS):
        observed = await network.group(gate)
        made = plan(observed.nsg, wanted, NOW, leave)
        if not made:
            return observed.nsg
        try:
            await network.apply(observed, made)
        except Conflict:
            continue
    raise AssertionError(f"never at rest: {made}")
