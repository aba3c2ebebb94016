"""What a network security group may hold, over HTTP."""

from typing import Any

import pytest

from tests.emulator.conftest import GROUPS, NETWORK, RULE, WEB, Box, rule

NEW = f"{GROUPS}/new-nsg"


def group(*rules: dict[str, Any], **properties: object) -> dict[str, Any]:
    return {"location": "westeurope", "properties": {"securityRules": list(rules), **properties}}


def named(name: str, **changes: object) -> dict[str, Any]:
    return {"name": name, **rule(**changes)}


def code(answer: Any) -> tuple[int, str]:  # noqa: ANN401  # httpx.Response
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_group_reads_as_arm_writes_it(box: Box) -> None:
    body = (await box.call("GET", WEB)).json()
    assert list(body) == ["name", "id", "etag", "type", "location", "properties"]
    assert [one["name"] for one in body["properties"]["securityRules"]] == ["allow-rdp", "allow-ssh", "allow-https"]
    defaults = body["properties"]["defaultSecurityRules"]
    assert [one["properties"]["priority"] for one in defaults] == [65000, 65001, 65500] * 2
    assert body["properties"]["networkInterfaces"] == [{"id": f"{NETWORK}/networkInterfaces/web-01-nic"}]


async def test_ids_compare_without_case_and_keep_the_case_of_the_first(box: Box) -> None:
    body = (await box.call("GET", WEB.upper().replace("/SUBSCRIPTIONS", "/subscriptions"))).json()
    assert body["id"] == WEB


async def test_a_groups_subnets_refer_back(box: Box) -> None:
    body = (await box.call("GET", f"{GROUPS}/app-nsg")).json()
    assert [one["id"].rsplit("/", 1)[1] for one in body["properties"]["subnets"]] == ["app"]
    assert "networkInterfaces" not in body["properties"]


async def test_two_rules_of_one_priority_and_direction_clash(box: Box) -> None:
    assert code(await box.call("PUT", RULE, rule(priority=310))) == (400, "SecurityRuleConflict")
    assert (await box.call("PUT", RULE, rule(priority=310, direction="Outbound"))).status_code == 201


async def test_a_rule_may_be_put_again_at_its_own_priority(box: Box) -> None:
    answer = await box.call("PUT", f"{WEB}/securityRules/Allow-SSH", rule(priority=310))
    assert answer.status_code == 200
    assert len((await box.call("GET", WEB)).json()["properties"]["securityRules"]) == 3


async def test_a_group_holds_a_thousand_rules_and_no_more(box: Box) -> None:
    rules = [named(f"r{number}", priority=100 + number) for number in range(1001)]
    assert (await box.call("PUT", NEW, group(*rules[:1000]))).status_code == 201
    box.finish()
    assert code(await box.call("PUT", f"{NEW}/securityRules/more", rule(priority=4000))) == (
        400,
        "SecurityRuleCountLimitReached",
    )


async def test_a_group_holds_four_thousand_prefixes_a_side(box: Box) -> None:
    prefixes = [f"10.{number // 250}.{number % 250}.1" for number in range(4001)]
    many = named("many", sourceAddressPrefix=None, sourceAddressPrefixes=prefixes)
    answer = await box.call("PUT", NEW, group(many))
    assert code(answer) == (400, "SecurityRuleAddressesOrPortsPerSecurityGroupLimitReached")


REFUSED = [
    ({"properties": {}}, "LocationRequired"),
    (group({"name": "r"}), "InvalidRequestFormat"),
    (group(named("a b")), "InvalidResourceName"),
    (group(named("r"), named("R", priority=300)), "DuplicateResourceName"),
    (group(named("r"), named("s")), "SecurityRuleConflict"),
    (group(flushConnection="yes"), "InvalidRequestFormat"),
    (["no", "object"], "InvalidRequestFormat"),
]


@pytest.mark.parametrize(("body", "expected"), REFUSED, ids=[expected for _, expected in REFUSED])
async def test_a_wrong_group_is_refused(box: Box, body: object, expected: str) -> None:
    assert (400, expected) == code(await box.call("PUT", NEW, body))


async def test_a_body_that_is_not_json_is_refused(box: Box) -> None:
    headers = {"Authorization": f"Bearer {box.token}"}
    answer = await box.client.put(f"{NEW}?api-version=1", content=b"{", headers=headers)
    assert code(answer) == (400, "InvalidRequestFormat")


async def test_a_missing_group_or_parent_is_told_apart(box: Box) -> None:
    assert code(await box.call("GET", NEW)) == (404, "ResourceNotFound")
    assert code(await box.call("PUT", f"{NEW}/securityRules/r", rule())) == (404, "ParentResourceNotFound")
    assert code(await box.call("GET", RULE)) == (404, "NotFound")
    nowhere = NEW.replace("resourceGroups/demo", "resourceGroups/nowhere")
    assert code(await box.call("GET", nowhere)) == (404, "ResourceGroupNotFound")


async def test_a_rule_that_names_an_unknown_application_group_is_refused(box: Box) -> None:
    asg = {"id": GROUPS.replace("networkSecurityGroups", "applicationSecurityGroups") + "/nobody"}
    body = rule(sourceAddressPrefix=None, sourceApplicationSecurityGroups=[asg])
    assert code(await box.call("PUT", RULE, body)) == (400, "InvalidResourceReference")


async def test_a_group_in_use_cannot_be_deleted_and_a_free_one_can(box: Box) -> None:
    assert code(await box.call("DELETE", WEB)) == (400, "InUseNetworkSecurityGroupCannotBeDeleted")
    assert (await box.call("DELETE", f"{GROUPS}/spare-nsg")).status_code == 202
    box.finish()
    assert (await box.call("GET", f"{GROUPS}/spare-nsg")).status_code == 404
    assert (await box.call("DELETE", f"{GROUPS}/spare-nsg")).status_code == 204


async def test_a_put_of_what_was_read_changes_nothing_and_unknown_properties_survive(box: Box) -> None:
    before = (await box.call("GET", WEB)).json()
    before["properties"]["futureProperty"] = {"deep": True}
    assert (await box.call("PUT", WEB, before)).status_code == 200
    box.finish()
    after = (await box.call("GET", WEB)).json()
    strip = {"etag", "properties"}
    assert {key: value for key, value in before.items() if key not in strip} == {
        key: value for key, value in after.items() if key not in strip
    }
    assert after["properties"]["futureProperty"] == {"deep": True}
    assert before["properties"]["networkInterfaces"] == after["properties"]["networkInterfaces"]


async def test_flush_connection_is_kept(box: Box) -> None:
    await box.call("PUT", NEW, group(flushConnection=True))
    assert True is (await box.call("GET", NEW)).json()["properties"]["flushConnection"]


async def test_tags_are_patched_at_once_and_nothing_else_is(box: Box) -> None:
    before = (await box.call("GET", WEB)).json()
    after = (await box.call("PATCH", WEB, {"tags": {"a": "b"}})).json()
    assert after["tags"] == {"a": "b"}
    assert before["etag"] != after["etag"]
    assert code(await box.call("PATCH", WEB, {"properties": {}})) == (400, "InvalidRequestFormat")


async def test_default_rules_can_be_read_and_not_written(box: Box) -> None:
    defaults = f"{WEB}/defaultSecurityRules"
    assert len((await box.call("GET", defaults)).json()["value"]) == 6
    assert (await box.call("GET", f"{defaults}/DenyAllInBound")).json()["properties"]["access"] == "Deny"
    assert (await box.call("PUT", f"{defaults}/mine", rule())).status_code == 405


async def test_lists_come_from_a_group_and_from_the_subscription(box: Box) -> None:
    listed = (await box.call("GET", GROUPS)).json()["value"]
    everywhere = (await box.call("GET", GROUPS.replace("/resourceGroups/demo", ""))).json()["value"]
    assert "web-01-nsg" in [one["name"] for one in listed]
    assert {"partner-nsg", "partner-02-nsg"} == {one["name"] for one in everywhere} - {one["name"] for one in listed}
