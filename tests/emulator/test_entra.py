"""Microsoft Graph of the box: what it takes, and in which words it refuses."""

import pytest

from emulator.entra.directory import GROUP
from emulator.environment import TENANT
from tests.emulator.conftest import Box
from tests.emulator.entra import (
    CLI,
    LOGIC_APP,
    NOBODY,
    PERSON,
    READER,
    RELAY,
    SCOPE,
    TRUSTED,
    UPSERT,
    Client,
    giving,
    relay,
    role,
    scope,
    sign_in,
)


@pytest.fixture
async def graph(box: Box) -> Client:
    """Graph in a tenant without applications."""
    return await sign_in(box)


async def test_a_token_for_something_else_is_refused(graph: Client) -> None:
    graph.token = graph.box.token
    status, code, _ = await graph.refused("GET", "/applications")
    assert (401, "InvalidAuthenticationToken") == (status, code)
    assert 401 == (await graph.box.client.get("/v1.0/applications")).status_code


async def test_an_application_is_found_by_each_of_its_keys(graph: Client) -> None:
    path = await graph.application(uniqueName="mine")
    made = (await graph.call("GET", path)).json()
    for key in (f"(appId='{made['appId']}')", "(uniqueName='mine')"):
        assert made == (await graph.call("GET", f"/applications{key}")).json()
    assert (404, "Request_ResourceNotFound") == (await graph.refused("GET", "/applications(uniqueName='other')"))[:2]


async def test_who_makes_an_application_without_saying_for_whom_makes_it_for_everybody(graph: Client) -> None:
    made = await graph.made("/applications", {"displayName": "Mine"})
    assert ("AzureADandPersonalMicrosoftAccount", []) == (made["signInAudience"], made["identifierUris"])


async def test_an_upsert_makes_changes_or_misses(graph: Client) -> None:
    path, body = "/applications(uniqueName='mine')", {"displayName": "Mine"}
    answers = [await graph.call("PATCH", path, body, **headers) for headers in ({}, UPSERT, UPSERT)]
    assert [404, 201, 204] == [one.status_code for one in answers]
    assert "mine" == answers[1].json()["uniqueName"]


async def test_a_unique_name_is_taken_even_by_what_was_deleted(graph: Client) -> None:
    await graph.call("DELETE", await graph.application(uniqueName="mine"))
    taken = "Another object with the same value for property uniqueName already exists."
    refused = await graph.refused("PATCH", "/applications(uniqueName='mine')", {"displayName": "Mine"}, **UPSERT)
    assert (400, "Request_BadRequest", taken) == refused


async def test_a_unique_name_that_was_given_stays(graph: Client) -> None:
    path = await graph.application()
    assert 204 == (await graph.call("PATCH", path, {"uniqueName": "late"})).status_code
    assert 400 == (await graph.refused("PATCH", path, {"uniqueName": "later"}))[0]


async def test_an_enabled_role_is_neither_taken_away_nor_reworded(graph: Client) -> None:
    path = await graph.application()
    words = "Permission (scope or role) cannot be deleted or updated unless disabled first."
    expected = (400, "CannotDeleteOrUpdateEnabledEntitlement", words)
    for roles in ([relay()], [role(description="Other."), relay()], [role(isEnabled=False, value="My.Other"), relay()]):
        assert expected == await graph.refused("PATCH", path, {"appRoles": roles})
    assert 2 == len((await graph.call("GET", path)).json()["appRoles"])


async def test_a_disabled_role_can_go(graph: Client) -> None:
    path = await graph.application()
    bodies = [[role(isEnabled=False), relay()], [relay()]]
    assert [204, 204] == [(await graph.call("PATCH", path, {"appRoles": one})).status_code for one in bodies]
    assert [RELAY] == [one["id"] for one in (await graph.call("GET", path)).json()["appRoles"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "my-role"},
        {"id": RELAY},
        {"id": SCOPE},
        {"value": "My.Relay"},
        {"value": "user_impersonation"},
        {"value": "My Reader"},
        {"value": ".Reader"},
        {"value": "x" * 121},
        {"allowedMemberTypes": []},
        {"allowedMemberTypes": ["Group"]},
        {"displayName": ""},
        {"description": None},
        {"isEnabled": None},
        {"origin": "Application"},
    ],
    ids=str,
)
async def test_a_role_that_is_not_right_is_refused(graph: Client, changes: dict[str, object]) -> None:
    path = await graph.application(appRoles=[relay()])
    assert 400 == (await graph.refused("PATCH", path, {"appRoles": [relay(), role(**changes)]}))[0]


@pytest.mark.parametrize(
    "body",
    [
        {"displayName": ""},
        {"displayname": "Mine"},
        {"appId": NOBODY},
        {"passwordCredentials": []},
        {"signInAudience": "Everybody"},
        {"groupMembershipClaims": "Groups"},
        {"identifierUris": ["https://example.com/mine"]},
        {"identifierUris": [f"api://{NOBODY}"]},
        {"web": {"redirectUris": ["http://example.com/back"]}},
        {"web": {"redirectUris": ["https://example.com/back#here"]}},
        {"web": {"redirectUri": "https://example.com/back"}},
        {"api": {"requestedAccessTokenVersion": 3}},
        {"api": {"oauth2PermissionScopes": []}},
        {"api": {"oauth2PermissionScopes": [{**scope(), "type": "Everybody"}]}},
    ],
    ids=str,
)
async def test_a_property_that_is_not_right_is_refused(graph: Client, body: dict[str, object]) -> None:
    path = await graph.application()
    before = (await graph.call("GET", path)).json()
    assert 400 == (await graph.refused("PATCH", path, body))[0]
    assert before == (await graph.call("GET", path)).json()


async def test_a_part_that_is_sent_replaces_the_whole_part(graph: Client) -> None:
    path = await graph.application(web={"logoutUrl": "https://example.com/out"})
    await graph.call("PATCH", path, {"web": {"redirectUris": ["https://example.com/back"]}})
    web = (await graph.call("GET", path)).json()["web"]
    assert (["https://example.com/back"], None) == (web["redirectUris"], web["logoutUrl"])


async def test_a_client_is_authorized_only_for_a_scope_that_stood_before(graph: Client) -> None:
    other = scope(id=NOBODY[:-1] + "9", value="other")
    path, allowed = await graph.application(), [{"appId": CLI, "delegatedPermissionIds": [other["id"]]}]
    body = {"api": {"oauth2PermissionScopes": [scope(), other], "preAuthorizedApplications": allowed}}
    assert (400, "InvalidValue") == (await graph.refused("PATCH", path, body))[:2]
    await graph.call("PATCH", path, {"api": {"oauth2PermissionScopes": [scope(), other]}})
    assert 204 == (await graph.call("PATCH", path, body)).status_code


async def test_a_secret_is_told_once(graph: Client) -> None:
    path = await graph.application()
    made = (await graph.call("POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "Old"}})).json()
    [kept] = (await graph.call("GET", path)).json()["passwordCredentials"]
    assert (True, None) == (bool(made["secretText"]), kept["secretText"])


async def test_a_service_principal_has_its_applications_roles(graph: Client) -> None:
    found = (await graph.call("GET", await graph.service())).json()
    assert [(READER, "Application"), (RELAY, "Application")] == [
        (one["id"], one["origin"]) for one in found["appRoles"]
    ]
    assert (TENANT, False) == (found["appOwnerOrganizationId"], found["appRoleAssignmentRequired"])


async def test_a_service_principal_needs_an_application_and_stands_once(graph: Client) -> None:
    answer = await graph.call("PATCH", f"/servicePrincipals(appId='{NOBODY}')", {}, **UPSERT)
    assert (400, "NoBackingApplicationObject") == (
        answer.status_code, answer.json()["error"]["details"][0]["code"]
    )  # fmt: skip
    app_id = (await graph.call("GET", await graph.service())).json()["appId"]
    refused = await graph.refused("POST", "/servicePrincipals", {"appId": app_id})
    assert (409, "Request_MultipleObjectsWithSameKeyValue") == refused[:2]


async def test_a_service_principal_goes_with_its_application(graph: Client) -> None:
    service = await graph.service()
    app_id = (await graph.call("GET", service)).json()["appId"]
    await graph.call("DELETE", f"/applications(appId='{app_id}')")
    assert 404 == (await graph.refused("GET", service))[0]


@pytest.mark.parametrize(("principal", "kind"), [(PERSON, "User"), (GROUP, "Group"), (LOGIC_APP, "ServicePrincipal")])
async def test_people_groups_and_identities_are_given_roles(graph: Client, principal: str, kind: str) -> None:
    service = await graph.service()
    given = await graph.made(f"{service}/appRoleAssignedTo", giving(service, principal))
    assert (principal, kind, READER) == (given["principalId"], given["principalType"], given["appRoleId"])


async def test_a_role_is_given_once_and_can_be_withdrawn(graph: Client) -> None:
    service = await graph.service()
    path, body = f"{service}/appRoleAssignedTo", giving(service, PERSON)
    number = (await graph.made(path, body))["id"]
    exists = "Permission being assigned already exists on the object"
    assert (400, "Request_BadRequest", exists) == await graph.refused("POST", path, body)
    assert 204 == (await graph.call("DELETE", f"{path}/{number}")).status_code
    assert [] == (await graph.call("GET", path)).json()["value"]


@pytest.mark.parametrize(
    ("principal", "number", "status", "words"),
    [
        (PERSON, SCOPE, 400, "Permission being assigned was not found on application"),
        (PERSON, RELAY, 400, "Permission being assigned was not found on application"),
        (GROUP, RELAY, 400, "Permission being assigned was not found on application"),
        (NOBODY, READER, 404, "does not exist or one of its queried reference-property objects are not present."),
    ],
)
async def test_a_role_is_not_given_to_whom_it_is_not_for(
    graph: Client, principal: str, number: str, status: int, words: str
) -> None:
    service = await graph.service()
    refused = await graph.refused("POST", f"{service}/appRoleAssignedTo", giving(service, principal, number))
    assert (status, True) == (refused[0], words in refused[2])


async def test_a_disabled_role_is_given_to_nobody(graph: Client) -> None:
    service = await graph.service()
    app_id = (await graph.call("GET", service)).json()["appId"]
    roles = {"appRoles": [role(isEnabled=False), relay()]}
    await graph.call("PATCH", f"/applications(appId='{app_id}')", roles)
    assert 400 == (await graph.refused("POST", f"{service}/appRoleAssignedTo", giving(service, PERSON)))[0]


async def test_an_assignment_names_the_service_that_it_is_made_at(graph: Client) -> None:
    service, other = await graph.service(), await graph.service()
    refused = await graph.refused("POST", f"{service}/appRoleAssignedTo", giving(other, PERSON))
    assert (400, "Not a valid reference update.") == (refused[0], refused[2])


async def test_a_credential_is_made_and_changed_by_its_name(graph: Client) -> None:
    path = f"{await graph.application()}/federatedIdentityCredentials(name='sign-in')"
    answers = [await graph.call("PATCH", path, body, **UPSERT) for body in (TRUSTED, {**TRUSTED, "subject": PERSON})]
    assert ([201, 204], PERSON) == (
        [one.status_code for one in answers], (await graph.call("GET", path)).json()["subject"]
    )  # fmt: skip


async def test_nobody_is_trusted_twice(graph: Client) -> None:
    path = f"{await graph.application()}/federatedIdentityCredentials"
    await graph.made(path, {"name": "sign-in", **TRUSTED})
    codes = [await graph.refused("POST", path, {"name": name, **TRUSTED}) for name in ("sign-in", "other")]
    assert [(409, "Request_MultipleObjectsWithSameKeyValue"), (400, "InvalidFederatedIdentityCredentialValue")] == [
        one[:2] for one in codes
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"audiences": []},
        {"audiences": ["a", "b"]},
        {"issuer": "http://example.com"},
        {"subject": "x" * 601},
        {"name": "a b"},
        {"name": "ab"},
        {"secret": "x"},
    ],
    ids=str,
)
async def test_a_credential_that_is_not_right_is_refused(graph: Client, changes: dict[str, object]) -> None:
    path = f"{await graph.application()}/federatedIdentityCredentials"
    assert 400 == (await graph.refused("POST", path, {"name": "sign-in", **TRUSTED, **changes}))[0]
    assert [] == (await graph.call("GET", path)).json()["value"]


async def test_an_application_trusts_at_most_twenty(graph: Client) -> None:
    path = f"{await graph.application()}/federatedIdentityCredentials"
    for number in range(20):
        await graph.made(path, {**TRUSTED, "name": f"sign-in-{number}", "subject": str(number)})
    assert 400 == (await graph.refused("POST", path, {"name": "one-more", **TRUSTED}))[0]
