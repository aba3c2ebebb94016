"""Servers outside Azure as machines: each with one gate, its own firewall, that all its addresses lie behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address

from shared.domain.addresses import is_address
from shared.domain.computers import ArcServer, Computer
from shared.domain.firewalls_text import is_side
from shared.domain.inventory import MachineKind, PrivateAddress, Reason, Sighting
from shared.domain.issues import Issue
from shared.domain.machines import Endpoint, Machine, MachineId
from shared.domain.policies import Origin, Policy
from shared.domain.readiness import Look, State, Verdict, checks, state

_HURDLES = (State.EXPIRED, State.DISCONNECTED, State.NEEDS_UPDATE)
_CODES = {"agent": State.NEEDS_UPDATE}  # Which is true besides, whatever else stands in the way.
_NOT_ASKED = "Whether its agent reports is no matter here."


def sight(server: ArcServer, at: datetime) -> Sighting:
    """A server as the list of machines has it."""
    places = tuple(PrivateAddress(address, server.id, "") for address in guarded_addresses(server.addresses))
    return Sighting(
        server.id,
        MachineKind.HOST,
        server.location,
        server.system,
        server.status.lower(),
        server.tags,
        places=places,
        hurdles=hurdles(server, at),
    )


def guarded_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Those of a server's addresses that others can reach it by, each once: not its own loop, not one link's alone."""
    known = (address for address in dict.fromkeys(addresses) if is_address(address))
    return tuple(one for one in known if not ip_address(one).is_loopback and not ip_address(one).is_link_local)


def hurdles(server: ArcServer, at: datetime) -> tuple[Reason, ...]:
    """Why nothing can be written into a server's firewall now; empty when it can."""
    computer, look = Computer(server), Look(at, _NOT_ASKED)
    where = state(computer, look)
    if where not in _HURDLES:
        return ()
    missing = (one for one in checks(computer, look) if one.verdict is Verdict.MISSING)
    return tuple(Reason(str(_CODES.get(one.code, where)), one.message) for one in missing)


def misfits(machine: Machine, policy: Policy) -> Iterator[Issue]:
    """What of a policy cannot be done outside Azure: by a server's firewall, or by the security groups of EC2."""
    if machine.id.is_instance and policy.end_sessions:
        text = "Security groups of Amazon EC2 end no sessions: these go on until they end by themselves."
        yield Issue("endSessionsNotSupported", "endSessions", text)
    if not machine.id.is_host:
        return
    if machine.system not in {"Linux", "Windows"}:
        yield Issue("systemUnknown", "", f"Azure does not say which operating system {machine.id.name} has.")
    if policy.lock.origin is not Origin.ANYWHERE:
        text = "A server outside Azure cannot tell the Internet from other networks: lock it against everybody."
        yield Issue("originNotSupported", "lock.from", text)
    if not all(is_side(source) for port in policy.ports for source in port.sources):
        text = "A server outside Azure knows addresses and prefixes, and no service tags."
        yield Issue("sourceNotSupported", "ports", text)
    if policy.end_sessions:
        text = "Sessions on a server outside Azure go on until they end by themselves."
        yield Issue("endSessionsNotSupported", "endSessions", text)


def endpoint(id_: MachineId, address: str) -> Endpoint:
    """One address of a server, with the server's gate before it."""
    return Endpoint(address, nic_nsg=id_.gate, nic=str(id_))
