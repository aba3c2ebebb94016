"""The app roles of the registration are those of the code and of the page about them."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.triggers.callers import Role

ROOT = Path(__file__).parents[2]
ROLES: list[dict[str, Any]] = json.loads((ROOT / "infra" / "app-roles.json").read_text("utf-8"))
# Whoever has a role has it by its id: another id would take it away from everybody.
IDS = {
    "Postern.Reader": "44245f80-3fda-4caf-8691-def1acac5c0f",
    "Postern.Requestor": "cd70bcd1-1fbc-4fe7-85a6-29fa6e7318b3",
    "Postern.Approver": "2f1e104e-7046-4053-904f-971ee6b77fad",
    "Postern.Administrator": "6d0f7896-ee98-434d-8a9a-8b26823432fb",
    "Postern.Auditor": "b9d0ccec-4c91-421d-bbd6-fd01a2916695",
    "Postern.Relay": "5cb08d0f-c1be-4b6f-ac52-5241ad7a1fd6",
}


def test_the_roles_are_those_of_the_code() -> None:
    assert sorted(Role) == sorted(role["value"] for role in ROLES)


def test_the_roles_are_the_columns_of_the_page() -> None:
    [columns] = re.findall(
        r"^\| call \| (.*) \| none \|$", (ROOT / "docs" / "roles.md").read_text("utf-8"), re.MULTILINE
    )
    assert columns.split(" | ") == [role["displayName"] for role in ROLES]


def test_a_role_keeps_its_id() -> None:
    assert {role["value"]: role["id"] for role in ROLES} == IDS


def test_every_id_is_a_guid_of_its_own() -> None:
    assert len(ROLES) == len({UUID(role["id"]) for role in ROLES})


def test_a_role_is_called_by_what_follows_the_dot() -> None:
    assert [role["displayName"] for role in ROLES] == [role["value"].removeprefix("Postern.") for role in ROLES]


def test_people_and_applications_may_have_each_role_but_the_relays() -> None:
    members = {role["value"]: set(role["allowedMemberTypes"]) for role in ROLES}
    assert {"Application"} == members.pop("Postern.Relay")
    assert [{"User", "Application"}] * 5 == list(members.values())


def test_every_role_is_described_and_in_force() -> None:
    assert [] == [role["value"] for role in ROLES if not role["description"] or role["isEnabled"] is not True]
    assert {"id", "value", "displayName", "description", "allowedMemberTypes", "isEnabled"} == set().union(*ROLES)
