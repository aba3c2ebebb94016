"""Whatever rules an instance has: locked, opened, closed and set free it lets in what it should, and is as it was.

Also when the process that does it dies before any of its writes, and another goes on. What gets in is judged on the
rules that its owner sees, by a judge that knows nothing of ours.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from itertools import count
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.claims import Claim, LockClaim
from shared.domain.machines import Machine
from shared.domain.policies import Origin
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Protocol
from tests.adapters.aws import Aws, Instance, Recorded, permission
from tests.adapters.driving import closed, drive, granted, locked
from tests.domain.values import OFFICE, STRANGER
from tests.services.process import Crash

_NUMBERS = count(1)
SSH = Ranges.of((22, 22))
ALL_BUT_HTTPS = ALL_PORTS - Ranges.of((443, 443))
INSIDE = "10.1.2.3"


class Flow(NamedTuple):
    """One attempt to get in."""

    source: str
    protocol: str
    port: int


FLOWS = [
    Flow(source, protocol, port)
    for source in (OFFICE, STRANGER, INSIDE, "2001:db8::7", "fd00::7")
    for protocol, port in [
        ("tcp", 21),
        ("tcp", 22),
        ("tcp", 443),
        ("udp", 22),
        ("icmpv6" if ":" in source else "icmp", 0),
    ]
]

_PORTS = st.sampled_from(["22", "20-25", "443", "21-22", "0-65535"])
_SOURCES = st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "203.0.113.0/24", "203.0.113.7/32", "::/0", "fd00::/8"])
_WITH_PORTS = st.builds(permission, st.sampled_from(["tcp", "udp"]), _PORTS, _SOURCES, st.sampled_from(["", "a text"]))
_ALL = st.builds(permission, st.just("-1"), st.just("*"), _SOURCES)
_ICMP = st.builds(permission, st.just("icmp"), st.just("*"), st.just("0.0.0.0/0"))
_RULES = st.lists(_WITH_PORTS | _ALL | _ICMP, max_size=6)
_LOCKS = st.tuples(st.sampled_from([ALL_PORTS, SSH, ALL_BUT_HTTPS]), st.sampled_from(Origin))


def _bare(one: dict[str, Any]) -> str:
    return repr(one).partition(", 'Description'")[0]


def lets_in(rules: Iterable[Any], flow: Flow) -> bool:
    """As EC2 documents it: whatever any rule allows gets in."""
    return any(_allows(rule, flow) for rule in rules)


def _allows(rule: Any, flow: Flow) -> bool:  # noqa: ANN401 - EC2's JSON.
    network = ip_network(rule.get("CidrIpv4") or rule["CidrIpv6"])
    if ip_address(flow.source) not in network:
        return False
    protocol = rule["IpProtocol"]
    whole = protocol == "-1" or (protocol == flow.protocol and flow.protocol.startswith("icmp"))
    return whole or (protocol == flow.protocol and rule["FromPort"] <= flow.port <= rule["ToPort"])


def stops(ports: Ranges, origin: Origin, flow: Flow) -> bool:
    """What such a lock is there to stop."""
    if origin is Origin.INTERNET and flow.source in {INSIDE, "fd00::7"}:
        return False
    if ports == SSH:
        return flow.protocol == "tcp" and flow.port == 22
    return flow.protocol.startswith("icmp") or flow.port in ports


def lock_of(machine: Machine, ports: Ranges, origin: Origin) -> LockClaim:
    protocol = Protocol.TCP if ports == SSH else Protocol.ANY
    return LockClaim(machine.id, machine.endpoints, ((protocol, ports),), origin)


async def fulfil(aws: Aws, one: Instance, claims: list[Claim], deaths: Iterable[int] = ()) -> list[set[Flow]]:
    """Let processes come and die, and the last one live; what got in after each death."""
    seen: list[set[Flow]] = []
    for dies_at in deaths:
        try:
            await drive(aws.network(Recorded(aws.calls, dies_at)), one.gate, claims)
        except Crash:
            seen.append(open_now(aws, one))
    await drive(aws.network(), one.gate, claims)
    return seen


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_RULES, _LOCKS, st.lists(st.integers(1, 12), max_size=2))
def test_whatever_stands_there_is_stopped_opened_and_put_back(
    aws: Aws, rules: list[dict[str, Any]], shape: tuple[Ranges, Origin], deaths: list[int]
) -> None:
    asyncio.run(_story(aws, aws.launch(f"story-{next(_NUMBERS)}", *_distinct(rules)), shape, deaths))


def _distinct(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({_bare(one): one for one in rules}.values())


async def _story(aws: Aws, one: Instance, shape: tuple[Ranges, Origin], deaths: list[int]) -> None:
    before, rules = aws.rules(one.group), aws.documents(one.group)
    open_before = {flow for flow in FLOWS if lets_in(rules, flow)}
    machine = await aws.network().machine(one.id)
    lock, grant = lock_of(machine, *shape), granted(machine)
    still_open = {flow for flow in open_before if not stops(*shape, flow)}
    await fulfil(aws, one, [lock], deaths)
    assert still_open == open_now(aws, one)
    await fulfil(aws, one, [lock, grant], deaths)
    assert still_open | {Flow(OFFICE, "tcp", 22)} == open_now(aws, one)
    await fulfil(aws, one, [lock, closed(grant)], deaths)
    assert still_open == open_now(aws, one)
    await fulfil(aws, one, [closed(lock)], deaths)
    assert (before, []) == (aws.rules(one.group), own_groups(aws, one))


def open_now(aws: Aws, one: Instance) -> set[Flow]:
    rules = aws.documents(one.group)
    return {flow for flow in FLOWS if lets_in(rules, flow)}


def own_groups(aws: Aws, one: Instance) -> list[str]:
    return [name for name in aws.groups() if one.id.name in name]


SOME = [
    permission("tcp", "20-25", "0.0.0.0/0", "a text"),
    permission("tcp", "22", "203.0.113.7/32", "the office"),
]
PHASES = ["lock", "open", "close", "free"]


@pytest.mark.parametrize("phase", PHASES)
async def test_dying_before_any_write_of_a_phase_changes_nothing_in_the_end(aws: Aws, phase: str) -> None:
    for dies_at in count(1):
        one = aws.launch(f"dying-{next(_NUMBERS)}", *SOME)
        before = aws.rules(one.group)
        seen: list[set[Flow]] = []
        for name, claims in (await phases(aws, one, phase)).items():
            seen += await fulfil(aws, one, claims, [dies_at] if name == phase else [])
            assert name == "free" or STRANGER not in {flow.source for flow in open_now(aws, one) if flow.port == 22}
        assert all(Flow(STRANGER, "tcp", 21) in some for some in seen)
        assert (before, []) == (aws.rules(one.group), own_groups(aws, one))
        if not seen:
            assert dies_at > 1
            return


async def phases(aws: Aws, one: Instance, about: str = "open") -> dict[str, list[Claim]]:
    """What is wanted one after another; without a grant, where the test is only about the lock."""
    machine = await aws.network().machine(one.id)
    lock, grant = locked(machine, SSH), granted(machine)
    wanted: list[list[Claim]] = [[lock], [lock, grant], [lock, closed(grant)], [closed(lock)]]
    every = dict(zip(PHASES, wanted, strict=True))
    return every if about in {"open", "close"} else {"lock": every["lock"], "free": every["free"]}


async def test_a_stranger_is_kept_out_while_processes_die_in_the_middle_of_a_grant(aws: Aws) -> None:
    one = aws.launch(f"dying-{next(_NUMBERS)}", *SOME)
    lock, opened, shut, _ = (await phases(aws, one)).values()
    await fulfil(aws, one, lock)
    for claims in (opened, shut):
        for dies_at in (1, 2, 3):
            with suppress(Crash):
                await drive(aws.network(Recorded(aws.calls, dies_at)), one.gate, claims)
            assert Flow(STRANGER, "tcp", 22) not in open_now(aws, one)
