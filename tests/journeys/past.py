"""Looking back as callers do, and the traffic that there is to look back on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from tests.journeys.azure import Azure
from tests.journeys.client import USER, Json, Postern, machine, read, watch

BOT: Final = "198.51.100.77"


def _a_day_ago() -> str:
    """Each time another: what the app was told of one time it would tell again for a while."""
    return f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%S.%fZ}"


@dataclass(frozen=True, slots=True)
class Past:
    """The app's activity, and who was at work."""

    postern: Postern
    azure: Azure

    async def traffic(self, scenario: str, flows: int, name: str = "web-01", source: str = "", **more: object) -> Json:
        """Somebody at work in the second that has just passed; the logs tell of it at once."""
        body = {"scenario": scenario, "flows": flows, "machines": [machine(name)], "seconds": 1, "lag": 0, **more}
        return await self.azure.control("POST", "traffic", {**body, **({"from": source} if source else {})})

    async def knock(self, source: str = BOT, flows: int = 3, name: str = "web-01") -> Json:
        """Somebody who tries to sign in from one address."""
        return await self.traffic("user", flows, name, source)

    async def rows(self, table: str, **row: object) -> None:
        """A row in the logs."""
        await self.azure.control("POST", "logs", {"table": table, "rows": [row]})

    async def activity(self, user: str = "auditor", name: str | None = "web-01", **query: Any) -> Json:  # noqa: ANN401 - a query.
        """A page of the activity of a machine, or of all."""
        asked = {**({"machine": machine(name)} if name else {}), "from": _a_day_ago(), **query}
        return read(await self.postern.call(user, "GET", f"/api/activity?{urlencode(asked)}"), 200)

    async def entries(self, kind: str, user: str = "auditor", **query: str) -> list[Json]:
        """The entries of one kind."""
        found: list[Json] = (await self.activity(user, **{"kind": kind, "pageSize": "200", **query}))["value"]
        return found

    async def summary(self, name: str = "web-01") -> Json:
        """The activity of a machine in numbers."""
        path = f"/api/activity/summary?{urlencode({'machine': machine(name), 'from': _a_day_ago()})}"
        return read(await self.postern.call("auditor", "GET", path), 200)

    async def stay(self, source: str = USER) -> Json:
        """A grant that is open."""
        asked = {"machine": machine("web-01"), "ports": [{"number": 22, "allowedSourceAddressPrefix": source}]}
        body = {**asked, "duration": "PT10M", "justification": "To see what is wrong"}
        return read(await self.postern.call("requestor", "POST", "/api/grants", body, Prefer="wait=20"), 201)

    async def until_told(self, kind: str, patience: float = 15) -> list[Json]:
        """The entries of a kind as soon as there are any, or none after `patience` seconds."""
        return await watch(lambda: self.entries(kind), bool, patience)
