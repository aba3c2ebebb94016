"""Machines' ids, and what lies on the way to them."""

import pytest

from shared.domain.machines import Endpoint, Machine, MachineId
from tests.domain.values import GROUP, RESOURCES, SUBNET_GROUP, SUBSCRIPTION, endpoint, machine_id

TEXT = f"{RESOURCES}/Microsoft.Compute/virtualMachines/web-01"


@pytest.mark.parametrize("text", [TEXT, TEXT[1:], f"{TEXT}/", TEXT.upper(), TEXT.lower()])
def test_an_id_is_read_in_any_case_and_compares_so(text: str) -> None:
    assert machine_id() == MachineId.parse(text)
    assert hash(machine_id()) == hash(MachineId.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web-01",
        f"{TEXT}/extensions/x",
        TEXT.replace("virtualMachines", "virtualMachineScaleSets"),
        TEXT.replace("Microsoft.Compute", "Microsoft.ClassicCompute"),
        TEXT.replace(SUBSCRIPTION, "mine"),
        f"{TEXT}?x=1",
        TEXT.replace("web-01", "web 01"),
        TEXT.replace("web-01", "../x"),
        f"{TEXT}\n",
    ],
)
def test_what_names_no_virtual_machine_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the resource id"):
        MachineId.parse(text)


def test_an_id_knows_its_subscription_and_name() -> None:
    assert (SUBSCRIPTION, "Web-01") == (machine_id("Web-01").subscription, machine_id("Web-01").name)


PATHS = [
    (endpoint(), (GROUP,), GROUP),
    (endpoint(nic=None, subnet=SUBNET_GROUP), (SUBNET_GROUP,), SUBNET_GROUP),
    (endpoint(subnet=SUBNET_GROUP), (SUBNET_GROUP, GROUP), GROUP),
    (endpoint(nic=None), (), None),
]


@pytest.mark.parametrize(("place", "path", "home"), PATHS)
def test_traffic_passes_the_subnet_first_and_the_lock_stands_at_the_interface_where_it_can(
    place: Endpoint, path: tuple[str, ...], home: str | None
) -> None:
    assert (path, home) == (place.path, place.lock_nsg)


def test_a_machine_s_endpoints_are_found_by_group_in_any_case() -> None:
    front, back = endpoint("10.0.0.4", GROUP, SUBNET_GROUP), endpoint("10.0.0.9", None, SUBNET_GROUP.upper())
    machine = Machine(machine_id(), "westeurope", "Linux", (front, back))
    assert (front, back) == machine.behind(SUBNET_GROUP)
    assert (back,) == machine.locked_in(SUBNET_GROUP)
    assert len(machine.nsgs) == 2
