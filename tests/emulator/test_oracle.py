"""The packet oracle against expectations written by hand from Azure's documentation.

Sources: "Network security groups" (overview), "How network security groups filter network traffic", "Virtual network
service tags", "Application security groups".
"""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from emulator.arm import groups
from emulator.oracle.judgement import judge
from emulator.oracle.packets import Group, Packet, Way
from emulator.world.rules import read
from tests.emulator.conftest import Box

INTERNET = "203.0.113.200"
ASG = "/subscriptions/s/asg/"


def group(name: str, *lines: str) -> Group:
    rules = groups.compose(
        name, {"properties": {"securityRules": [read(line, lambda asg: ASG + asg) for line in lines]}}
    )
    return Group(name, (*rules["securityRules"], *groups.default_rules()))


def way(*on_the_way: Group, address: str = "10.0.0.4") -> Way:
    members = {f"{ASG}web": frozenset({ip_address("10.0.0.4")}), f"{ASG}ops": frozenset({ip_address("10.0.8.4")})}
    return Way(ip_address(address), on_the_way, (ip_network("10.0.0.0/16"), ip_network("10.1.0.0/16")), members)


def verdict(path: Way, source: str = INTERNET, port: int | None = 22, protocol: str = "Tcp") -> tuple[bool, Any, Any]:
    found = judge(Packet(ip_address(source), path.address, port, protocol), path)
    return found.passes, found.rule, found.nsg


def test_without_any_group_everything_passes() -> None:
    assert verdict(way()) == (True, None, None)


DEFAULTS = [
    (INTERNET, False, "DenyAllInBound"),
    ("10.0.7.7", True, "AllowVnetInBound"),
    ("10.1.7.7", True, "AllowVnetInBound"),
    ("10.2.7.7", False, "DenyAllInBound"),
    ("168.63.129.16", True, "AllowVnetInBound"),
]


@pytest.mark.parametrize(("source", "passes", "rule"), DEFAULTS)
def test_default_rules_let_in_the_virtual_network_and_its_peers_only(source: str, passes: bool, rule: str) -> None:  # noqa: FBT001  # An expected value.
    assert (passes, rule, "a") == verdict(way(group("a")), source)


def test_the_lowest_number_wins_wherever_it_stands() -> None:
    found = group("a", "300 later Allow Tcp 22 from *", "200 sooner Deny Tcp 22 from *")
    assert verdict(way(found)) == (False, "sooner", "a")


def test_the_subnets_group_comes_first_and_both_must_allow() -> None:
    opens = group("opens", "100 yes Allow * * from *")
    shuts = group("shuts", "100 no Deny * * from *")
    assert verdict(way(shuts, opens)) == (False, "no", "shuts")
    assert verdict(way(opens, shuts)) == (False, "no", "shuts")
    assert verdict(way(opens, opens)) == (True, "yes", "opens")


MATCHES = [
    ("Allow Tcp 22 from *", INTERNET, 22, "Tcp", True),
    ("Allow Tcp 22 from *", INTERNET, 23, "Tcp", False),
    ("Allow Tcp 22 from *", INTERNET, 22, "Udp", False),
    ("Allow * 22 from *", INTERNET, 22, "Udp", True),
    ("Allow Tcp 20-22 from *", INTERNET, 22, "Tcp", True),
    ("Allow Tcp 20-22 from *", INTERNET, 19, "Tcp", False),
    ("Allow Tcp 80,100-200 from *", INTERNET, 150, "Tcp", True),
    ("Allow Icmp * from *", INTERNET, None, "Icmp", True),
    ("Allow * * from *", INTERNET, None, "Esp", True),
    ("Allow * 22 from *", INTERNET, None, "Icmp", False),
    ("Allow Tcp * from *", INTERNET, None, "Ah", False),
    ("Allow Tcp 22 from 203.0.113.200", INTERNET, 22, "Tcp", True),
    ("Allow Tcp 22 from 203.0.113.192/29,203.0.113.200/29", INTERNET, 22, "Tcp", True),
    ("Allow Tcp 22 from 203.0.113.192/29", INTERNET, 22, "Tcp", False),
    ("Allow Tcp 22 from 0.0.0.0/0", INTERNET, 22, "Tcp", True),
    ("Allow Tcp 22 from ::/0", INTERNET, 22, "Tcp", False),
    ("Allow Tcp 22 from Internet", INTERNET, 22, "Tcp", True),
    ("Allow Tcp 22 from Internet", "192.168.7.7", 22, "Tcp", False),
    ("Allow Tcp 22 from VirtualNetwork", INTERNET, 22, "Tcp", False),
    ("Allow Tcp 22 from AzureLoadBalancer", INTERNET, 22, "Tcp", False),
    ("Allow Tcp 22 from AzureDevOps", "203.0.113.17", 22, "Tcp", True),
    ("Allow Tcp 22 from AzureDevOps", INTERNET, 22, "Tcp", False),
    ("Allow Tcp 22 from Storage.WestEurope", "203.0.113.73", 22, "Tcp", False),
    ("Allow Tcp 22 from * to 10.0.0.4", INTERNET, 22, "Tcp", True),
    ("Allow Tcp 22 from * to 10.0.0.5", INTERNET, 22, "Tcp", False),
    ("Allow Tcp 22 from * to VirtualNetwork", INTERNET, 22, "Tcp", True),
    ("Allow Tcp 22 from * to asg:web", INTERNET, 22, "Tcp", True),
    ("Allow Tcp 22 from * to asg:ops", INTERNET, 22, "Tcp", False),
]


@pytest.mark.parametrize(("line", "source", "port", "protocol", "passes"), MATCHES)
def test_a_rule_matches_what_it_names(line: str, source: str, port: int | None, protocol: str, passes: bool) -> None:  # noqa: FBT001  # An expected value.
    found = group("a", f"200 ours {line}")
    assert passes is verdict(way(found), source, port, protocol)[0]


def test_a_deny_of_the_internet_leaves_the_inside_and_the_probes_alone() -> None:
    found = way(group("a", "100 shut Deny * * from Internet", "200 open Allow * * from *"))
    assert [verdict(found, source)[0] for source in (INTERNET, "10.0.9.9", "168.63.129.16")] == [False, True, True]


def test_a_deny_of_everything_takes_the_probes_too_unless_they_are_let_in_before() -> None:
    shut = "300 shut Deny * * from *"
    assert False is verdict(way(group("a", shut)), "168.63.129.16")[0]
    assert True is verdict(way(group("a", shut, "200 probes Allow * * from AzureLoadBalancer")), "168.63.129.16")[0]


def test_an_outbound_rule_says_nothing_about_what_comes_in() -> None:
    found = group("a", "100 open Allow * * from *")
    found.rules[0]["properties"]["direction"] = "Outbound"
    assert verdict(way(found)) == (False, "DenyAllInBound", "a")


def test_an_application_group_is_a_source_too() -> None:
    found = way(group("a", "100 ops Allow Tcp 22 from asg:ops", "200 shut Deny * * from *"))
    assert [verdict(found, source)[0] for source in ("10.0.8.4", "10.0.8.5")] == [True, False]


WORLD = [
    ("web-01", INTERNET, 22, True),
    ("web-01", INTERNET, 3389, True),
    ("web-01", INTERNET, 443, True),
    ("web-01", INTERNET, 80, False),
    ("app-01", INTERNET, 22, True),
    ("app-02", "10.0.0.4", 8080, True),
    ("both-01", INTERNET, 3389, False),
    ("both-01", "10.0.0.4", 3389, True),
    ("edge-01", INTERNET, 22, True),
    ("bare-01", INTERNET, 1, True),
    ("lb-01", INTERNET, 443, True),
    ("db-01", "10.0.1.4", 1433, True),
    ("db-01", "10.0.0.4", 1433, False),
    ("jump-01", "203.0.113.199", 22, True),
    ("jump-01", "10.0.0.4", 22, False),
    ("build-01", "203.0.113.20", 5986, True),
    ("multi-01", INTERNET, 22, True),
    ("router-01", INTERNET, 22, True),
    ("dual-01", "2001:db8:9::9", 22, True),
    ("dual-01", "2001:db8:9::9", 23, False),
    ("partner-01", "10.0.5.5", 22, True),
    ("partner-01", INTERNET, 22, False),
    ("closed-02", INTERNET, 443, False),
]


@pytest.mark.parametrize(("machine", "source", "port", "passes"), WORLD)
async def test_the_demo_world_lets_in_what_it_says(
    box: Box,
    machine: str,
    source: str,
    port: int,
    passes: bool,  # noqa: FBT001  # An expected value.
) -> None:
    assert await box.passes(source, machine, port) is passes


async def test_packets_may_name_an_address_private_or_public_and_several_ports(box: Box) -> None:
    for destination in ("10.0.0.4", "198.51.100.4"):
        found = await box.control("packets", {"source": INTERNET, "destination": destination, "port": [22, 23]})
        assert [(one["port"], one["passes"]) for one in found["results"]] == [(22, True), (23, False)]


@pytest.mark.parametrize("body", [
    {"machine": "nobody", "port": 22},
    {"machine": "old-01", "port": 22},
    {"machine": "web-01", "destination": "10.0.0.4", "port": 22},
    {"machine": "web-01", "port": 70000},
    {"machine": "web-01", "port": 22, "protocol": "Sctp"},
    {"machine": "web-01", "port": 22, "source": "here"},
])  # fmt: skip
async def test_packets_with_a_slip_in_them_are_refused(box: Box, body: dict[str, object]) -> None:
    assert 400 <= (await box.client.post("/_box/packets", json={"source": INTERNET, **body})).status_code < 500
