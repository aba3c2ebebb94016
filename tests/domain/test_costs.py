"""Counting nodes: what is billed as it is now, and parts that add up to the whole."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.computers import Computer
from shared.domain.costs import Billing, Node, Part, Price, Tally, amount, count, node_of_computer, node_of_machine
from shared.domain.inventory import MachineKind, Sighting
from tests.domain.test_computers import BEAT, DC_01
from tests.domain.values import SUBSCRIPTION, machine_id

VM = Sighting(str(machine_id()), MachineKind.VIRTUAL_MACHINE, "westeurope", "Linux", "running", (("team", "shop"),))


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        ("running", "billed"),
        ("stopping", "billed"),
        ("stopped", "billed"),
        ("starting", "deallocated"),
        ("deallocating", "deallocated"),
        ("deallocated", "deallocated"),
        ("", "unknown"),
    ],
)
def test_a_machine_is_billed_unless_it_is_deallocated(power: str, expected: str) -> None:
    node = node_of_machine(replace(VM, power=power))
    assert node == Node(SUBSCRIPTION, "demo", (("team", "shop"),), Billing(expected))


@pytest.mark.parametrize("kind", [MachineKind.CLASSIC, MachineKind.SCALE_SET])
def test_what_is_no_single_machine_is_no_node(kind: MachineKind) -> None:
    assert None is node_of_machine(replace(VM, kind=kind))


@pytest.mark.parametrize(
    ("status", "expected"),
    [("Connected", "billed"), ("Disconnected", "disconnected"), ("Expired", "disconnected"), ("", "unknown")],
)
def test_a_server_is_billed_while_it_is_connected(status: str, expected: str) -> None:
    assert expected == node_of_computer(Computer(replace(DC_01, status=status))).billing


def test_a_computer_that_azure_does_not_know_is_a_node_and_not_billed() -> None:
    assert Node("", "", (), Billing.NOT_ONBOARDED) == node_of_computer(Computer(None, (BEAT,)))


def test_groups_and_tags_compare_without_case_and_values_with_it() -> None:
    nodes = [
        Node("s", "Demo", (("Team", "shop"),), Billing.BILLED),
        Node("s", "demo", (("team", "Shop"),), Billing.BILLED),
        Node("", "", (), Billing.NOT_ONBOARDED),
    ]
    counted = count(nodes, "TEAM")
    assert [Part("s", "Demo", Tally(2, 2)), Part(None, None, Tally(1, 0))] == counted.groups
    values = [Part(None, name, Tally(1, 1)) for name in ("Shop", "shop")]
    assert [*values, Part(None, None, Tally(1, 0))] == counted.values


def test_without_a_tag_nothing_is_counted_by_one() -> None:
    assert () == count([Node("s", "demo", (), Billing.BILLED)]).values


NODES = st.lists(
    st.builds(
        Node,
        st.sampled_from(["", "s1", "s2"]),
        st.sampled_from(["", "demo", "DEMO", "partner"]),
        st.sampled_from([(), (("team", "a"),), (("Team", "b"), ("cost", "1"))]),
        st.sampled_from(Billing),
    ),
    max_size=30,
)
PRICES = st.decimals(0, 1000, places=4)


def whole(parts: Sequence[Part]) -> Tally:
    return Tally(sum(one.tally.all for one in parts), sum(one.tally.billed for one in parts))


@given(NODES)
def test_parts_add_up_to_the_whole(nodes: list[Node]) -> None:
    counted = count(nodes, "team")
    expected = Tally(len(nodes), [one.billing for one in nodes].count(Billing.BILLED))
    assert expected == counted.total
    assert [expected] * 3 == [whole(parts) for parts in (counted.subscriptions, counted.groups, counted.values)]
    assert len(nodes) == sum(counted.by_billing.values())


@given(NODES, PRICES)
def test_money_adds_up_to_the_last_digit(nodes: list[Node], each: Decimal) -> None:
    price = Price(each, "USD", "")
    parts = [amount(price, one.tally.all) for one in count(nodes).groups]
    assert amount(price, len(nodes)) == sum(parts, Decimal())


@given(NODES)
def test_each_name_stands_once(nodes: list[Node]) -> None:
    names = [(one.subscription, (one.name or "").lower()) for one in count(nodes).groups]
    assert len(names) == len(set(names))
