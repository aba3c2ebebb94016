"""What the product promises, with its own plans in force and real connections to judge by."""

import shutil
from collections.abc import Iterator

import pytest

from shared.domain.claims import Claim
from shared.domain.machines import Endpoint
from shared.domain.planning import Leave, plan
from shared.domain.policies import Origin
from shared.domain.rules import Nsg
from tests.domain.values import GRANT, NOW, applied, group, lock, opening
from tests.packets.cases import NIC, SUBNET, Path
from tests.packets.client import Lab
from tests.packets.hosts import HOSTS, MACHINE, NEIGHBOUR, OFFICE, PORTS, Host, Probe

# Everybody may come in by SSH, before anything is locked.
OPEN = "200 allow-ssh Allow Tcp 22 from *"
SHARED = Endpoint(MACHINE.v4, None, SUBNET, network=("10.0.0.0/24",))
BOTH = Endpoint(MACHINE.v4, NIC, SUBNET, network=("10.0.0.0/24",))


def planned(id_: str, *claims: Claim) -> Nsg:
    """The open group, after the plan for these claims has been carried out."""
    nsg = group(OPEN, id_=id_)
    return applied(nsg, plan(nsg, claims, NOW, Leave(frozenset({GRANT}))))


def enforce(lab: Lab, path: Path) -> None:
    lab.enforce(path.groups, path.ways)


def who_reaches(lab: Lab, machine: Host, port: int = 22) -> list[str]:
    found = lab.reach([host for host in HOSTS if host != machine], machine, port)
    return [host.name for host, outcome in found.items() if outcome == "open"]


@pytest.fixture
def session(lab: Lab) -> Iterator[Probe]:
    """A connection that the office opened while a grant let it; then the grant has ended."""
    enforce(lab, Path(planned(SUBNET, lock(SHARED), opening(SHARED, sources=(OFFICE.v4,)))))
    probe = lab.aim(OFFICE.v4, MACHINE.v4, 22)
    assert [answer.outcome for answer in lab.probe(probe, keep=True)] == ["open"]
    enforce(lab, Path(planned(SUBNET, lock(SHARED))))
    yield probe
    lab.hang_up()


def test_without_any_group_everybody_gets_in(lab: Lab) -> None:
    enforce(lab, Path())
    assert who_reaches(lab, MACHINE) == ["neighbour", "peer", "office", "stranger"]


def test_a_lock_closes_every_port_to_everybody(lab: Lab) -> None:
    enforce(lab, Path(planned(SUBNET, lock(SHARED))))
    assert [who_reaches(lab, MACHINE, port) for port in PORTS] == [[]] * len(PORTS)


def test_a_lock_in_a_group_of_the_whole_subnet_leaves_the_neighbour_alone(lab: Lab) -> None:
    enforce(lab, Path(planned(SUBNET, lock(SHARED))))
    assert who_reaches(lab, NEIGHBOUR) == ["machine", "peer", "office", "stranger"]


def test_a_lock_against_the_internet_leaves_the_virtual_network_and_its_peer_alone(lab: Lab) -> None:
    enforce(lab, Path(planned(SUBNET, lock(SHARED, origin=Origin.INTERNET))))
    assert who_reaches(lab, MACHINE) == ["neighbour", "peer"]


def test_a_grant_opens_its_port_for_its_source_alone(lab: Lab) -> None:
    enforce(lab, Path(planned(SUBNET, lock(SHARED), opening(SHARED, sources=(OFFICE.v4,)))))
    assert who_reaches(lab, MACHINE) == ["office"]
    assert who_reaches(lab, MACHINE, 3389) == []


def test_a_grant_opens_both_groups_on_the_way(lab: Lab) -> None:
    grant = opening(BOTH, port="3389", sources=(OFFICE.v4,))
    enforce(lab, Path(planned(SUBNET, grant), planned(NIC, lock(BOTH), grant)))
    assert who_reaches(lab, MACHINE, 3389) == ["office"]
    assert who_reaches(lab, NEIGHBOUR, 3389) == ["machine", "peer"]


def test_a_connection_that_stands_lives_on_when_its_grant_has_ended(lab: Lab, session: Probe) -> None:
    assert "open" == lab.speak(session)
    assert who_reaches(lab, MACHINE) == []
    assert "open" == lab.speak(session)


@pytest.mark.skipif(not shutil.which("conntrack"), reason="needs conntrack: `make test-packets` as root installs it")
def test_a_connection_ends_when_the_fabric_is_made_to_forget_it(lab: Lab, session: Probe) -> None:
    lab.forget()
    assert "filtered" == lab.speak(session)
