"""Resource locks: who is stopped by which, and how they are managed."""

from typing import Any

import pytest

from tests.emulator.conftest import GROUPS, NETWORK, RULE, SUBSCRIPTION, WEB, Box, rule
from tests.emulator.test_groups import code

LOCKS = "providers/Microsoft.Authorization/locks"
FROZEN = f"{GROUPS}/frozen-nsg"
KEPT = f"{GROUPS}/kept-nsg"
LOCKED = (409, "ScopeLocked")


def level(name: str, **more: object) -> dict[str, Any]:
    return {"properties": {"level": name, **more}}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_read_only_lock_refuses_every_change_of_a_group_and_its_rules(box: Box, method: str) -> None:
    group = (await box.call("GET", FROZEN)).json()
    assert LOCKED == code(await box.call(method, FROZEN, group))
    assert LOCKED == code(await box.call(method, f"{FROZEN}/securityRules/allow-ssh", rule()))
    assert LOCKED == code(await box.call("PATCH", FROZEN, {"tags": {}}))


async def test_the_refusal_says_what_was_tried_and_where_the_lock_is(box: Box) -> None:
    message = (await box.call("DELETE", f"{FROZEN}/securityRules/allow-ssh")).json()["error"]["message"]
    expected = (
        f"The scope '{FROZEN}/securityRules/allow-ssh' cannot perform delete operation "
        f"because following scope(s) are locked: '{FROZEN}'. Please remove the lock and try again."
    )
    assert expected == message


async def test_a_lock_against_deleting_lets_changes_through(box: Box) -> None:
    assert (await box.call("PUT", f"{KEPT}/securityRules/mine", rule())).status_code == 201
    box.finish()
    assert LOCKED == code(await box.call("DELETE", f"{KEPT}/securityRules/mine"))
    assert LOCKED == code(await box.call("DELETE", KEPT))


@pytest.mark.parametrize("scope", [SUBSCRIPTION, f"{SUBSCRIPTION}/resourceGroups/demo", WEB.upper()])
async def test_a_lock_holds_for_all_that_lies_below_it(box: Box, scope: str) -> None:
    path = f"{scope.replace('/SUBSCRIPTIONS', '/subscriptions')}/{LOCKS}/all"
    assert (await box.call("PUT", path, level("ReadOnly"))).status_code == 201
    assert LOCKED == code(await box.call("PUT", RULE, rule()))
    assert (await box.call("DELETE", path)).status_code == 200
    assert (await box.call("PUT", RULE, rule())).status_code == 201


async def test_a_lock_on_a_network_is_a_lock_on_its_subnets(box: Box) -> None:
    network = f"{NETWORK}/virtualNetworks/demo-vnet"
    await box.call("PUT", f"{network}/{LOCKS}/still", level("ReadOnly"))
    answer = await box.call("PUT", f"{network}/subnets/more", {"properties": {"addressPrefix": "10.0.99.0/24"}})
    assert LOCKED == code(answer)


async def test_what_holds_a_locked_child_cannot_be_deleted(box: Box) -> None:
    spare = f"{GROUPS}/spare-nsg"
    await box.call("PUT", f"{spare}/securityRules/allow-ssh/{LOCKS}/one", level("CanNotDelete"))
    assert LOCKED == code(await box.call("DELETE", spare))


async def test_a_lock_reads_as_it_was_written_and_may_be_changed(box: Box) -> None:
    path = f"{WEB}/{LOCKS}/mine"
    assert (await box.call("PUT", path, level("ReadOnly", notes="why"))).status_code == 201
    assert (await box.call("PUT", path, level("CanNotDelete"))).status_code == 200
    expected = {"id": path, "type": "Microsoft.Authorization/locks", "name": "mine", **level("CanNotDelete")}
    assert expected == (await box.call("GET", path)).json()
    assert [await status(box, "DELETE", path) for _ in range(2)] == [200, 204]
    assert code(await box.call("GET", path)) == (404, "LockNotFound")


async def status(box: Box, method: str, path: str) -> int:
    return (await box.call(method, path)).status_code


async def test_locks_are_listed_at_and_below_a_scope_page_by_page(box: Box) -> None:
    found = (await box.call("GET", f"{SUBSCRIPTION}/{LOCKS}")).json()["value"]
    assert [f"{FROZEN}/{LOCKS}/frozen", f"{KEPT}/{LOCKS}/kept"] == [one["id"] for one in found]
    for number in range(199):
        await box.call("PUT", f"{WEB}/{LOCKS}/lock-{number}", level("CanNotDelete"))
    first = (await box.call("GET", f"{SUBSCRIPTION}/{LOCKS}")).json()
    second = (await box.call("GET", first["nextLink"])).json()
    assert [200, 1] == [len(page["value"]) for page in (first, second)]
    assert "nextLink" not in second


REFUSED = [
    (f"{GROUPS}/nobody/{LOCKS}/a", level("ReadOnly"), (404, "ResourceNotFound")),
    (f"{SUBSCRIPTION}/resourceGroups/nowhere/{LOCKS}/a", level("ReadOnly"), (404, "ResourceGroupNotFound")),
    (f"{WEB}/{LOCKS}/a", level("NotSpecified"), (400, "InvalidLockLevel")),
    (f"{WEB}/{LOCKS}/a", {}, (400, "InvalidRequestFormat")),
    (f"{WEB}/{LOCKS}/a", level("ReadOnly", notes="x" * 513), (400, "InvalidLockNotes")),
    (f"{WEB}/{LOCKS}/a&b", level("ReadOnly"), (400, "InvalidLockName")),
    (f"{WEB}/{LOCKS}", level("ReadOnly"), (405, "MethodNotAllowed")),
]


@pytest.mark.parametrize(("path", "body", "expected"), REFUSED)
async def test_a_wrong_lock_is_refused(box: Box, path: str, body: object, expected: tuple[int, str]) -> None:
    assert expected == code(await box.call("PUT", path, body))


async def test_a_reset_takes_away_all_locks_but_the_worlds_own(box: Box) -> None:
    await box.call("PUT", f"{SUBSCRIPTION}/{LOCKS}/all", level("ReadOnly"))
    await box.control("reset", {"seed": "demo", "storage": False})
    assert ["frozen", "kept"] == [
        one["name"] for one in (await box.call("GET", f"{SUBSCRIPTION}/{LOCKS}")).json()["value"]
    ]
