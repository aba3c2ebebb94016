"""Previews: what is foretold is what planning does, and the box's packet oracle agrees with what it would mean."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.addresses import parse_address, parse_prefix
from shared.domain.claims import Claim, LockClaim, Wanted
from shared.domain.exposure import leaks
from shared.domain.forecasts import Way, Why, closed_ways, forecast, ways_in, why_open, with_changes
from shared.domain.machines import Endpoint, Machine
from shared.domain.planning import Change, Kind, Plan, plan
from shared.domain.policies import Origin
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Access, Nsg, Protocol, Rule
from shared.domain.traffic import EVERY_PROTOCOL, Flow, Traffic
from tests.domain import bridge
from tests.domain.strategies import NEIGHBOUR, flows, groups, locks, rules, spots
from tests.domain.values import (
    GROUP,
    NOW,
    SUBNET_GROUP,
    applied,
    endpoint,
    group,
    lock,
    machine_id,
    named,
    opening,
    rule,
)

BOTH = spots(GROUP, SUBNET_GROUP)
SOME = st.lists(flows(), min_size=8, max_size=8)
LOCKS = locks(spots())


def groups_of(*nsgs: Nsg) -> dict[str, Nsg]:
    return {nsg.id.lower(): nsg for nsg in nsgs}


def machine(*places: Endpoint) -> Machine:
    return Machine(machine_id(), "westeurope", "Linux", places)


def rounds(nsg: Nsg, claims: tuple[Claim, ...]) -> Nsg:
    """The group after planning has been carried out change by change until nothing is left to do."""
    while made := plan(nsg, claims, NOW):
        nsg = applied(nsg, made)
    return nsg


def as_set(nsg: Nsg) -> set[str]:
    return {repr(one) for one in nsg.rules}


@st.composite
def standing(draw: st.DrawFn) -> Nsg:
    """A group that may have an earlier lock of the machine in it, and foreign rules that came after."""
    nsg = draw(groups())
    if draw(st.booleans()):
        nsg = rounds(nsg, (draw(LOCKS), NEIGHBOUR))
        more = [one for one in draw(groups()).rules if one.priority not in {other.priority for other in nsg.rules}]
        nsg = replace(nsg, rules=(*nsg.rules, *(replace(one, name=f"new-{one.priority}") for one in more)))
    return nsg


WANTED = st.sampled_from(Wanted)


@given(standing(), LOCKS, WANTED)
def test_a_forecast_is_what_planning_round_after_round_comes_to(nsg: Nsg, claim: LockClaim, wanted: Wanted) -> None:
    claims = (replace(claim, wanted=wanted), NEIGHBOUR)
    found = forecast(nsg, claims, NOW)
    last = rounds(nsg, claims)
    assert (as_set(last), nsg) == (as_set(found.after), found.before)
    assert plan(last, claims, NOW).obstacles == found.obstacles


@given(standing(), LOCKS, WANTED)
def test_the_changes_turn_what_stands_into_what_will_and_never_touch_a_foreign_rule(
    nsg: Nsg, claim: LockClaim, wanted: Wanted
) -> None:
    found = forecast(nsg, (replace(claim, wanted=wanted), NEIGHBOUR), NOW)
    names = [change.rule.name for change in found.changes]
    changed = with_changes(nsg, Plan(found.changes))
    assert {one.name: one for one in found.after.rules}.keys() == {one.name for one in changed.rules}
    assert all(one.does_the_same_as(changed.find(one.name) or one) for one in found.after.rules)
    assert [] == [name for name in names if not name.startswith("postern-")]
    assert len(names) == len(set(names))


@given(standing(), LOCKS, rules(), st.lists(flows(), min_size=20, max_size=20))
def test_after_a_forecast_the_oracle_passes_no_guarded_packet_unless_a_leak_is_told(
    nsg: Nsg, claim: LockClaim, first: Rule, some: list[Flow]
) -> None:
    # No lock outranks what stands at the first number of all.
    first = replace(first, name="first", priority=100, access=Access.ALLOW)
    nsg = replace(nsg, rules=(first, *(one for one in nsg.rules if one.priority != 100)))
    after = forecast(nsg, (claim, NEIGHBOUR), NOW).after
    told = leaks(claim, groups_of(after))
    found = [bridge.verdict((after,), flow) for flow in some if guards(claim, flow)]
    assert told or {one.rule for one in found if one.passes and one.rule != "postern-keep-probes"} == set()


def guards(claim: LockClaim, flow: Flow) -> bool:
    """Whether a lock is there to stop this flow, by the sources of the strategies."""
    inside = flow.source.startswith(("10.", "168."))
    named_ = [ports for protocol, ports in claim.guarded if protocol in {Protocol.ANY, flow.protocol}]
    hit = any(flow.protocol is Protocol.ICMP or flow.port in ports for ports in named_)
    return hit and not (claim.origin is Origin.INTERNET and inside)


def holds(ways: Iterable[Way], flow: Flow, name: str | None = None) -> bool:
    """Whether a flow is in what some rules (or one of them) let through."""
    portless = flow.protocol is Protocol.ICMP
    return any(
        parse_address(flow.source) in one.sources
        and flow.protocol in one.protocols
        and (portless or flow.port in one.ports)
        for way in ways
        if name is None or (way.rule is not None and way.rule.name == name)
        for one in way.traffic
    )


@given(groups(id_=SUBNET_GROUP), standing(), LOCKS, SOME)
def test_whatever_the_oracle_passes_is_in_the_ways_in(
    subnet: Nsg, nic: Nsg, claim: LockClaim, some: list[Flow]
) -> None:
    after = forecast(nic, (replace(claim, endpoints=(BOTH,)),), NOW).after
    ways = ways_in(machine(BOTH), groups_of(subnet, after))
    passed = [flow for flow in some if bridge.verdict((subnet, after), flow).passes]
    assert [] == [flow for flow in passed if not holds(ways, flow)]
    assert {GROUP} >= {way.nsg for way in ways}


# Everybody agrees on these: whether they are virtual, and which port they are for.
PLAIN_FLOWS = flows(sources=("203.0.113.7", "203.0.113.200", "198.51.100.99", "10.0.0.9", "10.1.0.9")).filter(
    lambda flow: flow.protocol is not Protocol.ICMP
)


@given(groups(plain=True, id_=SUBNET_GROUP), groups(plain=True), LOCKS, st.lists(PLAIN_FLOWS, min_size=8, max_size=8))
def test_where_rules_are_plain_what_the_oracle_no_longer_passes_is_just_what_is_closed(
    subnet: Nsg, nic: Nsg, claim: LockClaim, some: list[Flow]
) -> None:
    after = forecast(nic, (replace(claim, endpoints=(BOTH,)),), NOW).after
    was, will = (ways_in(machine(BOTH), groups_of(subnet, one)) for one in (nic, after))
    found = [[bridge.verdict((subnet, one), flow) for one in (nic, after)] for flow in some]
    cut = [(flow, first.rule) for flow, (first, then) in zip(some, found, strict=True) if first.passes > then.passes]
    closed = closed_ways(was, will)
    assert cut == [(flow, name) for flow in some for name in names(was) if holds(closed, flow, name)]


def names(ways: Iterable[Way]) -> list[str]:
    return [way.rule.name for way in ways if way.rule]


def test_with_nothing_left_to_do_nothing_changes() -> None:
    locked = rounds(group("310 allow-ssh Allow Tcp 22 from *"), (lock(),))
    assert ((), locked) == (forecast(locked, (lock(),), NOW).changes, forecast(locked, (lock(),), NOW).after)


def test_a_lock_that_changes_its_shape_is_foretold_to_the_end() -> None:
    before = rounds(group("310 allow-ssh Allow Tcp 22 from *"), (lock(),))
    found = forecast(before, (lock(guarded="0-442,444-65535"),), NOW)
    assert [] == named(found.after, "postern-lock-all")
    assert (Kind.DELETE, "postern-lock-all") == (found.changes[0].kind, found.changes[0].rule.name)
    assert {Kind.CREATE} == {change.kind for change in found.changes[1:]}


def test_a_lock_that_was_edited_is_foretold_to_be_put_right() -> None:
    [mine] = rounds(group(), (lock(),)).rules
    found = forecast(group(replace(mine, sources=("203.0.113.7",))), (lock(),), NOW)
    assert (Change(Kind.UPDATE, replace(mine, settled=True)),) == found.changes


def test_what_stands_in_the_way_is_foretold() -> None:
    full = replace(
        rule("4000 theirs Deny Udp 9 from *"), destinations=tuple(f"172.16.{n // 250}.{n % 250}" for n in range(4000))
    )
    found = forecast(group(full), (lock(),), NOW)
    assert ((), [lock().key]) == (found.changes, list(found.obstacles))


def way(line: str) -> Way:
    return Way("10.0.0.4", GROUP, rule(line), (Traffic(),))


LEAKING = [("10.0.0.4", "first"), ("10.0.0.5", "second"), ("10.0.0.6", None)]
WHYS = [
    (way(f"200 postern-open-{opening().grant}-1 Allow Tcp 22 from *"), Why.GRANTED),
    (way("199 Postern-Keep-probes Allow * * from AzureLoadBalancer"), Why.PROBES),
    (way("100 first Allow Tcp 22 from *"), Why.OUTRANKS_LOCK),
    (way("100 second Allow Tcp 22 from *"), Why.NOT_GUARDED),
    (way("100 third Allow Tcp 443 from *"), Why.NOT_GUARDED),
    (Way("10.0.0.6", None, None, (Traffic(),)), Why.OUTRANKS_LOCK),
    (Way("10.0.0.4", None, None, (Traffic(),)), Why.NOT_GUARDED),
]


@pytest.mark.parametrize(("one", "why"), WHYS)
def test_why_something_stays_open(one: Way, why: Why) -> None:
    assert why is why_open(one, LEAKING)


def test_without_a_group_everything_is_a_way_in() -> None:
    everything = Traffic(Ranges.of((0, 2**32 - 1)), EVERY_PROTOCOL, ALL_PORTS)
    assert (Way("10.0.0.4", None, None, (everything,)),) == ways_in(machine(endpoint(nic=None)), {})


def told(ways: Iterable[Way]) -> Mapping[tuple[str, str | None], list[Ranges]]:
    return {(one.address, one.rule.name if one.rule else None): [part.ports for part in one.traffic] for one in ways}


def test_each_way_in_is_told_under_its_address_and_its_rule() -> None:
    nsg = replace(group("100 ssh Allow Tcp 22 from * to 10.0.0.4", "110 web Allow Tcp 80-90 from *"), defaults=())
    found = ways_in(machine(endpoint("10.0.0.4"), endpoint("10.0.0.5")), groups_of(nsg))
    ssh, web = [Ranges.of((22, 22))], [Ranges.of((80, 90))]
    assert {("10.0.0.4", "ssh"): ssh, ("10.0.0.4", "web"): web, ("10.0.0.5", "web"): web} == told(found)


def test_only_what_no_rule_lets_through_any_more_is_closed_and_only_at_its_own_address() -> None:
    before = [way("100 wide Allow Tcp * from *"), replace(way("100 wide Allow Tcp * from *"), address="10.0.0.5")]
    left = Traffic(protocols=frozenset({Protocol.TCP}), ports=Ranges.of((22, 22)))
    tcp = Traffic(protocols=frozenset({Protocol.TCP}))
    was = [replace(one, traffic=(tcp,)) for one in before]
    after = [Way("10.0.0.4", GROUP, rule("90 other Allow Tcp 22 from *"), (left,)), was[1]]
    assert {("10.0.0.4", "wide"): [Ranges.of((0, 21), (23, 65535))]} == told(closed_ways(was, after))


def test_of_what_is_closed_no_part_is_left_out() -> None:
    tcp, one = Traffic(protocols=frozenset({Protocol.TCP})), way("100 wide Allow * * from *")
    left = replace(tcp, sources=parse_prefix("203.0.113.7"), ports=Ranges.of((22, 22)))
    closed = closed_ways([one], [replace(one, traffic=(left,))])
    some = (
        Flow("203.0.113.7", 22),
        Flow("203.0.113.7", 80),
        Flow("192.0.2.1", 22),
        Flow("203.0.113.7", 22, Protocol.UDP),
    )
    assert [False, True, True, True] == [holds(closed, flow) for flow in some]
