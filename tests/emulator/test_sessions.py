"""Sessions against what Azure's documentation says of established flows, with and without `flushConnection`."""

from typing import Any

import pytest

from tests.emulator.conftest import GROUPS, WEB, Box, rule

USER = "203.0.113.7"
SSH = {"source": USER, "machine": "web-01", "port": 22}
DENY = f"{WEB}/securityRules/deny"


async def flush(box: Box, nsg: str, *, on: bool) -> None:
    """Switch flushConnection of a group."""
    document = (await box.call("GET", nsg)).json()
    document["properties"]["flushConnection"] = on
    assert (await box.call("PUT", nsg, document)).is_success
    box.finish()


async def put_rule(box: Box, place: str = DENY, **changes: object) -> None:
    assert (await box.call("PUT", place, rule(**changes))).is_success
    box.finish()


async def connect(box: Box, **body: object) -> Any:  # noqa: ANN401 - JSON, or null.
    return (await box.control("sessions", {**SSH, **body}))["session"]


async def established(box: Box) -> list[bool]:
    found = (await box.control("sessions", method="GET"))["sessions"]
    return [one["established"] for one in found]


async def test_a_session_is_opened_only_where_its_first_packet_passes(box: Box) -> None:
    assert (True, None) == ((await connect(box))["established"], await connect(box, port=23))
    assert [True] == await established(box)


async def test_an_established_session_lives_on_when_a_rule_denies_new_ones(box: Box) -> None:
    await connect(box)
    await put_rule(box)
    assert not await box.passes(USER, "web-01", 22)
    assert [True] == await established(box)


async def test_with_flush_connection_a_session_is_cut_when_a_rule_denies_it(box: Box) -> None:
    await flush(box, WEB, on=True)
    await connect(box)
    await put_rule(box)
    [session] = (await box.control("sessions", method="GET"))["sessions"]
    assert (False, {"rule": "deny", "nsg": WEB}) == (session["established"], session["cutBy"])


async def test_with_flush_connection_a_session_that_stays_allowed_lives_on(box: Box) -> None:
    await flush(box, WEB, on=True)
    await connect(box)
    await put_rule(box, sourceAddressPrefix="198.51.100.0/24")
    assert [True] == await established(box)


async def test_switching_flush_connection_on_cuts_what_is_denied_already(box: Box) -> None:
    await connect(box)
    await put_rule(box)
    assert [True] == await established(box)
    await flush(box, WEB, on=True)
    assert [False] == await established(box)


async def test_switched_off_again_it_cuts_nothing_and_what_was_cut_stays_cut(box: Box) -> None:
    await flush(box, WEB, on=True)
    await connect(box)
    await put_rule(box)
    await flush(box, WEB, on=False)
    assert (await box.call("DELETE", DENY)).is_success
    box.finish()
    await connect(box)
    await put_rule(box)
    assert [False, True] == await established(box)


async def test_a_write_that_is_not_in_force_yet_cuts_nothing(box: Box) -> None:
    await flush(box, WEB, on=True)
    await connect(box)
    await box.call("PUT", DENY, rule())
    assert [True] == await established(box)
    box.finish()
    assert [False] == await established(box)


@pytest.mark.parametrize(("flushing", "lives"), [("both-01-nsg", True), ("both-subnet-nsg", False)])
async def test_only_the_group_that_changed_and_flushes_looks_at_its_sessions(
    box: Box, flushing: str, *, lives: bool
) -> None:
    subnet = f"{GROUPS}/both-subnet-nsg/securityRules"
    await put_rule(
        box, f"{subnet}/let-in", priority=150, access="Allow", destinationPortRange="3389", destinationAddressPrefix="*"
    )
    await flush(box, f"{GROUPS}/{flushing}", on=True)
    assert await connect(box, machine="both-01", port=3389)
    await put_rule(box, f"{subnet}/deny", priority=105, destinationPortRange="*", destinationAddressPrefix="*")
    assert [lives] == await established(box)


async def test_a_reset_forgets_all_sessions(box: Box) -> None:
    await connect(box)
    await box.control("reset", {"storage": False})
    assert [] == await established(box)
