"""A computer with a gate that all tests of this folder share; where there can be none they are skipped, and say why."""

from collections.abc import Iterator

import pytest

from tests.hosts.client import Computer, start
from tests.packets.client import find_obstacle


@pytest.fixture(scope="session")
def shared_computer() -> Iterator[Computer]:
    """The one computer: it is quick to begin with nothing again, not to start."""
    if obstacle := find_obstacle():
        pytest.skip(f"no Linux kernel to close and open: {obstacle}")
    with start() as computer:
        yield computer


@pytest.fixture
def computer(shared_computer: Computer) -> Computer:
    """A computer with no firewall, of which Postern knows nothing."""
    shared_computer.forget()
    return shared_computer
