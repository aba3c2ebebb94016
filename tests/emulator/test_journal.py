"""What the activity log says of changes in network security groups."""

from datetime import UTC, datetime
from typing import Any

from emulator.logs.journal import Journal
from emulator.logs.store import Logs

RESOURCES = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/demo/providers"
NSG = f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/web-nsg"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


async def noted(*calls: tuple[str, str, int]) -> list[list[Any]]:
    logs = Logs(NOON.timestamp)
    for method, path, status in calls:
        Journal(logs, lambda: NOON).note(method, path, status, ("ann", "203.0.113.7"))
    kql = "AzureActivity | project OperationNameValue, ActivityStatusValue, Caller, CallerIpAddress, _ResourceId"
    return (await logs.query(kql, None)).rows


async def test_a_change_of_a_rule_says_who_did_it_from_where() -> None:
    operation = "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE"
    assert [[operation, "Success", "ann", "203.0.113.7", f"{NSG}/securityRules/any".lower()]] == await noted(
        ("PUT", f"{NSG}/securityRules/any", 201)
    )


async def test_a_group_that_is_deleted_is_a_change_of_the_group() -> None:
    [[operation, *_]] = await noted(("DELETE", NSG, 202))
    assert "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/DELETE" == operation


async def test_what_is_read_refused_or_something_else_is_no_change() -> None:
    machine = NSG.replace("Microsoft.Network/networkSecurityGroups", "Microsoft.Compute/virtualMachines")
    assert [] == await noted(("GET", NSG, 200), ("PUT", NSG, 409), ("PUT", machine, 200))
