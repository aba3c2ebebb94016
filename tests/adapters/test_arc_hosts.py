"""The gates of Arc-enabled servers: run commands in the emulated Azure, whose scripts change a real firewall.

The firewall is that of a network namespace; where there can be none, these tests are skipped.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.box import Box
from emulator.environment import SUBSCRIPTION
from shared.adapters.arc_hosts import VERSION, ArcHosts
from shared.domain.claims import Claim, LockClaim, OpenClaim, Wanted
from shared.domain.grants import GrantPort
from shared.domain.machines import MachineId
from shared.domain.planning import Leave, plan
from shared.domain.policies import Origin
from shared.domain.rules import ALL_PORTS, Protocol
from shared.ports import NotFound, Observed, Unavailable
from tests.adapters.conftest import Arm
from tests.domain.values import GRANT, OFFICE, STRANGER, TCP

_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/onpremises/providers/Microsoft.HybridCompute/machines"
FILES, AWAY, NOBODY = (MachineId(f"{_GROUP}/{name}") for name in ("files-01", "pos-09", "nobody"))


@dataclass(frozen=True, slots=True)
class Street:
    """A server's gate, and whoever would like to reach the server."""

    hosts: ArcHosts
    arm: Arm

    @property
    def box(self) -> Box:
        """Where it all is."""
        return self.arm.box

    async def order(self, *claims: Claim) -> Observed:
        """Plan for what is claimed, and order that."""
        observed = await self.hosts.group(FILES.gate)
        made = plan(observed.nsg, claims, datetime.now(UTC), Leave(openable={GRANT}))
        return await self.hosts.apply(observed, made)

    async def reaches(self, source: str, port: int = 22) -> bool:
        """Whether a TCP connection is made."""
        answer = await self.post("/reach", {"source": source, "port": port})
        return bool(answer["reached"])

    async def connect(self, *, connected: bool) -> None:
        """Cut the server off from Azure, or not any more."""
        await self.post("", {"connected": connected})

    async def post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON.
        """One call of the control API about the server."""
        url = f"{self.box.site.emulator}/_box/hosts{path}"
        return (await self.box.post(url, {"machine": str(FILES), **body})).json()

    async def ended(self) -> None:
        """Return when what was ordered past the port has ended."""
        while (await self.arm.client.get(FILES.gate, VERSION))["properties"]["instanceView"].get("endTime") is None:
            pass

    async def calls(self) -> int:
        """How many calls Azure has seen."""
        answer = await self.box.client.get(f"{self.box.site.emulator}/_box/calls")
        return len(answer.json()["calls"])

    async def lock(self) -> LockClaim:
        """The claim that locks the server."""
        machine = await self.hosts.machine(FILES)
        return LockClaim(FILES, machine.endpoints, ((Protocol.ANY, ALL_PORTS),), Origin.ANYWHERE)

    async def access(self, seconds: float = 600) -> OpenClaim:
        """The claim that opens SSH for the office."""
        machine = await self.hosts.machine(FILES)
        ports = (GrantPort((22, 22), TCP, (OFFICE,)),)
        return OpenClaim(GRANT, "Ann", machine.endpoints, ports, datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.fixture
async def street(arm: Arm) -> Street:
    """The demo world's Linux server outside Azure."""
    lacks = (await arm.box.client.get(f"{arm.box.site.emulator}/_box/hosts")).json()["lacks"]
    if lacks:
        pytest.skip(lacks)
    return Street(ArcHosts(arm.client), arm)


async def test_a_server_has_its_gate_before_each_address(street: Street) -> None:
    machine = await street.hosts.machine(FILES)
    assert (FILES, "Linux") == (machine.id, machine.system)
    assert [("192.168.10.20", FILES.gate)] == [(one.address, one.lock_nsg) for one in machine.endpoints]


async def test_a_gate_that_was_never_written_lets_everything_through(street: Street) -> None:
    nsg = (await street.hosts.group(FILES.gate)).nsg
    assert ((), True, True) == (nsg.rules, nsg.settled, await street.reaches(STRANGER))


async def test_a_server_that_is_not_there_has_no_gate(street: Street) -> None:
    with pytest.raises(NotFound):
        await street.hosts.group(NOBODY.gate)


async def test_a_lock_closes_a_server_and_going_leaves_nothing(street: Street) -> None:
    await street.order(lock := await street.lock())
    assert not await street.reaches(STRANGER)
    after = await street.order(replace(lock, wanted=Wanted.ABSENT))
    assert ((), True) == (after.nsg.rules, await street.reaches(STRANGER))
    await street.hosts.empty(FILES.gate)
    assert {} == (await street.hosts.group(FILES.gate)).document


async def test_an_address_that_the_server_gets_later_is_closed_before_anybody_hears_of_it(street: Street) -> None:
    await street.order(await street.lock())
    script = "ip addr add 192.168.10.21/32 dev wan; nft list table inet postern | grep -c 'daddr 192'"
    ran = await street.post("/run", {"script": script})
    assert {"output": "0\n", "error": ""} == ran


async def test_an_access_is_for_its_address_and_port_alone(street: Street) -> None:
    await street.order(await street.lock(), await street.access())
    assert [True, False, False] == [
        await street.reaches(OFFICE), await street.reaches(STRANGER), await street.reaches(OFFICE, 8080)
    ]  # fmt: skip


async def test_what_was_ordered_or_read_a_moment_ago_is_not_read_again(street: Street) -> None:
    ordered = await street.order(await street.lock())
    before = await street.calls()
    assert ordered.nsg == await street.hosts.recent(FILES.gate, timedelta(minutes=1))
    assert before == await street.calls()
    await street.hosts.recent(FILES.gate, timedelta())
    assert before < await street.calls()


async def test_what_was_ordered_is_read_back_as_it_was_planned(street: Street) -> None:
    ordered = await street.order(await street.lock(), access := await street.access())
    seen = (await street.hosts.group(FILES.gate)).nsg
    assert ordered.nsg.rules == seen.rules
    assert not plan(seen, (await street.lock(), access), datetime.now(UTC), Leave(openable={GRANT})).changes


async def test_an_access_ends_by_itself_while_azure_cannot_reach_the_server(street: Street) -> None:
    await street.order(await street.lock(), access := await street.access(seconds=4))
    await street.connect(connected=False)
    opened = await street.reaches(OFFICE)
    while datetime.now(UTC) < access.ends_at:
        await street.hosts.group(FILES.gate)
    assert [True, False] == [opened, await street.reaches(OFFICE)]
    assert [] == [rule.name for rule in (await street.hosts.group(FILES.gate)).nsg.rules if "open" in rule.name]


async def test_nothing_is_ordered_from_a_server_that_is_cut_off(street: Street) -> None:
    await street.order(lock := await street.lock())
    await street.connect(connected=False)
    with pytest.raises(Unavailable, match="files-01 is disconnected since"):
        await street.order(lock, await street.access())


async def test_a_longer_access_is_ordered_although_its_rule_is_the_same(street: Street) -> None:
    await street.order(lock := await street.lock(), await street.access(seconds=5))
    longer = await street.access(seconds=600)
    after = await street.order(lock, longer)
    assert [f"until {longer.ends_at:%Y-%m-%dT%H:%M:%SZ}"] == [
        rule.description.partition(f"{GRANT} ")[2][:26] for rule in after.nsg.rules if "open" in rule.name
    ]


async def test_a_server_is_set_free_although_somebody_deleted_its_run_command(street: Street) -> None:
    await street.order(await street.lock())
    await street.arm.client.delete(FILES.gate, VERSION)
    assert not await street.reaches(STRANGER)
    await street.hosts.empty(FILES.gate)
    assert await street.reaches(STRANGER)


async def test_what_is_no_order_of_ours_is_not_guessed_at(street: Street) -> None:
    await street.order(await street.lock())
    document = await street.arm.call("GET", FILES.gate)
    for name, value in (("POSTERN_ISSUED", "9" * 30), ("POSTERN_TARGETS", "eyJwb3N0ZXJuLWxvY2stYWxsIjogNX0")):
        named = [one for one in document["properties"]["parameters"] if one["name"] != name]
        properties = {"source": {"script": "true"}, "parameters": [*named, {"name": name, "value": value}]}
        await street.arm.client.put(FILES.gate, {"location": "westeurope", "properties": properties}, VERSION)
        await street.ended()
        with pytest.raises(Unavailable, match="not the run command that Postern wrote"):
            await street.hosts.group(FILES.gate)


async def test_a_server_is_set_free_whatever_was_made_of_its_run_command(street: Street) -> None:
    await street.order(await street.lock())
    properties = {"source": {"script": "true"}, "parameters": [{"name": "POSTERN_SERIAL", "value": "9" * 30}]}
    await street.arm.client.put(FILES.gate, {"location": "westeurope", "properties": properties}, VERSION)
    await street.ended()
    await street.hosts.empty(FILES.gate)
    assert await street.reaches(STRANGER)


async def test_a_server_that_gets_an_address_of_another_family_still_opens_for_the_first(street: Street) -> None:
    lock = await street.lock()
    await street.order(lock, await street.access())
    both = replace(lock, endpoints=(*lock.endpoints, replace(lock.endpoints[0], address="fd00::4")))
    await street.order(both)
    await street.order(both, await street.access())
    assert [True, False] == [await street.reaches(OFFICE), await street.reaches(STRANGER)]


BREAK, MEND = "rm -rf /var/lib/postern; touch /var/lib/postern", "rm /var/lib/postern"


async def test_after_an_order_that_failed_everything_is_in_doubt_until_one_is_reported(street: Street) -> None:
    await street.order(lock := await street.lock())
    await street.post("/run", {"script": BREAK})
    with pytest.raises(Unavailable, match="failed"):
        await street.order(lock, access := await street.access())
    doubted = (await street.hosts.group(FILES.gate)).nsg
    in_doubt = {("postern-lock-all", False), (f"postern-open-{GRANT}-1", False)}
    assert in_doubt == {(rule.name, rule.settled) for rule in doubted.rules}
    await street.post("/run", {"script": MEND})
    after = await street.order(lock, access)
    assert [True, True] == [rule.settled for rule in after.nsg.rules]
    assert [True, False] == [await street.reaches(OFFICE), await street.reaches(STRANGER)]


async def test_a_lock_that_was_never_reported_is_taken_away_all_the_same(street: Street) -> None:
    await street.post("/run", {"script": BREAK})
    with pytest.raises(Unavailable, match="failed"):
        await street.order(lock := await street.lock())
    await street.post("/run", {"script": MEND})
    after = await street.order(replace(lock, wanted=Wanted.ABSENT))
    assert ((), True) == (after.nsg.rules, await street.reaches(STRANGER))


async def test_what_somebody_changed_on_the_server_is_mended_and_told(street: Street) -> None:
    await street.order(await street.lock())
    await street.post("/run", {"script": "nft delete table inet postern"})
    assert await street.reaches(STRANGER)
    told = await street.hosts.look_again(FILES.gate)
    assert (True, False) == (bool(told), await street.reaches(STRANGER))


async def test_nobody_looks_at_a_gate_that_was_never_written(street: Street) -> None:
    assert () == await street.hosts.look_again(FILES.gate)
