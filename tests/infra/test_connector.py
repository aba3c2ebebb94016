"""The custom connector that is kept: the app's own description, a sign-in without secrets, and an icon."""

import json
import struct
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.connector import HOST, PLACE, main
from shared.triggers.swagger import describe_for_connectors

KEPT: Final[dict[str, Any]] = json.loads((PLACE / "apiDefinition.swagger.json").read_text("utf-8"))
PROPERTIES: Final[dict[str, Any]] = json.loads((PLACE / "apiProperties.json").read_text("utf-8"))["properties"]
OWN: Final = ("--host", "postern.azurewebsites.net", "--audience", "api://postern", "--client", "c1", "--tenant", "t1")


def sign_in(properties: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = properties["connectionParameters"]["token"]["oAuthSettings"]
    return settings


def test_the_connector_that_is_kept_is_what_the_app_serves() -> None:
    """`python -m scripts.connector` writes it again."""
    assert describe_for_connectors(HOST) == KEPT


def test_a_flow_can_begin_when_approval_is_needed() -> None:
    path = KEPT["paths"]["/api/subscriptions"]
    callback = KEPT["definitions"]["SubscriptionDocument"]["properties"]["callbackUrl"]
    assert ("single", True) == (path["post"]["x-ms-trigger"], callback["x-ms-notification-url"])
    assert {"$ref": "#/definitions/EventAnswer"} == path["x-ms-notification-content"]["schema"]
    assert {"Location"} == set(path["post"]["responses"]["201"]["headers"])
    assert "delete" in KEPT["paths"]["/api/subscriptions/{id}"]


def test_nobody_is_asked_for_the_callback() -> None:
    callback = KEPT["definitions"]["SubscriptionDocument"]["properties"]["callbackUrl"]
    assert "internal" == callback["x-ms-visibility"]
    assert ["callbackUrl"] == KEPT["definitions"]["SubscriptionDocument"]["required"]


def test_the_properties_have_what_the_tools_take_and_no_more() -> None:
    """Source: the schema of `apiProperties.json` in microsoft/PowerPlatformConnectors."""
    taken = {"connectionParameters", "iconBrandColor", "capabilities", "policyTemplateInstances"}
    assert taken == set(PROPERTIES)
    assert ("oauthSetting", "#0f5f8f") == (
        PROPERTIES["connectionParameters"]["token"]["type"],
        PROPERTIES["iconBrandColor"],
    )


def test_people_sign_in_with_entra_and_no_secret_is_kept() -> None:
    settings = sign_in(PROPERTIES)
    assert ("aad", "GlobalPerConnector") == (settings["identityProvider"], settings["redirectMode"])
    assert {"loginUri", "tenantId", "resourceUri"} == set(settings["customParameters"])
    assert "clientSecret" not in settings


def test_the_icon_is_a_square_of_230_pixels() -> None:
    """Power Platform asks for a PNG under 1 MB; the header of a PNG has its size at bytes 16 to 24."""
    icon = (PLACE / "icon.png").read_bytes()
    assert (b"\x89PNG\r\n\x1a\n", (230, 230)) == (icon[:8], struct.unpack(">II", icon[16:24]))
    assert len(icon) < 1_000_000


def test_a_connector_of_ones_own_names_ones_own_app(tmp_path: Path) -> None:
    main([*OWN, "--out", str(tmp_path)])
    written = json.loads((tmp_path / "apiDefinition.swagger.json").read_text("utf-8"))
    settings = sign_in(json.loads((tmp_path / "apiProperties.json").read_text("utf-8"))["properties"])
    assert {**KEPT, "host": "postern.azurewebsites.net"} == written
    assert ("c1", "t1", "api://postern") == (
        settings["clientId"], *(settings["customParameters"][name]["value"] for name in ("tenantId", "resourceUri"))
    )  # fmt: skip
    assert (PLACE / "icon.png").read_bytes() == (tmp_path / "icon.png").read_bytes()


@pytest.mark.parametrize("words", [["--out", "elsewhere"], ["--host", "postern.azurewebsites.net"]])
def test_half_of_a_connector_is_not_written(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(words)
    assert [] == [*tmp_path.iterdir()]
