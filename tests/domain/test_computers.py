"""Servers of Azure Arc and reporters as one list: who is the same computer, and who only has the same name."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.computers import ArcServer, Computer, merged, short_name
from shared.domain.evidence import Reporter
from tests.domain.values import NOW, SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/OnPremises/providers/Microsoft.HybridCompute/machines"
DC_01 = ArcServer(f"{GROUP}/DC-01", "westeurope", "Connected", NOW, "1.58.03228.2572", "Windows", uuid="u-1")
BEAT = Reporter("dc-01.corp.example", "", "u-1", "a-1", "Windows", "192.168.10.4", NOW)


def told(*computers: Computer) -> list[tuple[bool, int, int]]:
    """Of each computer: whether Azure Arc knows it, how many agents report, how many others have its name."""
    return [(bool(one.server), len(one.reporters), one.namesakes) for one in computers]


def test_a_record_belongs_to_the_server_that_it_names_whatever_else_it_says() -> None:
    named = replace(BEAT, resource=DC_01.id.lower(), computer="renamed", uuid="u-9")
    assert [(True, 1, 0)] == told(*merged([DC_01], [named]))


def test_a_record_that_names_none_belongs_to_the_server_of_its_name_and_firmware() -> None:
    assert [(True, 1, 0)] == told(*merged([DC_01], [BEAT]))


def test_a_server_is_known_by_what_it_calls_itself_too() -> None:
    onboarded = replace(DC_01, id=f"{GROUP}/i-0abc", host="dc-01")
    assert [(True, 1, 0)] == told(*merged([onboarded], [BEAT]))


@pytest.mark.parametrize("changed", [{"uuid": "u-2"}, {"uuid": ""}, {"resource": f"{GROUP}/gone".lower()}])
def test_a_name_alone_makes_nobody_the_same(changed: dict[str, str]) -> None:
    found = merged([DC_01], [replace(BEAT, **changed)])  # type: ignore[arg-type]  # Only texts are changed.
    assert [(False, 1, 1), (True, 0, 1)] == sorted(told(*found))


def test_the_firmware_alone_makes_nobody_the_same() -> None:
    assert [(False, 1, 0), (True, 0, 0)] == sorted(told(*merged([DC_01], [replace(BEAT, computer="clone")])))


def test_where_two_servers_share_name_and_firmware_a_record_belongs_to_neither() -> None:
    clone = replace(DC_01, id=DC_01.id.replace("OnPremises", "other"))
    assert [(False, 1, 2), (True, 0, 2), (True, 0, 2)] == sorted(told(*merged([DC_01, clone], [BEAT])))


def test_several_agents_of_one_computer_are_one_and_the_latest_speaks_for_it() -> None:
    later = replace(BEAT, agent="a-2", last=NOW + timedelta(minutes=3), address="192.168.10.5")
    [one] = merged([], [BEAT, later])
    assert (NOW + timedelta(minutes=3), ("192.168.10.5", "192.168.10.4")) == (one.heard, one.addresses)


def test_two_that_only_share_a_name_stay_two() -> None:
    others = [replace(BEAT, uuid="", agent=agent) for agent in ("a-1", "a-2")]
    assert [(False, 1, 1), (False, 1, 1)] == told(*merged([], others))


@pytest.mark.parametrize(("name", "expected"), [("DC-01.corp.example", "dc-01"), ("dc-01", "dc-01"), ("", "")])
def test_names_compare_without_domain_and_case(name: str, expected: str) -> None:
    assert expected == short_name(name)


NAMES, UUIDS = st.sampled_from(["dc-01", "DC-01.corp.example", "pos-07"]), st.sampled_from(["", "u-1", "u-2"])
IDS = [f"{GROUP}/{name}" for name in ("dc-01", "pos-07", "hmi-02")]
SERVERS = st.lists(
    st.builds(ArcServer, st.sampled_from(IDS), st.just("westeurope"), uuid=UUIDS, host=NAMES),
    unique_by=lambda one: one.id,
)
REPORTERS = st.lists(
    st.builds(
        Reporter, NAMES, st.sampled_from(["", *map(str.lower, IDS)]), UUIDS, st.sampled_from(["", "a-1", "a-2"]),
        st.just("Linux"), st.just(""), st.just(NOW),
    ),
)  # fmt: skip


@given(SERVERS, REPORTERS)
def test_every_server_and_every_reporter_is_in_exactly_one_computer(
    servers: list[ArcServer], reporters: list[Reporter]
) -> None:
    found = merged(servers, reporters)
    assert sorted(one.id for one in servers) == sorted(one.server.id for one in found if one.server)
    assert sorted(map(str, reporters)) == sorted(str(reporter) for one in found for reporter in one.reporters)
    assert [] == [one for one in found if not one.server and not one.reporters]


@given(SERVERS, REPORTERS)
def test_no_two_computers_have_the_same_key(servers: list[ArcServer], reporters: list[Reporter]) -> None:
    keys = [one.key for one in merged(servers, reporters)]
    assert len(keys) == len(set(keys))


@given(SERVERS, st.permutations([BEAT, replace(BEAT, uuid="u-2"), replace(BEAT, agent="a-2"), replace(BEAT, uuid="")]))
def test_in_which_order_they_come_makes_no_difference(servers: list[ArcServer], reporters: list[Reporter]) -> None:
    assert merged(servers, reporters) == merged(servers[::-1], reporters[::-1])
