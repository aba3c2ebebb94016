"""After enabling nothing gets through, whatever the customer's rules say, and those rules stay as they were."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from emulator.box import Box
from tests.journeys.azure import ATTACKER, INSIDE, PROBE, PROTOCOLS, SOURCES, WELL_KNOWN, Azure
from tests.journeys.client import Postern, machine

CUSTOMERS = ("allow-rdp", "allow-ssh", "allow-https")
ADDRESSES = st.ip_addresses(v=4).map(str)
PORTS = st.lists(st.integers(0, 65535), min_size=1, max_size=60)


@pytest.fixture(scope="module")
async def locked(box: Box) -> Azure:
    """web-01 under the usual policy, for tests that only look."""
    await box.reset()
    assert (await Postern(box).enable("web-01"))["lock"] == {"state": "holds", "because": []}
    return Azure(box)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("source", SOURCES)
async def test_no_packet_from_a_known_source_reaches_a_well_known_port(
    locked: Azure, source: str, protocol: str
) -> None:
    assert set() == await locked.passing("web-01", source, WELL_KNOWN, protocol)


# Shrinking would take the oracle minutes; the example that failed says enough.
@settings(max_examples=60, deadline=None, phases=(Phase.generate,), suppress_health_check=[HealthCheck.too_slow])
@given(source=ADDRESSES, ports=PORTS, protocol=st.sampled_from(PROTOCOLS))
async def test_no_packet_from_anywhere_reaches_any_port(
    locked: Azure, source: str, ports: list[int], protocol: str
) -> None:
    assert set() == await locked.passing("web-01", source, ports, protocol)


async def test_the_machine_was_open_before(azure: Azure) -> None:
    assert {22, 443, 3389} == await azure.passing("web-01", ATTACKER, WELL_KNOWN)


async def test_the_customers_rules_are_the_same_to_the_byte(postern: Postern, azure: Azure) -> None:
    before = await azure.rules("web-01-nsg")
    await postern.enable("web-01")
    after = await azure.rules("web-01-nsg")
    assert set(CUSTOMERS) == set(before)
    assert before == {name: after[name] for name in CUSTOMERS}


async def test_only_one_rule_with_our_mark_is_added(postern: Postern, azure: Azure) -> None:
    before = await azure.rules("web-01-nsg")
    await postern.enable("web-01")
    added = set(await azure.rules("web-01-nsg")) - set(before)
    assert [True] == [name.startswith("postern-lock-") for name in added]


async def test_a_port_that_is_kept_open_goes_on_as_before(postern: Postern, azure: Azure) -> None:
    answer = await postern.enable("web-01", lock={"keepOpen": [443]})
    assert "holds" == answer["lock"]["state"]
    assert [{443}] * 3 == [await azure.passing("web-01", s, WELL_KNOWN) for s in (ATTACKER, SOURCES[0], "8.8.8.8")]
    assert set() == await azure.passing("web-01", ATTACKER, WELL_KNOWN, "Icmp")


async def test_the_ports_next_to_one_that_is_kept_open_are_closed_inside_the_network_too(
    postern: Postern, azure: Azure
) -> None:
    await postern.enable("web-01", lock={"keepOpen": [443]})
    assert {443} == await azure.passing("web-01", INSIDE, range(440, 447))


async def test_a_customers_allow_at_the_first_priority_makes_the_machine_exposed(
    postern: Postern, azure: Azure
) -> None:
    lock = (await postern.enable("edge-01"))["lock"]
    assert ("exposed", ["allow-ssh-first"]) == (lock["state"], [leak["rule"] for leak in lock["because"]])
    assert 100 == lock["because"][0]["priority"]
    assert {22} == await azure.passing("edge-01", ATTACKER, WELL_KNOWN)


async def test_an_exposed_machine_stays_exposed_when_somebody_looks_at_its_policy(postern: Postern) -> None:
    await postern.enable("edge-01")
    lock = (await postern.call("auditor", "GET", f"/api/policies{machine('edge-01')}")).json()["lock"]
    assert ("exposed", ["allow-ssh-first"]) == (lock["state"], [leak["rule"] for leak in lock["because"]])


async def test_a_lock_leaves_the_neighbour_in_the_same_group_alone(postern: Postern, azure: Azure) -> None:
    before = [await azure.passing("app-02", source, WELL_KNOWN) for source in SOURCES]
    await postern.enable("app-01")
    assert before == [await azure.passing("app-02", source, WELL_KNOWN) for source in SOURCES]
    assert {} == await azure.open_to("app-01", WELL_KNOWN)


async def test_neighbours_are_locked_and_unlocked_each_for_itself(postern: Postern, azure: Azure) -> None:
    await postern.enable("app-01")
    await postern.enable("app-02")
    assert {} == await azure.open_to("app-02", WELL_KNOWN)
    await postern.disable("app-01")
    assert {} == await azure.open_to("app-02", WELL_KNOWN)
    assert {22} == await azure.passing("app-01", ATTACKER, WELL_KNOWN)


async def test_health_probes_still_reach_a_machine_behind_a_load_balancer(postern: Postern, azure: Azure) -> None:
    answer = await postern.enable("lb-01")
    assert "holds" == answer["lock"]["state"]
    assert {80, 443} == await azure.passing("lb-01", PROBE, (80, 443))
    assert set() == await azure.passing("lb-01", ATTACKER, WELL_KNOWN)


async def test_a_lock_of_ports_leaves_the_others_alone(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01", ports=[{"number": 22}], lock={"scope": "ports"})
    assert {443, 3389} == await azure.passing("web-01", ATTACKER, WELL_KNOWN)


async def test_a_lock_against_the_internet_leaves_the_inside_alone(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01", lock={"from": "Internet"})
    assert set() == await azure.passing("web-01", ATTACKER, WELL_KNOWN)
    assert {22, 443, 3389, 8080} <= await azure.passing("web-01", INSIDE, WELL_KNOWN)


async def test_enabling_twice_changes_nothing_more(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    before, calls = await azure.rules("web-01-nsg"), len(await azure.calls())
    await postern.enable("web-01")
    assert before == await azure.rules("web-01-nsg")
    assert {} == await azure.writes(since=calls)
