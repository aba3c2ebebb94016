"""The custom roles as files: what stands in them, and that each is deployed and documented."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from shared.adapters.log_queries import QUERIES
from tests.infra.bicep import INFRA, read, table

PAGE: Final = (INFRA.parent / "docs/permissions.md").read_text()
ROLES: Final = {path.stem: json.loads(path.read_text()) for path in sorted((INFRA / "roles").glob("*.json"))}
IN_SUBSCRIPTIONS: Final = ("lock-and-grant", "create-nsg", "flush", "read-flow-logs", "guard-hosts")
ASSIGNING: Final = (INFRA / "modules/roles.bicep", INFRA / "roles-at-management-group.bicep")
WORKSPACE: Final = INFRA / "modules/workspace-access.bicep"
_LOADED = re.compile(r"loadJsonContent\('([^']+)'\)")


def loaded(path: Path) -> list[Path]:
    """The JSON files that a Bicep file reads."""
    return [(path.parent / name).resolve() for name in _LOADED.findall(path.read_text())]


def section(name: str) -> str:
    """What the page says of a role."""
    return PAGE.partition(f"\n## {ROLES[name]['name'].removeprefix('Postern ')}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
def test_a_role_has_a_name_a_description_and_actions_only(role: dict[str, Any]) -> None:
    assert ["name", "description", "actions", "notActions", "dataActions"] == list(role)
    assert re.fullmatch(r"Postern( [A-Z][A-Za-z]*| and)+", role["name"])
    assert role["description"].endswith(".")
    assert ([], []) == (role["notActions"], role["dataActions"])


@pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
def test_actions_are_whole_sorted_and_without_wildcards(role: dict[str, Any]) -> None:
    whole = r"Microsoft\.\w+(/[\w.]+)+/(read|write|delete|action)"
    assert [] == [action for action in role["actions"] if not re.fullmatch(whole, action)]
    assert sorted({*role["actions"]}, key=str.lower) == role["actions"]


def test_only_what_two_features_write_in_the_same_way_is_in_two_roles() -> None:
    every = [action for role in ROLES.values() for action in role["actions"]]
    twice = {action for action in every if every.count(action) > 1}
    assert {"Microsoft.Network/networkSecurityGroups/write"} == twice


def test_the_first_role_writes_single_rules_and_nothing_else() -> None:
    changing = [one for one in ROLES["lock-and-grant"]["actions"] if not one.endswith("/read")]
    rules = "Microsoft.Network/networkSecurityGroups/securityRules"
    assert [f"{rules}/delete", f"{rules}/write"] == changing


@pytest.mark.parametrize("name", ["read-flow-logs", "read-logs"])
def test_a_role_that_reads_changes_nothing(name: str) -> None:
    assert [] == [one for one in ROLES[name]["actions"] if not one.endswith("/read")]


def test_the_tables_that_may_be_read_are_those_that_are_asked_about() -> None:
    action = re.compile(r"Microsoft\.OperationalInsights/workspaces/query/([\w.]+)/read")
    granted = {found[1] for one in ROLES["read-logs"]["actions"] if (found := action.fullmatch(one))}
    asked = {table for query in QUERIES.values() for table in query.tables}
    assert {"AzureNetworkAnalytics_CL"} == {one for one in asked if one.endswith("_CL")}
    assert (asked - {"AzureNetworkAnalytics_CL"}) | {"Tables.Custom"} == granted


@pytest.mark.parametrize("path", ASSIGNING, ids=lambda path: path.stem)
def test_every_role_of_a_subscription_is_deployed(path: Path) -> None:
    assert [INFRA / f"roles/{name}.json" for name in IN_SUBSCRIPTIONS] == loaded(path)


def test_every_role_is_deployed_somewhere() -> None:
    assert [INFRA / "roles/read-logs.json"] == loaded(WORKSPACE)
    assert {*IN_SUBSCRIPTIONS, "read-logs"} == {*ROLES}


def test_the_two_files_differ_in_nothing_but_where_they_hold() -> None:
    first, second = (path.read_text().partition("param principalId")[2] for path in ASSIGNING)
    there = second.replace("managementGroup().name", "subscription().subscriptionId")
    assert first.replace("'../roles/", "'roles/") == there.replace("managementGroup()", "subscription()")


@pytest.mark.parametrize(("path", "scope"), [(ASSIGNING[0], "subscription"), (ASSIGNING[1], "managementGroup")])
def test_a_role_may_be_assigned_only_where_it_is_defined(path: Path, scope: str) -> None:
    file = read(path)
    assert ((), scope) == (file.faults, file.scope)
    assert f"assignableScopes: [{scope}().id]" in file.text


@pytest.mark.parametrize("path", [*ASSIGNING, WORKSPACE], ids=lambda path: path.stem)
def test_a_role_is_given_to_a_service_principal_under_a_name_that_stays_the_same(path: Path) -> None:
    assignments = [one for one in read(path).resources.values() if one.type.endswith("/roleAssignments")]
    assert ["ServicePrincipal"] == [one.properties["principalType"] for one in assignments]
    assert [True] == [str(one.body["name"]).startswith("Code(text='guid(") for one in assignments]


@pytest.mark.parametrize("path", ASSIGNING, ids=lambda path: path.stem)
def test_nothing_that_can_be_left_out_is_given_unasked(path: Path) -> None:
    default = table(read(path).parameters["enable"].default)
    assert {"createNsg": False, "flush": False, "readFlowLogs": False, "guardHosts": False} == default


@pytest.mark.parametrize("name", ROLES)
def test_the_page_names_each_action_of_a_role_once_and_no_other(name: str) -> None:
    told = re.findall(r"^\| `(Microsoft\.[\w./]+)` \|", section(name), re.MULTILINE)
    assert sorted(told, key=str.lower) == ROLES[name]["actions"]


def test_the_page_has_every_role_by_its_name_and_its_file() -> None:
    told = re.findall(r"^\| (Postern [\w ]+) \| \[([\w-]+)\.json\]", PAGE, re.MULTILINE)
    assert {(role["name"], name) for name, role in ROLES.items()} == {*told}
