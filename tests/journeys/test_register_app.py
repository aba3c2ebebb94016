"""The app registration as an operator gets it: by the script's command line, against Graph in the box."""

import json
import re
from pathlib import Path

import pytest

from emulator.environment import APP_OBJECT, TENANT
from scripts.register_app import parse
from scripts.registration import AZURE_CLI, ROLES
from tests.journeys.client import Json
from tests.journeys.tenant import ALL, HOLDERS, NOBODY, PERSON, PIPELINE, Tenant


def own(**changes: object) -> Json:
    """A role of the customer's."""
    role = {"id": "77777777-7777-7777-7777-777777777777", "value": "Report.Reader", "displayName": "Reports",
            "description": "Of somebody else.", "allowedMemberTypes": ["User"], "isEnabled": True}  # fmt: skip
    return {**role, **changes}


def bare(roles: list[Json]) -> list[Json]:
    """Roles as they may be sent."""
    return [{name: value for name, value in role.items() if name != "origin"} for role in roles]


async def test_the_first_run_makes_an_application_of_this_tenant_only(registered: Tenant) -> None:
    application = await registered.application()
    told = {name: application[name] for name in ("displayName", "signInAudience", "groupMembershipClaims")}
    assert {
        "displayName": "Postern", "signInAudience": "AzureADMyOrg", "groupMembershipClaims": "ApplicationGroup",
    } == told  # fmt: skip
    assert [f"api://{application['appId']}"] == application["identifierUris"]
    assert ([], []) == (application["passwordCredentials"], application["keyCredentials"])


async def test_it_has_the_roles_of_the_file(registered: Tenant) -> None:
    values = {role["value"]: set(role["allowedMemberTypes"]) for role in (await registered.application())["appRoles"]}
    both = {"User", "Application"}
    assert {
        "Postern.Reader": both, "Postern.Requestor": both, "Postern.Approver": both, "Postern.Administrator": both,
        "Postern.Auditor": both, "Postern.Relay": {"Application"},
    } == values  # fmt: skip


async def test_people_come_back_to_app_service_with_an_id_token(registered: Tenant) -> None:
    web = (await registered.application())["web"]
    assert ["https://postern.example.com/.auth/login/aad/callback"] == web["redirectUris"]
    assert {"enableIdTokenIssuance": True, "enableAccessTokenIssuance": False} == web["implicitGrantSettings"]


async def test_the_azure_cli_needs_no_consent_and_others_that_of_an_administrator(registered: Tenant) -> None:
    api = (await registered.application())["api"]
    [scope], [client] = api["oauth2PermissionScopes"], api["preAuthorizedApplications"]
    assert (2, "user_impersonation", "Admin") == (api["requestedAccessTokenVersion"], scope["value"], scope["type"])
    assert {"appId": AZURE_CLI, "delegatedPermissionIds": [scope["id"]]} == client


async def test_without_being_told_the_azure_cli_is_not_let_in(tenant: Tenant) -> None:
    await tenant.register()
    assert [] == (await tenant.application())["api"]["preAuthorizedApplications"]


async def test_the_apps_identity_is_trusted_instead_of_a_secret(registered: Tenant) -> None:
    [trusted] = (await registered.standing())["trusted"]
    issuer = f"https://login.microsoftonline.com/{TENANT}/v2.0"
    told = (trusted["issuer"], trusted["subject"], trusted["audiences"])
    assert (issuer, APP_OBJECT, ["api://AzureADTokenExchange"]) == told


async def test_another_identity_takes_the_place_of_the_first(registered: Tenant) -> None:
    assert 0 == await registered.register("--identity", PIPELINE)
    assert [PIPELINE] == [one["subject"] for one in (await registered.standing())["trusted"]]


async def test_in_another_cloud_its_own_authority_is_trusted(tenant: Tenant) -> None:
    await tenant.register("--identity", APP_OBJECT, "--authority", "https://login.microsoftonline.us/")
    [trusted] = (await tenant.standing())["trusted"]
    assert f"https://login.microsoftonline.us/{TENANT}/v2.0" == trusted["issuer"]
    assert ["api://AzureADTokenExchangeUSGov"] == trusted["audiences"]


async def test_only_those_with_a_role_get_in_and_they_have_theirs(registered: Tenant) -> None:
    assert True is (await registered.service())["appRoleAssignmentRequired"]
    assert HOLDERS == await registered.holders()


async def test_a_service_principal_that_lets_everybody_in_is_mended(registered: Tenant) -> None:
    service = await registered.service()
    await registered.call("PATCH", f"/servicePrincipals/{service['id']}", {"appRoleAssignmentRequired": False})
    await registered.register()
    assert True is (await registered.service())["appRoleAssignmentRequired"]


async def test_a_second_run_changes_nothing(registered: Tenant) -> None:
    before, writes = await registered.standing(), await registered.writes()
    assert 0 == await registered.register(*ALL)
    assert (before, writes) == (await registered.standing(), await registered.writes())


async def test_a_run_that_is_told_less_takes_nothing_back(registered: Tenant) -> None:
    before, writes = await registered.standing(), await registered.writes()
    assert 0 == await registered.register()
    assert (before, writes) == (await registered.standing(), await registered.writes())


async def test_a_plan_changes_nothing_and_says_what_would_be_done(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == await tenant.register("--plan", *ALL)
    said = capsys.readouterr().out
    assert 0 == await tenant.writes()
    for act in ("make the application Postern", "the role Postern.Relay", "make the service principal",
                f"trust the identity {APP_OBJECT}", f"give the role Postern.Requestor to {PIPELINE}"):  # fmt: skip
        assert re.search(f"^would .*{act}", said, re.MULTILINE), act


async def test_a_plan_of_what_stands_names_the_difference_only(
    registered: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    writes = await registered.writes()
    await registered.register("--plan", *ALL, "--assign", f"Auditor={PERSON}")
    would = [line for line in capsys.readouterr().out.splitlines() if line.startswith("would")]
    assert ([f"would give the role Postern.Auditor to {PERSON}"], writes) == (would, await registered.writes())


async def test_it_says_what_the_deployment_needs(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    await tenant.register()
    said, client = capsys.readouterr().out, (await tenant.application())["appId"]
    assert f"client id  {client}" in said
    assert f"tenant     {TENANT}" in said
    assert f"POSTERN_CLIENT_ID={client}" in said


async def test_it_asks_for_the_address_until_it_has_one(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    asked = []
    for options in ((), ("--address", "https://postern.example.com"), ()):
        await tenant.register(*options)
        asked.append("run this again with --address" in capsys.readouterr().out)
    assert [True, False, False] == asked


async def test_a_secret_that_somebody_made_is_pointed_out(
    registered: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"/applications/{(await registered.application())['id']}"
    await registered.call("POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "Old"}})
    assert 0 == await registered.register()
    assert "client secrets (1) that Postern does not need" in capsys.readouterr().out


async def test_what_others_added_stays(registered: Tenant) -> None:
    application = await registered.application()
    web, path = application["web"], f"/applications/{application['id']}"
    web["redirectUris"].append("https://other.example.com/back")
    roles = [own(), *bare(application["appRoles"])]
    changed = {"appRoles": roles, "web": {**web, "logoutUrl": "https://other.example.com"}, "notes": "Ours."}
    await registered.call("PATCH", path, changed)
    await registered.register("--address", "https://second.example.com")
    found = await registered.application()
    uris = [*web["redirectUris"], "https://second.example.com/.auth/login/aad/callback"]
    assert (roles, "Ours.") == (bare(found["appRoles"]), found["notes"])
    assert (uris, "https://other.example.com") == (found["web"]["redirectUris"], found["web"]["logoutUrl"])


async def test_the_groups_that_somebody_chose_stay_until_others_are_asked_for(registered: Tenant) -> None:
    path = f"/applications/{(await registered.application())['id']}"
    await registered.call("PATCH", path, {"groupMembershipClaims": "SecurityGroup"})
    await registered.register()
    assert "SecurityGroup" == (await registered.application())["groupMembershipClaims"]
    await registered.register("--groups", "ApplicationGroup")
    assert "ApplicationGroup" == (await registered.application())["groupMembershipClaims"]


async def test_a_role_that_is_reworded_is_disabled_first_and_keeps_its_holders(
    registered: Tenant, tmp_path: Path
) -> None:
    file = tmp_path / "roles.json"
    file.write_text(ROLES.read_text("utf-8").replace("Ask for access to machines.", "Ask."), "utf-8")
    assert 0 == await registered.register("--roles", str(file))
    roles = {role["value"]: role for role in (await registered.application())["appRoles"]}
    assert ("Ask.", True) == (roles["Postern.Requestor"]["description"], roles["Postern.Requestor"]["isEnabled"])
    assert HOLDERS == await registered.holders()


async def test_a_role_that_is_to_go_goes_and_no_other(registered: Tenant, tmp_path: Path) -> None:
    roles = json.loads(ROLES.read_text("utf-8"))
    file = tmp_path / "roles.json"
    file.write_text(json.dumps([{**one, "isEnabled": one["value"] != "Postern.Auditor"} for one in roles]), "utf-8")
    await registered.register("--roles", str(file))
    left = {role["value"] for role in (await registered.application())["appRoles"]}
    assert {one["value"] for one in roles} - {"Postern.Auditor"} == left


async def test_a_role_of_ours_with_another_id_is_refused(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    made = await tenant.call(
        "POST", "/applications", {"displayName": "Mine", "appRoles": [own(value="Postern.Reader")]}
    )
    assert 2 == await tenant.register("--client-id", made["appId"])
    assert "has a role Postern.Reader of its own" in capsys.readouterr().err
    assert 1 == await tenant.writes()


async def test_a_name_that_others_use_is_refused_and_can_be_told_apart(
    tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = [await tenant.call("POST", "/applications", {"displayName": "Postern"}) for _ in range(5)]
    assert 2 == await tenant.register()
    said = capsys.readouterr().err
    assert [] == [one["appId"] for one in theirs if one["appId"] not in said]
    assert 0 == await tenant.register("--client-id", theirs[0]["appId"])
    mended = await tenant.call("GET", f"/applications/{theirs[0]['id']}")
    assert ("AzureADMyOrg", 6) == (mended["signInAudience"], len(mended["appRoles"]))


async def test_a_name_of_its_own_makes_a_second_registration(registered: Tenant) -> None:
    first = await registered.application()
    assert 0 == await registered.register("--name", "Postern (test)")
    assert first == await registered.application()
    assert "Postern (test)" == (await registered.application("postern-test"))["displayName"]


async def test_a_client_id_that_nobody_has_is_told(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == await tenant.register("--client-id", NOBODY)
    assert f"no application with the client id {NOBODY}" in capsys.readouterr().err


async def test_a_deleted_registration_is_told_of(registered: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    await registered.call("DELETE", f"/applications/{(await registered.application())['id']}")
    assert 2 == await registered.register()
    assert "was deleted and keeps it. Restore it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ("--assign", f"Owner={PERSON}"),
        ("--assign", "Reader=rika@example.com"),
        ("--address", "http://postern.example.com"),
        ("--address", "https://postern.example.com/portal"),
        ("--identity", "postern-identity"),
    ],
)
def test_a_slip_in_the_command_line_is_refused(options: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(options)
