"""Which machines a list shows, and in which order."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.inventory import MachineKind, PrivateAddress, Sighting, State
from shared.domain.listing import Condition, Row, Urgency
from shared.domain.selecting import By, Filter, Order
from tests.domain.test_listing import LOCKED, OUTRANKED, SSH, guarded, seen
from tests.domain.values import RESOURCES, endpoint, group, opening

FOUND = Sighting(
    f"{RESOURCES.replace('/demo/', '/Shop/')}/Microsoft.Compute/virtualMachines/Web-01",
    MachineKind.VIRTUAL_MACHINE,
    "WestEurope",
    tags=(("Owner", "Team A"), ("stage", "")),
    places=(PrivateAddress("10.0.0.4", "nic", "subnet"), PrivateAddress("fd00:db8::4", "nic", "subnet")),
    public_addresses=("198.51.100.4",),
)
HITS = ("", "web-0", "b-01", "shop", "westeurope", "10.0.0.4", "fd00:db8::4", "100.4", "owner=team a", "team", "stage=")
MISSES = ("web-02", "demo", "11111111", "microsoft.compute", "10.0.0.40", "owner = team", "nic", "web-01 shop")


def shown(wanted: Filter, states: Iterable[Row]) -> list[State]:
    return [one.state for one in states if wanted.shows(one)]


@pytest.mark.parametrize(("text", "hit"), [*((text, True) for text in HITS), *((text, False) for text in MISSES)])
def test_a_search_looks_at_names_groups_places_addresses_and_tags(text: str, hit: bool) -> None:  # noqa: FBT001 - a case.
    assert hit is Filter(text=text).shows(Row(FOUND, None, (), ()))


EACH = (seen(LOCKED, policy=guarded(endpoint())), seen(group(SSH)), seen())


@given(st.frozensets(st.sampled_from(State)))
def test_a_tab_shows_the_machines_of_its_states_and_no_tab_shows_all(states: frozenset[State]) -> None:
    every = [State.CONFIGURED, State.NOT_CONFIGURED, State.UNSUPPORTED]
    assert [state for state in every if state in (states or every)] == shown(Filter(states), EACH)


def test_a_state_and_a_text_both_have_to_fit() -> None:
    wanted = Filter(frozenset({State.CONFIGURED}), "web-01")
    assert [State.CONFIGURED] == shown(wanted, EACH)
    assert [] == shown(replace(wanted, text="web-02"), EACH)


HELD = seen(LOCKED, policy=guarded(endpoint()))
OPENED = seen(LOCKED, policy=guarded(endpoint()), opened=(opening(),))
BOTH = seen(OUTRANKED, policy=guarded(endpoint()), opened=(opening(),))


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ((), [HELD, OPENED, BOTH]),
        ((Condition.LOCKED,), [HELD]),
        ((Condition.OPEN,), [OPENED, BOTH]),
        ((Condition.EXPOSED,), [BOTH]),
        ((Condition.LOCKED, Condition.EXPOSED), [HELD, BOTH]),
        ((Condition.UNKNOWN,), []),
    ],
)
def test_a_machine_is_shown_under_each_of_its_conditions(
    conditions: tuple[Condition, ...], expected: list[Row]
) -> None:
    wanted = Filter(conditions=frozenset(conditions))
    assert expected == [one for one in (HELD, OPENED, BOTH) if wanted.shows(one)]


@pytest.mark.parametrize(("urgency", "hit"), [(Urgency.HIGH, True), (Urgency.LOW, False)])
def test_only_machines_of_the_urgency_that_is_asked_for_are_shown(urgency: Urgency, hit: bool) -> None:  # noqa: FBT001 - a case.
    assert hit is Filter(urgencies=frozenset({urgency})).shows(seen(group(SSH)))


@pytest.mark.parametrize(("system", "hit"), [("linux", True), ("windows", False)])
def test_only_machines_of_the_system_that_is_asked_for_are_shown(system: str, hit: bool) -> None:  # noqa: FBT001 - a case.
    assert hit is Filter(systems=frozenset({system})).shows(seen(group(SSH)))


def placed(name: str, group_: str, location: str) -> Row:
    id_ = f"/subscriptions/s/resourceGroups/{group_}/providers/Microsoft.Compute/virtualMachines/{name}"
    return Row(Sighting(id_, MachineKind.VIRTUAL_MACHINE, location), None, (), ())


ANN, BOB, CAT = placed("ann", "Z", "west"), placed("Bob", "y", "North"), placed("cat", "y", "east")


@pytest.mark.parametrize(
    ("by", "expected"),
    [(By.NAME, [ANN, BOB, CAT]), (By.RESOURCE_GROUP, [BOB, CAT, ANN]), (By.LOCATION, [CAT, BOB, ANN])],
)
def test_a_list_is_in_the_order_of_what_is_asked_for_in_any_case(by: By, expected: list[Row]) -> None:
    assert expected == sorted([CAT, ANN, BOB], key=Order(by).place)


@pytest.mark.parametrize("by", By)
def test_places_are_of_the_shape_that_their_order_says(by: By) -> None:
    assert Order(by).shape == tuple(map(type, Order(by).place(ANN)))


@pytest.mark.parametrize(("descending", "expected"), [(False, [False, False, True]), (True, [True, False, False])])
def test_what_follows_a_place_depends_on_the_direction(descending: bool, expected: list[bool]) -> None:  # noqa: FBT001 - a case.
    order = Order(By.NAME, descending)
    assert expected == [order.follows(order.place(one), order.place(BOB)) for one in (ANN, BOB, CAT)]


def test_everything_follows_the_beginning() -> None:
    assert Order().follows(Order().place(ANN), None)
