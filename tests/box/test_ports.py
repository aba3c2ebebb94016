"""Where the box listens."""

import socket
from collections.abc import Callable

import pytest

from emulator.ports import BLOCK, FREE_FROM, HOST, Ports, PortsError

type Find = Callable[[], Ports]


def test_the_usual_ports_are_those_of_the_documentation() -> None:
    assert Ports(7071, 7443, 10000) == Ports.read({})


def test_each_port_is_moved_by_its_variable() -> None:
    moved = Ports.read({"POSTERN_PORT": "1", "EMULATOR_PORT": "2", "AZURITE_PORT": "3"})
    assert moved.listed()[:2] == [("POSTERN_PORT", 1), ("EMULATOR_PORT", 2)]
    assert moved.listed()[2:] == [("AZURITE_PORT", 3), ("AZURITE_PORT", 4), ("AZURITE_PORT", 5)]


@pytest.mark.parametrize("text", ["x", "-1", "0", "65534", "7.5"])
def test_a_port_that_makes_no_sense_is_refused_by_name(text: str) -> None:
    with pytest.raises(PortsError, match="AZURITE_PORT"):
        Ports.read({"AZURITE_PORT": text})


def test_overlapping_ports_are_refused() -> None:
    with pytest.raises(PortsError, match="overlap"):
        Ports.read({"EMULATOR_PORT": "10002"})


def test_a_taken_port_is_reported_with_the_variable_that_moves_it(find_ports: Find) -> None:
    ports = find_ports()
    with socket.create_server((HOST, ports.tables)):
        assert [("AZURITE_PORT", ports.tables)] == list(ports.taken())
        with pytest.raises(PortsError, match=f"Port {ports.tables} is taken by another program; AZURITE_PORT"):
            ports.check()


def test_the_ports_found_are_free_and_all_different(find_ports: Find) -> None:
    found = find_ports()
    assert list(found.taken()) == []
    assert len({port for _, port in found.listed()}) == 5


def test_looking_goes_on_where_a_place_is_taken(find_ports: Find) -> None:
    first = find_ports()
    with socket.create_server((HOST, first.emulator)):
        assert first != Ports.find((first.postern - FREE_FROM) // BLOCK)
