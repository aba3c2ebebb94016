"""The box's receiver of webhooks: it keeps what it is sent, and answers as it was told to."""

import httpx

from tests.emulator.conftest import Box


async def receive(box: Box, name: str, body: str = "{}") -> httpx.Response:
    return await box.client.post(f"/_hooks/{name}", content=body, headers={"Webhook-Id": "1"})


async def test_what_is_sent_is_kept_with_its_headers_and_taken(box: Box) -> None:
    answer = await receive(box, "box", '{"a": 1}')
    [kept] = (await box.client.get("/_box/hooks")).json()["value"]
    assert (202, "box", '{"a": 1}', "1") == (
        answer.status_code,
        kept["name"],
        kept["body"],
        kept["headers"]["webhook-id"],
    )


async def test_each_receiver_is_looked_at_alone(box: Box) -> None:
    for name in ("a", "b"):
        await receive(box, name)
    found = (await box.client.get("/_box/hooks", params={"name": "b"})).json()["value"]
    assert ["b"] == [one["name"] for one in found]


async def test_programmed_answers_come_in_their_order_and_then_the_usual_one(box: Box) -> None:
    answers = [{"status": 500}, {"status": 302, "location": "https://127.0.0.1/"}]
    await box.client.post("/_box/hooks", json={"name": "a", "answers": answers})
    statuses = [(await receive(box, name)).status_code for name in ("a", "b", "a", "a")]
    assert [500, 202, 302, 202] == statuses


async def test_a_slip_in_what_is_programmed_is_refused(box: Box) -> None:
    answer = await box.client.post("/_box/hooks", json={"name": "a", "answers": [{"code": 500}]})
    assert 400 == answer.status_code


async def test_everything_can_be_forgotten(box: Box) -> None:
    await box.client.post("/_box/hooks", json={"name": "a", "answers": [{"status": 500}]})
    await receive(box, "b")
    await box.client.delete("/_box/hooks")
    assert 202 == (await receive(box, "a")).status_code
    assert ["a"] == [one["name"] for one in (await box.client.get("/_box/hooks")).json()["value"]]
