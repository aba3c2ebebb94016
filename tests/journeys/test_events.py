"""What happens is told: each kind of event arrives at a receiver in the box, signed, and once by its id."""

import base64
import hashlib
import hmac
import json
from typing import Any, Final

import pytest

from emulator.environment import ACCOUNT, WEBHOOK_SECRET
from tests.journeys.azure import Azure
from tests.journeys.client import Json, Postern, machine, read, watch, wish
from tests.journeys.test_approvals import APPROVAL, APPROVER, say, waiting
from tests.journeys.test_bad_requests import issues, problem

PATIENCE: Final = 25


@pytest.fixture(autouse=True)
async def _forgetful(azure: Azure) -> None:
    """A reset empties the app's storage, and not what was already received."""
    await azure.control("DELETE", "hooks")


async def received(postern: Postern, name: str = "box") -> list[Json]:
    """What a receiver in the box got so far."""
    answer = await postern.box.client.get(f"{postern.box.site.emulator}/_box/hooks", params={"name": name})
    found: list[Json] = answer.raise_for_status().json()["value"]
    return found


async def told(
    postern: Postern, about: str, *expected: str, name: str = "box", patience: float = PATIENCE
) -> list[Json]:
    """The events about a grant or a resource, as soon as all of these kinds are among them."""

    async def look() -> list[Json]:
        events = [json.loads(one["body"]) for one in await received(postern, name)]
        return [one for one in events if one["subject"].lower().endswith(about.lower())]

    return await watch(look, lambda events: set(expected) <= set(words(events)), patience)


def words(events: list[Json]) -> list[str]:
    """The kinds, without what came twice."""
    return [kind.rpartition(".")[2] for kind in {one["id"]: one["type"] for one in events}.values()]


def hook(postern: Postern, name: str) -> str:
    """The address of a receiver in the box."""
    return f"{postern.box.site.emulator}/_hooks/{name}"


async def program(postern: Postern, name: str, *answers: Json) -> None:
    """What a receiver in the box answers next."""
    await postern.box.post(f"{postern.box.site.emulator}/_box/hooks", {"name": name, "answers": answers})


async def subscribe(postern: Postern, name: str, user: str = "approver", **more: object) -> Json:
    """A subscription of a receiver in the box."""
    body = {"callbackUrl": hook(postern, name), **more}
    return read(await postern.call(user, "POST", "/api/subscriptions", body), 201)


async def test_what_happens_to_a_grant_is_told_once_each(postern: Postern) -> None:
    grant = await waiting(postern)
    await say(postern, grant, "approve", comment="go ahead")
    await postern.revoke(grant["id"])
    events = await told(postern, grant["id"], "approvalNeeded", "decided", "opened", "ended")
    assert ["approvalNeeded", "decided", "ended", "opened"] == sorted(words(events))
    [decided] = [one["data"] for one in events if one["type"].endswith("decided")]
    assert ("go ahead", [APPROVER]) == (decided["happened"]["detail"], decided["approvers"])


async def test_a_denial_is_told_as_a_decision_and_an_end(postern: Postern) -> None:
    grant = await waiting(postern)
    await say(postern, grant, "deny", comment="use the bastion")
    events = await told(postern, grant["id"], "approvalNeeded", "decided", "ended")
    assert ["approvalNeeded", "decided", "ended"] == sorted(words(events))


async def test_an_end_is_told_of_before_it_comes_and_when_it_came(postern: Postern) -> None:
    await postern.enable("web-01", ports=[{"number": 22}])
    grant = await postern.ask(wish("web-01", duration="PT9S"))
    events = await told(postern, grant["id"], "opened", "endingSoon", "ended")
    assert ["opened", "endingSoon", "ended"] == words(events)
    assert events[1]["data"]["links"]["extend"].endswith(f"/api/grants/{grant['id']}/extend")


async def test_a_broken_glass_is_told_with_those_who_approve(postern: Postern) -> None:
    await postern.enable("web-01", approval=APPROVAL, breakGlass=True)
    grant = await postern.ask(wish("web-01", breakGlass=True, justification="the shop is down"))
    events = await told(postern, grant["id"], "brokenGlass", "opened")
    [broken] = [one["data"] for one in events if one["type"].endswith("brokenGlass")]
    assert ([APPROVER], "the shop is down") == (broken["approvers"], broken["grant"]["justification"])


async def test_a_machine_that_is_exposed_is_told_of(postern: Postern) -> None:
    await postern.enable("edge-01")
    [event] = await told(postern, machine("edge-01"), "exposed")
    assert "exposed" == event["data"]["what"]


async def test_what_a_repair_finds_is_told_once(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    for lock in await azure.ours("web-01-nsg", "postern-lock"):
        await azure.delete_rule("web-01-nsg", lock)
    await postern.run("repair")
    events = await told(postern, "/web-01-nsg", "found")
    assert ["lockMissing"] == [one["data"]["what"] for one in {one["id"]: one for one in events}.values()]


async def test_what_arrives_is_signed(postern: Postern) -> None:
    """Checked as docs/notifications.md tells receivers to."""
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    [event] = await told(postern, grant["id"], "opened")
    [one] = [one for one in await received(postern) if json.loads(one["body"])["id"] == event["id"]]
    headers = one["headers"]
    key = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))
    content = f"{event['id']}.{headers['webhook-timestamp']}.{one['body']}".encode()
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert (event["id"], f"v1,{expected}") == (headers["webhook-id"], headers["webhook-signature"])
    assert "application/cloudevents+json" == headers["content-type"]


async def test_a_policy_has_its_own_receivers_and_never_shows_their_addresses(postern: Postern) -> None:
    told_to = [{"url": f"{hook(postern, 'own')}?sig=hunter2", "events": ["io.postern.grant.opened"]}]
    enabled = await postern.enable("web-01", notifications=told_to)
    again = await postern.enable("web-01", notifications=enabled["policy"]["notifications"])
    listed = await postern.call("auditor", "GET", "/api/policies")
    assert [] == [text for text in (str(enabled), str(again), listed.text) if "hunter2" in text]
    grant = await postern.ask(wish("web-01"))
    assert ["opened"] == words(await told(postern, grant["id"], "opened", name="own"))


async def test_a_policy_cannot_name_a_receiver_that_the_operator_does_not_allow(postern: Postern) -> None:
    body = {"notifications": [{"url": "https://evil.example.com/in"}]}
    answer = await postern.call("administrator", "PUT", f"/api/policies{machine('web-01')}", body)
    assert [("receiverNotAllowed", "notifications[0].url")] == issues(problem(answer, 400, "invalid"))


async def test_a_mark_that_stands_for_nothing_is_refused(postern: Postern) -> None:
    body = {"notifications": [{"url": f"{postern.box.site.emulator}/#kept-0000000000"}]}
    answer = await postern.call("administrator", "PUT", f"/api/policies{machine('web-01')}", body)
    assert [("unknownUrl", "notifications[0].url")] == issues(problem(answer, 422, "refused"))


async def test_who_subscribes_is_told_until_it_is_ended(postern: Postern) -> None:
    made = await subscribe(postern, "flow", events=["io.postern.grant.opened"])
    await postern.enable("web-01")
    first = await postern.ask(wish("web-01"))
    assert ["opened"] == words(await told(postern, first["id"], "opened", name="flow"))
    ended = await postern.call("approver", "DELETE", f"/api/subscriptions/{made['id']}")
    second = await postern.ask(wish("web-01", port=3389))
    await told(postern, second["id"], "opened")
    assert (204, []) == (ended.status_code, await told(postern, second["id"], name="flow", patience=0))


async def test_subscribing_says_where_it_is_ended_and_never_the_callback(postern: Postern) -> None:
    body = {"callbackUrl": f"{hook(postern, 'flow')}?sig=hunter2", "format": "teams"}
    made = await postern.call("approver", "POST", "/api/subscriptions", body)
    again = await postern.call("approver", "POST", "/api/subscriptions", body)
    listed = await postern.call("administrator", "GET", "/api/subscriptions")
    assert f"{postern.box.site.postern}/api/subscriptions/{made.json()['id']}" == made.headers["location"]
    assert (made.json()["id"], 1) == (again.json()["id"], len(listed.json()["value"]))
    assert [] == [text for text in (made.text, listed.text) if "hunter2" in text]


async def test_a_subscription_of_somebody_else_looks_like_one_that_is_not_there(postern: Postern) -> None:
    theirs = await subscribe(postern, "flow", "administrator")
    places = (f"/api/subscriptions/{theirs['id']}", f"/api/subscriptions/{'0' * 16}")
    told_so = [await postern.call("approver", "DELETE", place) for place in places]
    assert [404, 404] == [answer.status_code for answer in told_so]
    assert told_so[0].json() == told_so[1].json()
    assert 204 == (await postern.call("administrator", "DELETE", places[0])).status_code


@pytest.mark.parametrize(
    "url", ["https://evil.example.com/", "http://127.0.0.1/", "https://127.0.0.1/", "https://169.254.169.254/metadata"]
)
async def test_nobody_subscribes_an_address_that_leads_elsewhere(postern: Postern, url: str) -> None:
    answer = await postern.call("approver", "POST", "/api/subscriptions", {"callbackUrl": url})
    assert [("receiverNotAllowed", "callbackUrl")] == issues(problem(answer, 400, "invalid"))


async def test_a_receiver_that_wants_nothing_more_is_forgotten(postern: Postern) -> None:
    await program(postern, "gone", {"status": 410})
    await subscribe(postern, "gone")
    await postern.enable("web-01")
    await postern.ask(wish("web-01"))

    async def look() -> list[Any]:
        found: list[Any] = read(await postern.call("administrator", "GET", "/api/subscriptions"), 200)["value"]
        return found

    assert [] == await watch(look, lambda found: not found, PATIENCE)


async def test_what_a_receiver_refuses_comes_again(postern: Postern) -> None:
    await program(postern, "shaky", {"status": 500}, {"status": 307, "location": hook(postern, "elsewhere")})
    await subscribe(postern, "shaky", events=["io.postern.grant.opened"])
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))

    async def look() -> list[Json]:
        return await told(postern, grant["id"], name="shaky", patience=0)

    tries = await watch(look, lambda found: len(found) == 2, PATIENCE)
    assert (2, 1) == (len(tries), len({one["id"] for one in tries}))
    assert [] == await received(postern, "elsewhere")


async def test_a_card_reaches_a_workflow_and_names_the_grant(postern: Postern) -> None:
    await subscribe(postern, "cards", format="teams", events=["io.postern.grant.approvalNeeded"])
    grant = await waiting(postern)
    arrived = await watch(lambda: received(postern, "cards"), bool, PATIENCE)
    card = json.loads(arrived[-1]["body"])["attachments"][0]["content"]
    [approve, _] = [one["data"] for one in card["actions"] if one["type"] == "Action.Submit"]
    decided = await postern.call("approver", "POST", f"/api/grants/{approve['grant']}/{approve['verdict']}")
    assert (grant["id"], "active") == (approve["grant"], read(decided, 200)["state"])


async def poison(azure: Azure, queue: str) -> None:
    """Put a message where those lie that nobody could deal with."""
    token = (await azure.control("POST", "token", {"audience": "https://storage.azure.com"}))["access_token"]
    headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2020-12-06"}
    url = f"https://127.0.0.1:{azure.box.site.ports.queues}/{ACCOUNT}/{queue}-poison"
    (await azure.box.client.put(url, headers=headers)).raise_for_status()
    body = "<QueueMessage><MessageText>bm9uc2Vuc2U=</MessageText></QueueMessage>"
    (await azure.box.client.post(f"{url}/messages", headers=headers, content=body)).raise_for_status()


async def test_health_counts_what_nobody_could_deal_with_and_stays_healthy(postern: Postern, azure: Azure) -> None:
    for queue in ("events", "events", "closings"):
        await poison(azure, queue)

    async def look() -> Json:
        return read(await postern.send("GET", "/api/health", None), 200)

    seen = await watch(look, lambda health: health["poison"]["events"] == 2, PATIENCE)
    assert ("healthy", {"closings": 1, "events": 2}) == (seen["status"], seen["poison"])


async def test_the_sweep_says_where_messages_lie_that_nobody_could_deal_with(postern: Postern, azure: Azure) -> None:
    await poison(azure, "events")
    await postern.run("sweep")
    log = postern.box.site.directory / "logs" / "functions.log"

    async def look() -> bool:
        return "about 1 messages lie in events-poison" in log.read_text("utf-8")

    assert await watch(look, bool, PATIENCE)
