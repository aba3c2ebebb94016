"""The lab that all tests of this folder share; where there can be none they are skipped, and say why."""

from collections.abc import Iterator

import pytest

from tests.packets.client import Lab, find_obstacle, start


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A lab in which anything may be in force: a test begins by enforcing what it is about."""
    if obstacle := find_obstacle():
        pytest.skip(f"no Linux kernel to compare with: {obstacle}")
    with start() as lab:
        yield lab
