"""What the box's programs are told, and what they are not."""

import re
from pathlib import Path

from emulator.environment import describe_app, describe_host, describe_machine, find_directory
from emulator.ports import Ports

ROOT = Path("/somewhere")


def test_nobody_who_is_signed_in_on_this_machine_is_met_by_the_box() -> None:
    mine = {"AZURE_CLIENT_SECRET": "s", "AZURE_CONFIG_DIR": "c", "IDENTITY_HEADER": "h", "HTTPS_PROXY": "p"}
    assert {"PATH", "PYTHONUNBUFFERED"} == set(describe_machine({**mine, "PATH": "/bin"}))


def test_the_app_is_told_addresses_of_this_box_alone() -> None:
    told = {**describe_app(Ports(), ROOT), **describe_host(Ports(), ROOT)}
    addresses = [part for value in told.values() for part in re.findall(r"https?://[^/\"]+", value)]
    assert len(addresses) == 8
    assert [one for one in addresses if not re.match(r"https?://127\.0\.0\.1:", one)] == []


def test_only_the_managed_identity_is_tried() -> None:
    assert ("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential") in describe_app(Ports(), ROOT).items()


def test_the_usual_box_keeps_its_state_in_dot_box() -> None:
    assert find_directory({}, Ports(), ROOT) == ROOT / ".box"


def test_a_box_on_other_ports_keeps_its_state_apart() -> None:
    assert find_directory({}, Ports(), ROOT) != find_directory({}, Ports(azurite=11000), ROOT)


def test_the_folder_can_be_named() -> None:
    assert Path("/elsewhere") == find_directory({"BOX_DIR": "/elsewhere"}, Ports(), ROOT)
