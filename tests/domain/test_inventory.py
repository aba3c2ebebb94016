"""All machines: how each is wired, whether it can be guarded, and why not."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.inventory import MachineKind, PrivateAddress, ResourceLock, Sighting, Wiring, forbidding, unsupported
from shared.domain.machines import Endpoint, Machine
from tests.domain.values import GROUP, RESOURCES, SUBNET_GROUP, SUBSCRIPTION, endpoint, machine_id

NETWORK = f"{RESOURCES}/Microsoft.Network"
NIC, SUBNET = f"{NETWORK}/networkInterfaces/web-nic", f"{NETWORK}/virtualNetworks/net/subnets/front"
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
READABLE = {GROUP.lower(): True, SUBNET_GROUP.lower(): True}
BARE = Endpoint("10.0.0.4", nic=NIC)
MACHINE_ID = str(machine_id())


def sighted(kind: MachineKind = MachineKind.VIRTUAL_MACHINE, id_: str = MACHINE_ID) -> Sighting:
    return Sighting(id_, kind, "westeurope")


def why_not(
    *homes: Endpoint, locks: Iterable[str] = (), managed_by: str = "", known: Iterable[str] = READABLE
) -> list[tuple[str, str]]:
    """Why web-01 with these endpoints cannot be guarded; each scope has a lock of the name `keep`."""
    machine = Machine(machine_id(), "westeurope", "Linux", homes, managed_by=managed_by)
    held = [ResourceLock("keep", scope) for scope in locks]
    return [(one.code, one.message) for one in unsupported(sighted(), machine, held, dict.fromkeys(known, True))]


CLASSIC = "Classic machines have no network security groups of the kind that Postern writes."
UNIFORM = "Instances of a scale set in Uniform mode have no network interfaces of their own to guard."
NO_NIC = "The machine has no network interface with an address to guard."


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [(MachineKind.CLASSIC, "classic", CLASSIC), (MachineKind.SCALE_SET, "scaleSetUniform", UNIFORM)],
)
def test_what_is_no_virtual_machine_of_today_is_unsupported(kind: MachineKind, code: str, text: str) -> None:
    assert [(code, text)] == [(one.code, one.message) for one in unsupported(sighted(kind), None, (), READABLE)]


def test_a_machine_without_an_address_is_unsupported() -> None:
    assert [("noNetworkInterface", NO_NIC)] == why_not(locks=[SCOPE])


@pytest.mark.parametrize(
    "home", [endpoint(), endpoint(nic=None, subnet=SUBNET_GROUP), endpoint(subnet=SUBNET_GROUP), BARE]
)
def test_a_machine_whose_groups_can_be_read_and_written_can_be_guarded(home: Endpoint) -> None:
    assert [] == why_not(home)
    assert [] == why_not(home, locks=[f"{RESOURCES.replace('/demo/', '/other/')}/Microsoft.Network/x", f"{GROUP}-2"])


def test_a_machine_that_a_service_manages_is_left_to_it() -> None:
    service = f"{RESOURCES}/Microsoft.ContainerService/managedClusters/Blue"
    text = "It is managed by Blue, which changes its network as it sees fit."
    assert [("managedByService", text)] == why_not(endpoint(), managed_by=service)


@pytest.mark.parametrize(
    ("home", "nsg"),
    [
        (endpoint(), GROUP),
        (endpoint(nic=None, subnet=SUBNET_GROUP), SUBNET_GROUP),
        (endpoint(nic=GROUP.upper()), GROUP),
    ],
)
def test_a_group_that_the_lock_would_stand_in_has_to_be_readable(home: Endpoint, nsg: str) -> None:
    others = [one for one in READABLE if one != nsg.lower()]
    expected = f"Postern cannot read {home.lock_nsg}, which its lock would stand in."
    assert [("groupOutOfReach", expected)] == why_not(home, known=others)


def read_only(resource: str) -> tuple[str, str]:
    return ("readOnly", f"The resource lock keep makes {resource} read-only.")


LOCKS = [
    (endpoint(), GROUP, GROUP),
    (endpoint(), GROUP.upper(), GROUP),
    (endpoint(), f"{SCOPE}/resourceGroups/demo", GROUP),
    (endpoint(), f"{SCOPE}/resourcegroups/DEMO/", GROUP),
    (endpoint(), SCOPE, GROUP),
    (endpoint(nic=None, subnet=SUBNET_GROUP), SUBNET_GROUP, SUBNET_GROUP),
    (BARE, NIC, NIC),
    (BARE, NIC.lower(), NIC),
]


@pytest.mark.parametrize(("home", "scope", "resource"), LOCKS)
def test_a_read_only_lock_over_what_has_to_be_written_is_named(home: Endpoint, scope: str, resource: str) -> None:
    assert [read_only(resource)] == why_not(home, locks=[scope])


def test_a_lock_over_what_need_not_be_written_is_no_hindrance() -> None:
    home = replace(endpoint(subnet=SUBNET_GROUP), nic=NIC)
    assert [] == why_not(home, locks=[SUBNET_GROUP, NIC, SUBNET, MACHINE_ID])


def test_a_lock_where_the_group_of_a_bare_machine_would_be_made_is_named() -> None:
    # The interface may lie in another resource group than the machine, with which its own group is made.
    abroad = NIC.replace("/demo/", "/network/")
    assert ["readOnly"] == [
        code for code, _ in why_not(replace(BARE, nic=abroad), locks=[f"{SCOPE}/resourceGroups/demo"])
    ]


def test_all_that_speaks_against_a_machine_is_told_and_each_resource_once() -> None:
    back, other = replace(BARE, address="10.0.0.5"), endpoint("10.0.0.6", nic=None, subnet=GROUP)
    told = why_not(endpoint(), other, BARE, back, locks=[SCOPE], managed_by="blue", known=())
    assert ["managedByService", "groupOutOfReach", "readOnly", "readOnly"] == [code for code, _ in told[:4]]
    assert {read_only(GROUP), read_only(NIC)} <= set(told)
    assert len(told) == len(set(told))


@pytest.mark.parametrize(
    ("scope", "resource", "forbids"),
    [
        ("/a/nsg-1", "/a/nsg-1", True),
        ("/a/nsg-1", "/a/nsg-10", False),
        ("/a/nsg-10", "/a/nsg-1", False),
        ("/a/nsg-1/rules/x", "/a/nsg-1", False),
        ("/A/NSG-1/", "/a/nsg-1", True),
        ("/a/nsg-1", "/A/Nsg-1/rules/x", True),
        ("/a", "/a/nsg-1", True),
        ("/b", "/a/nsg-1", False),
    ],
)
def test_a_lock_forbids_its_scope_and_what_is_in_it(scope: str, resource: str, forbids: bool) -> None:  # noqa: FBT001 - a case.
    found = forbidding([ResourceLock("else", "/z"), ResourceLock("keep", scope)], resource)
    assert (ResourceLock("keep", scope) if forbids else None) == found


PARTS = st.lists(st.sampled_from(("a", "ab", "nsg-1", "nsg-10", "nsg-1.0")), min_size=1, max_size=4)
CASES = st.sampled_from((str.upper, str.lower, str.title))


@given(PARTS, PARTS, CASES, CASES, st.sampled_from(("", "/")))
def test_forbidding_goes_by_whole_names_in_any_case(
    scope: list[str], resource: list[str], one: Callable[[str], str], other: Callable[[str], str], end: str
) -> None:
    held = ResourceLock("keep", one("/" + "/".join(scope)) + end)
    inside = resource[: len(scope)] == scope
    assert inside is (forbidding([held], other("/" + "/".join(resource))) is not None)


WIRING = Wiring(
    {NIC.lower(): GROUP},
    {SUBNET.lower(): SUBNET_GROUP},
    {SUBNET.lower(): ("10.0.0.0/24", "fd00:db8::/64")},
)


def test_a_machine_is_wired_by_its_interfaces_and_subnets_in_any_case() -> None:
    places = (
        PrivateAddress("10.0.0.4", NIC.upper(), SUBNET.upper(), ("asg-web",), probed=True),
        PrivateAddress("10.0.1.4", f"{NIC}-2", f"{SUBNET}-2"),
    )
    seen = replace(sighted(), system="Linux", places=places, public_addresses=("198.51.100.4",), managed_by="blue")
    front = Endpoint(
        "10.0.0.4", GROUP, SUBNET_GROUP, ("asg-web",), ("10.0.0.0/24", "fd00:db8::/64"), probed=True, nic=NIC.upper()
    )
    back = Endpoint("10.0.1.4", nic=f"{NIC}-2")
    expected = Machine(machine_id(), "westeurope", "Linux", (front, back), ("198.51.100.4",), "blue")
    assert expected == WIRING.machine(seen)


@pytest.mark.parametrize("kind", [MachineKind.CLASSIC, MachineKind.SCALE_SET])
def test_what_can_have_no_policy_is_not_wired(kind: MachineKind) -> None:
    assert WIRING.machine(sighted(kind)) is None


def test_a_sighting_knows_its_name_its_group_and_its_subscription() -> None:
    id_ = "/subscriptions/AAAA/resourceGroups/Shop/providers/Microsoft.Compute/virtualMachines/Web-01"
    one = sighted(id_=id_)
    assert ("Web-01", "Shop", "aaaa") == (one.name, one.group, one.subscription)


@pytest.mark.parametrize(
    ("public", "probed", "is_public"),
    [((), False, False), (("198.51.100.4",), False, True), ((), True, True)],
)
def test_a_machine_is_public_by_its_own_address_or_a_load_balancer_s(
    public: tuple[str, ...],
    probed: bool,  # noqa: FBT001 - a case.
    is_public: bool,  # noqa: FBT001 - a case.
) -> None:
    places = (PrivateAddress("10.0.0.4", NIC, SUBNET), PrivateAddress("10.0.0.5", NIC, SUBNET, probed=probed))
    assert is_public is replace(sighted(), places=places, public_addresses=public).is_public
