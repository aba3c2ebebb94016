"""First-match evaluation: by hand from Azure's documentation, and against the box's independent packet oracle."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.addresses import Bound, parse_address
from shared.domain.ranges import Ranges
from shared.domain.rules import WITHOUT_PORTS, Access, Nsg, Protocol, Rule
from shared.domain.traffic import Flow, Region, Traffic, evaluate, passages, passing
from tests.domain import bridge
from tests.domain.strategies import flows, groups, spots
from tests.domain.values import OFFICE, STRANGER, group, rule

SPOT = spots().spot
PROTOCOLS = frozenset(Protocol) - {Protocol.ANY}


def decider(*lines: str, flow: Flow) -> str | None:
    nsg = group(*lines)
    found = evaluate((*nsg.rules, *nsg.defaults), flow, SPOT)
    return found.name if found else None


def allows(nsg: Nsg, flow: Flow) -> bool:
    found = evaluate((*nsg.rules, *nsg.defaults), flow, SPOT)
    return found is not None and found.access is Access.ALLOW


def within(region: Region, flow: Flow) -> bool:
    source = parse_address(flow.source)
    return any(
        source in part.sources
        and flow.protocol in part.protocols
        and (flow.protocol in WITHOUT_PORTS or flow.port in part.ports)
        for part in region
    )


def may_pass(nsg: Nsg, flow: Flow, asked: Bound) -> bool:
    return within(passing((*nsg.rules, *nsg.defaults), (Traffic(),), SPOT, asked), flow)


DECIDED = [
    (Flow(STRANGER, 22), "allow-ssh"),
    (Flow(STRANGER, 3389), "deny-rdp"),
    (Flow(OFFICE, 3389), "allow-office"),
    (Flow(STRANGER, 443), "DenyAllInBound"),
    (Flow("10.0.0.9", 443), "AllowVnetInBound"),
    (Flow("168.63.129.16", 80), "AllowVnetInBound"),
    (Flow(STRANGER, 22, Protocol.UDP), "DenyAllInBound"),
    (Flow(STRANGER, 0, Protocol.ICMP), "ping"),
    (Flow(STRANGER, 53, Protocol.UDP), "names"),
]


@pytest.mark.parametrize(("flow", "expected"), DECIDED)
def test_the_first_rule_that_matches_decides(flow: Flow, expected: str) -> None:
    lines = (
        "320 deny-rdp Deny Tcp 3389 from *",
        "310 allow-ssh Allow Tcp 20-30,2222 from *",
        "300 allow-office Allow * * from 203.0.113.0/29,192.0.2.1",
        "400 ping Allow Icmp * from *",
        "410 names Allow Udp 53 from Internet",
    )
    assert expected == decider(*lines, flow=flow)


def test_a_destination_that_is_not_this_machine_does_not_match() -> None:
    lines = ("100 other Deny * * from * to 10.0.0.5", "110 range Allow Tcp 22 from * to 10.0.0.0/29")
    assert decider(*lines, flow=Flow(STRANGER, 22)) == "range"


def test_an_application_security_group_of_the_machine_matches_in_any_case() -> None:
    mine = replace(rule("100 mine Allow Tcp 22 from *"), destination_groups=("ASG-Web",))
    theirs = replace(rule("90 theirs Deny Tcp 22 from *"), destination_groups=("asg-db",))
    assert mine == evaluate((theirs, mine), Flow(STRANGER, 22), SPOT)


def test_without_any_rule_nothing_decides() -> None:
    assert evaluate((), Flow(STRANGER, 22), SPOT) is None


@given(groups(), flows())
def test_what_one_flow_may_do_is_inside_what_the_sets_say(nsg: Nsg, flow: Flow) -> None:
    assert may_pass(nsg, flow, Bound.UPPER) or not allows(nsg, flow)


@given(groups(), flows())
def test_what_surely_passes_is_allowed(nsg: Nsg, flow: Flow) -> None:
    assert allows(nsg, flow) or not may_pass(nsg, flow, Bound.LOWER)


@given(groups(plain=True), flows(sources=("203.0.113.7", "203.0.113.200", "198.51.100.99")))
def test_where_no_rule_is_uncertain_one_flow_and_the_sets_agree(nsg: Nsg, flow: Flow) -> None:
    certain = flow.protocol not in WITHOUT_PORTS
    assert allows(nsg, flow) is may_pass(nsg, flow, Bound.UPPER) or not certain
    assert allows(nsg, flow) is may_pass(nsg, flow, Bound.LOWER) or not certain


@given(groups(plain=True), flows(sources=("203.0.113.7", "203.0.113.200", "198.51.100.99")))
def test_where_no_rule_is_uncertain_the_oracle_agrees(nsg: Nsg, flow: Flow) -> None:
    assert bridge.passes(nsg, flow) is allows(nsg, flow) or flow.protocol in WITHOUT_PORTS


@given(groups(), flows())
def test_what_the_oracle_lets_through_is_possible_and_what_is_sure_it_lets_through(nsg: Nsg, flow: Flow) -> None:
    assert may_pass(nsg, flow, Bound.UPPER) or not bridge.passes(nsg, flow)
    assert bridge.passes(nsg, flow) or not may_pass(nsg, flow, Bound.LOWER)


@given(groups(id_="subnet"), groups(id_="nic"), flows())
def test_what_passes_subnet_and_interface_is_possible_in_both(subnet: Nsg, nic: Nsg, flow: Flow) -> None:
    after = passing((*subnet.rules, *subnet.defaults), (Traffic(),), SPOT)
    region = passing((*nic.rules, *nic.defaults), after, SPOT)
    assert within(region, flow) or not bridge.verdict((subnet, nic), flow).passes


@given(groups(plain=True), flows(sources=("203.0.113.7", "203.0.113.200", "198.51.100.99")))
def test_a_passage_names_the_rule_that_lets_it(nsg: Nsg, flow: Flow) -> None:
    found = passages((*nsg.rules, *nsg.defaults), (Traffic(),), SPOT)
    named = {one.rule.name for one in found if within((one.traffic,), flow)}
    told = bridge.verdict((nsg,), flow)
    assert not told.passes or told.rule in named


SETS = st.builds(
    Traffic,
    st.sampled_from([Ranges.of((0, 9)), Ranges.of((5, 20)), Ranges.of((3, 4), (8, 30))]),
    st.sets(st.sampled_from(sorted(PROTOCOLS)), max_size=3).map(frozenset),
    st.sampled_from([Ranges.of((22, 22)), Ranges.of((20, 30)), Ranges.of((0, 65535))]),
)


def members(*parts: Traffic) -> list[tuple[int, Protocol, tuple[int, int]]]:
    edges = ((0, 19), (20, 21), (22, 22), (23, 30), (31, 65535))
    return [
        (source, protocol, edge)
        for part in parts
        for source in range(31)
        for protocol in sorted(part.protocols)
        for edge in edges
        if source in part.sources and edge[0] in part.ports
    ]


@given(SETS, SETS)
def test_a_set_of_traffic_is_what_it_shares_with_another_and_the_disjoint_rest(one: Traffic, other: Traffic) -> None:
    pieces = members(one & other, *(one - other))
    assert sorted(members(one)) == sorted(pieces)
    assert len(pieces) == len(set(pieces))


def test_a_rule_of_ours_is_told_by_its_name_in_any_case() -> None:
    marks = [Rule(name, 100, Access.DENY).mark for name in ("Postern-Lock-web", "postern-open-1", "my-postern-lock-1")]
    assert ["postern-lock-", "postern-open-", None] == marks
