"""Interfaces on ARM: what survives a write, and what failures mean. And answers that the box never gives, by a server.

The second half is about the inventory, whose file is full.
"""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from aiohttp import web
from azure.identity.aio import DefaultAzureCredential

from emulator.box import Box
from shared.adapters.arm_client import Arm as Client
from shared.adapters.graph_inventory import GraphInventory
from shared.domain.planning import Plan
from shared.ports import Conflict, NotFound, Unavailable
from tests.adapters.conftest import Arm, HastyClock
from tests.adapters.test_arm import last_call, leaves, writes
from tests.adapters.test_network import UNMADE, WEB_NSG
from tests.domain.values import RESOURCES, SUBSCRIPTION

NETWORK = f"{RESOURCES}/Microsoft.Network"
SPARE = f"{NETWORK}/networkSecurityGroups/spare-nsg"
NIC = f"{NETWORK}/networkInterfaces/bare-03-nic"
PUT_OF_NIC = {"method": "PUT", "path": "bare-03-nic$"}


async def group_of(arm: Arm, nic: str = NIC) -> str | None:
    group = (await arm.call("GET", nic))["properties"].get("networkSecurityGroup")
    return str(group["id"]).rsplit("/", 1)[1] if group else None


async def odd_interface(arm: Arm) -> Any:  # noqa: ANN401 - any JSON.
    """An interface with everything on it that Postern does not know."""
    document = await arm.call("GET", NIC)
    document["tags"] = {"team": "shop", "Hidden": ""}
    document["extendedLocation"] = {"name": "edge", "type": "EdgeZone"}
    document["properties"]["auxiliaryMode"] = "AcceleratedConnections"
    document["properties"]["dnsSettings"]["dnsServers"] = ["10.0.0.53"]
    document["properties"]["ipConfigurations"][1]["properties"]["odd"] = [{"deep": ["Ä\u00a0<&>", 0, False]}]
    await arm.call("PUT", NIC, document)
    return await arm.call("GET", NIC)


async def test_everything_else_of_an_interface_survives(arm: Arm) -> None:
    before = await odd_interface(arm)
    await arm.network.attach(NIC, SPARE)
    added = leaves(await arm.call("GET", NIC)) ^ leaves(before)
    assert {f".properties.networkSecurityGroup.id={json.dumps(SPARE)}"} == added
    await arm.network.detach(NIC, SPARE)
    assert set() == leaves(before) ^ leaves(await arm.call("GET", NIC))


async def test_putting_a_group_on_is_one_write_and_doing_it_again_none(arm: Arm) -> None:
    since = await last_call(arm)
    for _ in range(2):
        await arm.network.attach(NIC, SPARE)
    assert ["PUT"] == [call["method"] for call in await writes(arm, since)]


async def test_ids_compare_in_any_case(arm: Arm) -> None:
    await arm.network.attach(NIC.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/"), SPARE)
    since = await last_call(arm)
    await arm.network.attach(NIC, SPARE.replace("spare-nsg", "SPARE-NSG"))
    assert ("spare-nsg", []) == (await group_of(arm), await writes(arm, since))


@pytest.mark.parametrize("kind", ["409", "412", "retryable", "500", "503"])
async def test_a_write_that_fails_is_a_conflict_and_changes_nothing(arm: Arm, kind: str) -> None:
    await arm.fault(kind, match=PUT_OF_NIC, times=9)
    with pytest.raises(Conflict):
        await arm.network.attach(NIC, SPARE)
    assert await group_of(arm) is None


@pytest.mark.parametrize("kind", ["403", "locked", "400", "429"])
async def test_a_write_that_azure_will_not_have_is_told_as_such(arm: Arm, kind: str) -> None:
    await arm.fault(kind, match=PUT_OF_NIC, times=9)
    with pytest.raises(Unavailable):
        await arm.network.attach(NIC, SPARE)
    assert await group_of(arm) is None


async def test_a_write_that_is_throttled_for_a_moment_is_done(arm: Arm) -> None:
    await arm.fault("429", match=PUT_OF_NIC, times=2)
    await arm.network.attach(NIC, SPARE)
    assert "spare-nsg" == await group_of(arm)


async def test_a_lost_answer_is_a_conflict_and_doing_it_again_finishes_it(arm: Arm) -> None:
    await arm.fault("lost-answer", match=PUT_OF_NIC)
    with pytest.raises(Conflict):
        await arm.network.attach(NIC, SPARE)
    await arm.network.attach(NIC, SPARE)
    assert "spare-nsg" == await group_of(arm)


async def test_an_operation_that_ends_in_failure_is_never_taken_for_done(arm: Arm) -> None:
    await arm.fault("failed-operation", match=PUT_OF_NIC)
    with pytest.raises((Conflict, Unavailable)):
        await arm.network.attach(NIC, SPARE)


async def test_a_slow_operation_is_waited_for(arm: Arm) -> None:
    await arm.box.post(f"{arm.box.site.emulator}/_box/latency", {"operation": 0.1})
    await arm.network.attach(NIC, SPARE)
    assert "Succeeded" == (await arm.call("GET", NIC))["properties"]["provisioningState"]
    await arm.network.detach(NIC, SPARE)
    await arm.network.discard(SPARE)
    with pytest.raises(NotFound):
        await arm.network.group(SPARE)


@pytest.mark.parametrize("id_", [WEB_NSG, f"{NIC}/ipConfigurations/ipconfig1"])
async def test_what_is_no_interfaces_id_is_never_written(arm: Arm, id_: str) -> None:
    since = await last_call(arm)
    with pytest.raises((Conflict, NotFound, Unavailable)):
        await arm.network.attach(id_, SPARE)
    assert [] == await writes(arm, since)


async def test_a_group_that_is_not_there_is_put_on_nothing(arm: Arm) -> None:
    with pytest.raises((Conflict, NotFound, Unavailable)):
        await arm.network.attach(NIC, UNMADE.nsg.id)
    assert await group_of(arm) is None


@pytest.mark.parametrize("name", ["spare-nsg", "kept-nsg"])
async def test_a_group_that_azure_does_not_delete_stays(arm: Arm, name: str) -> None:
    """It refuses the one for the moment, and the other because of a resource lock."""
    await arm.fault("403", match={"method": "DELETE", "path": "spare-nsg"}, times=9)
    with suppress(Conflict, Unavailable):
        await arm.network.discard(SPARE.replace("spare-nsg", name))
    assert (await arm.network.group(SPARE.replace("spare-nsg", name))).nsg.rules


async def test_a_new_group_is_one_write_that_only_makes(arm: Arm) -> None:
    since = await last_call(arm)
    await arm.network.apply(UNMADE, Plan(()))
    assert ["PUT"] == [call["method"] for call in await writes(arm, since)]
    group = await arm.call("GET", UNMADE.nsg.id)
    assert ("westeurope", {"postern-made-for": "mine"}) == (group["location"], group["tags"])


type Json = dict[str, Any]

NSGS: Final = f"{RESOURCES}/Microsoft.Network/networkSecurityGroups"
DENY: Final = {"direction": "Inbound", "access": "Deny", "protocol": "*", "priority": 300, "sourcePortRange": "*",
               "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"}  # fmt: skip


class NapCounter(HastyClock):
    """Waits no time, and counts how much it was asked to."""

    def __init__(self) -> None:
        self.present = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.slept = timedelta()

    def now(self) -> datetime:
        """The present."""
        return self.present

    async def sleep(self, duration: timedelta) -> None:
        """Turn the hands."""
        self.present += max(duration, timedelta())
        self.slept += max(duration, timedelta())
        await asyncio.sleep(0)


@dataclass(slots=True)
class Odd:
    """A server that answers queries and reads in turn with what it was given, and knows who has asked for what."""

    answers: deque[tuple[Json, dict[str, str]]] = field(default_factory=deque)
    asked: list[tuple[str, Json]] = field(default_factory=list)
    base: str = ""
    clock: NapCounter = field(default_factory=NapCounter)
    inventory: GraphInventory | None = None

    def say(self, document: Json, **headers: str) -> None:
        """Give one more answer; header names are written with underscores."""
        self.answers.append((document, {name.replace("_", "-"): value for name, value in headers.items()}))

    async def answer(self, request: web.Request) -> web.Response:
        """Whatever comes next."""
        self.asked.append((request.path, await request.json() if request.can_read_body else {}))
        document, headers = self.answers.popleft()
        return web.json_response(document, headers=headers)


@pytest.fixture
async def odd(emulator: Box) -> AsyncIterator[Odd]:
    found, app = Odd(), web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(emulator.site.directory / "cert.pem", emulator.site.directory / "key.pem")
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    found.base = f"https://127.0.0.1:{runner.addresses[0][1]}"
    async with DefaultAzureCredential() as credential:
        client = Client(credential, found.base, found.clock)
        found.inventory = GraphInventory(client, timedelta())
        yield found
        await asyncio.gather(found.inventory.close(), client.close())
    await runner.cleanup()


def rows(*names: str, more: str | None = None) -> Json:
    """An answer to a query with machines of these names."""
    machines = f"{RESOURCES}/Microsoft.Compute/virtualMachines"
    kind = "microsoft.compute/virtualmachines"
    data = [{"id": f"{machines}/{name}", "name": name, "type": kind, "location": "westeurope"} for name in names]
    token = {"$skipToken": more} if more else {}
    return {"totalRecords": 3, "count": len(data), "data": data, "facets": [], "resultTruncated": "false", **token}


async def names(odd: Odd) -> list[str]:
    assert odd.inventory
    return [one.name for one in (await odd.inventory.machines((SUBSCRIPTION,))).machines]


async def test_a_page_with_fewer_rows_than_asked_for_is_not_taken_for_the_last(odd: Odd) -> None:
    for page in (rows(), rows("vm-1", more="a"), rows(more="b"), rows("vm-2", "vm-3")):
        odd.say(page)
    assert ["vm-1", "vm-2", "vm-3"] == await names(odd)
    assert [None, None, "a", "b"] == [body["options"].get("$skipToken") for _, body in odd.asked]


async def test_when_the_quota_is_used_up_the_next_query_waits_until_it_is_full_again(odd: Odd) -> None:
    odd.say(rows(), x_ms_user_quota_remaining="0", x_ms_user_quota_resets_after="00:01:04")
    odd.say(rows("vm-1"))
    assert (["vm-1"], timedelta(seconds=64)) == (await names(odd), odd.clock.slept)


@pytest.mark.parametrize("resets", ["", "soon", "00:00:00", "-1:00:00"])
async def test_a_quota_that_makes_no_sense_is_no_reason_to_wait(odd: Odd, resets: str) -> None:
    odd.say(rows(), x_ms_user_quota_remaining="0", x_ms_user_quota_resets_after=resets)
    odd.say(rows("vm-1"))
    assert (["vm-1"], True) == (await names(odd), odd.clock.slept < timedelta(minutes=2))


async def test_a_machine_of_which_next_to_nothing_is_known_is_seen(odd: Odd) -> None:
    odd.say(rows())
    nulls = {"tags": None, "managedBy": None, "os": None, "power": None, "nics": None}
    page = rows("vm-1")
    odd.say({**page, "data": [{**page["data"][0], **nulls}]})
    assert ["vm-1"] == await names(odd)


@pytest.mark.parametrize("elsewhere", ["https://example.com/x", "{base}.example.com/x", "{base}@example.com/x", "/x"])
async def test_a_next_page_at_another_host_is_not_fetched(odd: Odd, elsewhere: str) -> None:
    assert odd.inventory
    odd.say({"value": [], "nextLink": elsewhere.format(base=odd.base)})
    with pytest.raises(Unavailable):
        await odd.inventory.groups(SUBSCRIPTION)
    odd.say({"value": [], "nextLink": elsewhere.format(base=odd.base)})
    with pytest.raises(Unavailable):
        await odd.inventory.resource_locks(SUBSCRIPTION)
    assert 2 == len(odd.asked)


def document(name: str, *rules: Any) -> Json:  # noqa: ANN401 - rules that are none too.
    members = [{"name": f"rule-{number}", "properties": rule} for number, rule in enumerate(rules)]
    return {"id": f"{NSGS}/{name}", "properties": {"securityRules": members, "networkInterfaces": [{"id": "/nic"}]}}


MALFORMED = (
    {**DENY, "access": "Perhaps"}, {**DENY, "destinationPortRange": "http"}, {**DENY, "priority": "high"},
    {name: value for name, value in DENY.items() if name != "direction"}, {**DENY, "priority": None},
    {**DENY, "direction": None}, None,
)  # fmt: skip


@pytest.mark.parametrize("rule", MALFORMED, ids=str)
async def test_a_group_that_nobody_understands_keeps_nobody_from_seeing_the_others(odd: Odd, rule: object) -> None:
    assert odd.inventory
    odd.say({"value": [document("good-1", DENY), document("odd", rule), document("good-2", DENY)]})
    found = {one.id.rsplit("/", 1)[1]: one for one in await odd.inventory.groups(SUBSCRIPTION)}
    assert {"good-1": True, "odd": False, "good-2": True} == {name: bool(one.nsg) for name, one in found.items()}
    assert ("/nic",) == found["odd"].nics


async def test_a_next_page_at_azure_is_fetched(odd: Odd) -> None:
    assert odd.inventory
    odd.say({"value": [document("one", DENY)], "nextLink": f"{odd.base}/next?token=%24x"})
    odd.say({"value": [document("two", DENY)]})
    assert ["one", "two"] == [one.id.rsplit("/", 1)[1] for one in await odd.inventory.groups(SUBSCRIPTION)]
