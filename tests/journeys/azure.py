"""Azure as it really stands behind the app's back: ARM's own answers, the packets' fate, and what shall go wrong.

Knows the control API and ARM. Refuses to believe anything that the app says.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import NOT_FOUND
from typing import Final

from emulator.box import Box
from emulator.environment import ACCOUNT, SUBSCRIPTION
from tests.journeys.client import LOOK_AGAIN, Json, machine, watch

NETWORK: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/demo/providers/Microsoft.Network"
GROUPS: Final = f"{NETWORK}/networkSecurityGroups"
FINDINGS: Final = frozenset({
    "lockMissing", "lockEdited", "lockOutranked", "ruleOrphaned", "machineChanged", "machineGone", "groupMissing",
    "exposed", "holdsAgain", "flushSwitchedOff", "flushLeftOn", "brokeIn", "passedLock",
})  # fmt: skip
INSIDE, PROBE, ATTACKER = "10.0.0.200", "168.63.129.16", "192.0.2.77"
SOURCES: Final = ("203.0.113.7", "203.0.113.8", ATTACKER, "8.8.8.8", "198.51.100.4", INSIDE, "10.1.0.4", PROBE)
WELL_KNOWN: Final = (*range(1024), 1433, 1521, 2049, 3306, 3389, 5432, 5900, 5985, 5986, 6379, 8080, 8443, 9200, 27017)
PROTOCOLS: Final = ("Tcp", "Udp", "Icmp")


@dataclass(frozen=True, slots=True)
class Azure:
    """The emulated Azure of a box."""

    box: Box

    async def control(self, method: str, path: str, body: object = None) -> Json:
        """A call to the box's control API."""
        url = f"{self.box.site.emulator}/_box/{path}"
        answer: Json = (await self.box.client.request(method, url, json=body)).raise_for_status().json()
        return answer

    async def passing(self, name: str, source: str, ports: Iterable[int], protocol: str = "Tcp") -> set[int]:
        """Those of the ports that packets from `source` reach."""
        body = {"source": source, "machine": machine(name), "port": list(ports), "protocol": protocol}
        return {one["port"] for one in (await self.control("POST", "packets", body))["results"] if one["passes"]}

    async def passes(self, name: str, source: str, port: int, protocol: str = "Tcp") -> bool:
        """Whether packets from `source` reach this port."""
        return bool(await self.passing(name, source, [port], protocol))

    async def open_to(self, name: str, ports: Iterable[int] = (22,)) -> dict[str, set[int]]:
        """For each of many sources that gets in over TCP, where."""
        found = {source: await self.passing(name, source, ports) for source in SOURCES}
        return {source: ports for source, ports in found.items() if ports}

    async def arm(self, method: str, path: str, body: object = None) -> Json:
        """A call to ARM by somebody else than the app, which must succeed."""
        token = (await self.control("POST", "token", {"audience": "https://management.azure.com"}))["access_token"]
        answer = await self.box.client.request(
            method,
            f"{self.box.site.emulator}{path}",
            params={"api-version": "2024-05-01"},
            headers={"Authorization": f"Bearer {token}"},
            json=body,
        )
        document: Json = answer.raise_for_status().json() if answer.content else {}
        return document

    async def rules(self, nsg: str) -> dict[str, str]:
        """The rules of a group by name, each as the JSON that ARM gives but for the etag, which is the group's."""
        group = await self.arm("GET", f"{GROUPS}/{nsg}")
        found = group["properties"]["securityRules"]
        bare = ({name: value for name, value in rule.items() if name != "etag"} for rule in found)
        return {str(rule["name"]): json.dumps(rule, sort_keys=True) for rule in bare}

    async def ours(self, nsg: str, mark: str = "postern-") -> list[str]:
        """The names of the app's rules in a group."""
        return sorted(name for name in await self.rules(nsg) if name.startswith(mark))

    async def until_ours(self, nsg: str, number: int, mark: str = "postern-", patience: float = 10) -> list[str]:
        """The app's rules in a group as soon as there are so many, or as they are after `patience` seconds."""
        found = await watch(lambda: self.ours(nsg, mark), lambda names: len(names) == number, patience)
        assert number == len(found)
        return found

    async def put_rule(self, nsg: str, name: str, properties: Json) -> None:
        """Somebody else writes a rule; it is in force afterwards."""
        await self.arm("PUT", f"{GROUPS}/{nsg}/securityRules/{name}", {"properties": properties})

    async def rule(self, nsg: str, name: str) -> Json:
        """The properties of a rule."""
        properties: Json = (await self.arm("GET", f"{GROUPS}/{nsg}/securityRules/{name}"))["properties"]
        return properties

    async def delete_rule(self, nsg: str, name: str) -> None:
        """Somebody else takes a rule away; it is gone afterwards."""
        await self.arm("DELETE", f"{GROUPS}/{nsg}/securityRules/{name}")

    async def connect(self, name: str, source: str, port: int = 22) -> int | None:
        """Open a session, which lives until something cuts it; None when its first packet does not pass."""
        body = {"source": source, "machine": machine(name), "port": port}
        session = (await self.control("POST", "sessions", body))["session"]
        return int(session["id"]) if session else None

    async def established(self) -> list[int]:
        """The sessions that were not cut."""
        return [one["id"] for one in (await self.control("GET", "sessions"))["sessions"] if one["established"]]

    async def flush(self, nsg: str) -> tuple[bool, bool]:
        """Whether a group's flushConnection is on, and whether the app says that it switched it on."""
        group = await self.arm("GET", f"{GROUPS}/{nsg}")
        return bool(group["properties"].get("flushConnection")), "postern-flush-connection" in (group.get("tags") or {})

    async def set_flush(self, nsg: str, *, on: bool) -> None:
        """Somebody else switches flushConnection, as their template says, which knows no tag of the app's."""
        group = await self.arm("GET", f"{GROUPS}/{nsg}")
        group["properties"]["flushConnection"] = on
        await self.arm("PUT", f"{GROUPS}/{nsg}", {**group, "tags": {}})

    async def quick(self) -> None:
        """Make operations end at once."""
        await self.control("POST", "latency", {"operation": 0})

    async def fault(self, kind: str, method: str, path: str, *, times: int = 1, seconds: float = 0) -> None:
        """Have the next matching calls go wrong."""
        match = {"method": method, "path": path}
        await self.control("POST", "faults", {"match": match, "kind": kind, "times": times, "seconds": seconds})

    async def disarm(self) -> None:
        """Nothing goes wrong any more."""
        await self.control("DELETE", "faults")

    async def until_faulty(self, patience: float = 20) -> None:
        """Return when all programmed faults have been met. Raises TimeoutError."""

        async def armed() -> list[Json]:
            faults: list[Json] = (await self.control("GET", "faults"))["faults"]
            return faults

        if await watch(armed, lambda faults: not faults, patience):
            raise TimeoutError("nobody met the fault")

    async def calls(self, path: str = "", since: int = 0) -> list[str]:
        """The methods of the calls that ARM got, oldest first, of those whose path has `path` in it."""
        calls = (await self.control("GET", f"calls?since={since}"))["calls"]
        return [call["method"] for call in calls if path in call["path"]]

    async def until_quiet(self, seconds: float = 0.75) -> None:
        """Return when nobody has called ARM for so long; the app never pauses longer inside a piece of work."""
        quiet = round(seconds / LOOK_AGAIN)
        seen: list[int] = []

        async def count() -> list[int]:
            seen.append(len(await self.calls()))
            return seen

        await watch(count, lambda numbers: len(numbers) > quiet and len(set(numbers[-quiet:])) == 1, patience=30)

    async def interface(self, name: str) -> Json:
        """A network interface as ARM gives it."""
        return await self.arm("GET", f"{NETWORK}/networkInterfaces/{name}")

    async def group_names(self) -> set[str]:
        """The names of all groups."""
        return {str(one["name"]) for one in (await self.arm("GET", GROUPS))["value"]}

    async def records(self) -> list[Json]:
        """The audit, oldest first, as it stands in Table Storage."""
        token = (await self.control("POST", "token", {"audience": "https://storage.azure.com"}))["access_token"]
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json;odata=nometadata",
            "x-ms-version": "2020-12-06",
        }
        url = f"https://127.0.0.1:{self.box.site.ports.tables}/{ACCOUNT}/audit()"
        answer = await self.box.client.get(url, headers=headers)
        # Before the first record there is no table.
        found: list[Json] = [] if answer.status_code == NOT_FOUND else answer.raise_for_status().json()["value"]
        return found

    async def findings(self) -> list[tuple[str, str]]:
        """What was found to have drifted, oldest first: the kind, and the name of the machine or group."""
        return [(one["kind"], one["subject"].split("/")[-1]) for one in await self.records() if one["kind"] in FINDINGS]

    async def writes(self, since: int) -> Counter[str]:
        """How often each group was written after a call, by its name."""
        calls = (await self.control("GET", f"calls?since={since}"))["calls"]
        written = (call["path"] for call in calls if call["method"] in {"PUT", "PATCH", "DELETE"})
        return Counter(path.split("/")[8].split("?")[0] for path in written)
