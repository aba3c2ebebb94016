"""Nobody comes to the data but with Entra ID, and nobody to the app but over TLS; nothing needs or tells a secret."""

import inspect
import re
from pkgutil import iter_modules, resolve_name

import pytest

import shared.adapters
from shared.bootstrap import CLOSINGS, EVENTS
from tests.infra.bicep import INFRA, Resource, list_bicep, read, table, texts

# Source: learn.microsoft.com, "Azure built-in roles".
BUILT_IN = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "73c42c96-874c-492b-b04d-ab87d138a893": "Log Analytics Reader",
}
GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
STORAGE = read(INFRA / "modules/storage.bicep")
APP = read(INFRA / "modules/app.bicep").resources


def all_of(type_: str) -> list[Resource]:
    return [
        one for path in list_bicep() for one in read(path).resources.values() if one.type == type_ and not one.existing
    ]


def tables_of_the_code() -> set[str]:
    names = set()
    for info in iter_modules(shared.adapters.__path__):
        module = resolve_name(f"shared.adapters.{info.name}")
        text = inspect.getsource(module)
        names |= {getattr(module, name) for name in re.findall(r"_tables\.table\((\w+)\)", text)}
    return names


@pytest.mark.parametrize("account", all_of("Microsoft.Storage/storageAccounts"), ids=lambda one: one.symbol)
def test_a_storage_account_is_reached_with_entra_id_and_tls_only(account: Resource) -> None:
    wanted = {
        "allowSharedKeyAccess": False,
        "allowBlobPublicAccess": False,
        "allowCrossTenantReplication": False,
        "defaultToOAuthAuthentication": True,
        "supportsHttpsTrafficOnly": True,
        "minimumTlsVersion": "TLS1_2",
    }
    assert wanted.items() <= account.properties.items()


def test_containers_are_private() -> None:
    (container,) = all_of("Microsoft.Storage/storageAccounts/blobServices/containers")
    assert {"publicAccess": "None"} == container.properties


def test_the_tables_are_those_that_the_code_uses() -> None:
    assert tables_of_the_code() == set(texts(STORAGE.variables["tables"]))


def test_the_queues_are_those_that_the_code_uses() -> None:
    wanted = {CLOSINGS, f"{CLOSINGS}-poison", EVENTS, f"{EVENTS}-poison"}
    assert wanted == set(texts(STORAGE.variables["queues"]))


def test_the_app_is_reached_over_tls_only() -> None:
    site = table(APP["app"].properties["siteConfig"])
    assert (True, "1.2", "1.2") == (APP["app"].properties["httpsOnly"], site["minTlsVersion"], site["scmMinTlsVersion"])


def test_nobody_deploys_or_debugs_with_a_password() -> None:
    site = table(APP["app"].properties["siteConfig"])
    assert ("Disabled", False) == (site["ftpsState"], site["remoteDebuggingEnabled"])
    assert {"allow": False} == APP["publishing"].properties
    assert "for way in ['ftp', 'scm']" in read(INFRA / "modules/app.bicep").text


def test_packages_are_fetched_with_the_identity() -> None:
    deployment = table(table(APP["app"].properties["functionAppConfig"])["deployment"])
    assert "UserAssignedIdentity" == table(table(deployment["storage"])["authentication"])["type"]


def test_telemetry_is_sent_with_the_identity() -> None:
    (component,) = all_of("Microsoft.Insights/components")
    assert True is component.properties["DisableLocalAuth"]


def test_roles_of_azure_are_those_that_are_meant() -> None:
    ids = [one for path in list_bicep() for one in re.findall(GUID, read(path).text)]
    assert [] == [one for one in ids if one not in BUILT_IN]
    roles = table(STORAGE.variables["roles"])
    assert {BUILT_IN[str(id_)]: id_ for id_ in roles.values()} == roles


def test_no_file_asks_azure_for_a_key_or_takes_a_secret() -> None:
    asked = {path.name: re.findall(r"\blist[A-Z]\w*\(|@secure\(", read(path).text) for path in list_bicep()}
    assert {} == {name: found for name, found in asked.items() if found}


def test_no_output_tells_a_secret() -> None:
    told = [f"{name} {value}" for path in list_bicep() for name, value in read(path).outputs.items()]
    assert [] == [
        one for one in told if re.search(r"ConnectionString|Key\b|password|secret|callback", one, re.IGNORECASE)
    ]
