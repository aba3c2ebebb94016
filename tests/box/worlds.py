"""A tiny Postern with a tiny Azure around it, as a program behind httpx: what the story speaks to in its own tests.

It plays its part well, or badly in one named way; the story must notice each.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

type Json = dict[str, Any]

BEGINNING = datetime(2027, 1, 1, tzinfo=UTC)
BOT, USER = "198.18.0.1", "203.0.113.7"


@dataclass(slots=True)
class Clock:
    """Time passes when somebody waits, and only then."""

    time: datetime = BEGINNING

    def now(self) -> datetime:
        return self.time

    async def wait(self, left: float) -> None:
        self.time += timedelta(seconds=min(left, 0.5))


def make_rule(priority: int, name: str, access: str, source: str, port: str) -> Json:
    return {
        "name": name,
        "properties": {
            "priority": priority,
            "direction": "Inbound",
            "access": access,
            "protocol": "Tcp",
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": "*",
            "destinationPortRanges": [port],
        },
    }


def customer_rules() -> list[Json]:
    return [
        make_rule(300, "allow-rdp", "Allow", "Internet", "3389"),
        make_rule(310, "allow-ssh", "Allow", "*", "22"),
        make_rule(320, "allow-https", "Allow", "*", "443"),
    ]


@dataclass(slots=True)
class World:
    """What goes wrong: "lists wrongly", "no lock", "opens unasked", "open to all", "closes early", and so on.

    Or nothing, without a name.
    """

    flaw: str = ""
    clock: Clock = field(default_factory=Clock)
    rules: list[Json] = field(default_factory=customer_rules)
    grant: Json = field(default_factory=dict)
    source: str = ""
    denied: int = 0

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self._close()
        body = json.loads(request.content) if request.content else {}
        parts: dict[str, Callable[[], Json]] = {
            "token": lambda: {"access_token": "t"},
            "packets": lambda: {"results": [self._judge(body["source"], port) for port in body["port"]]},
            "web-01-nsg": lambda: {"properties": {"securityRules": self.rules}},
            "web-01": self._lock,
            "machines": self._list,
            "grants": lambda: self._ask(body),
            "approve": self._open,
            "traffic": lambda: self._traffic(body) if request.method == "POST" else self._count(),
            "activity": self._activity,
            "summary": lambda: {"flows": {"denied": self.denied + (self.flaw == "counts wrongly")}},
            "g1": lambda: self.grant,
        }
        name = request.url.path.rsplit("/", 1)[1]
        if self.flaw == "refuses" and name == "grants":
            return httpx.Response(422, json={"code": "refused", "detail": "not today"})
        return httpx.Response(200, json=parts[name]())

    def _list(self) -> Json:
        code = "holds" if self.flaw == "lists wrongly" else "openToInternet"
        reason = {"code": code, "message": "The Internet reaches 22 through allow-ssh."}
        return {"value": [{"name": "web-01", "urgency": "high", "reasons": [reason]}]}

    def _lock(self) -> Json:
        if self.flaw != "no lock":
            self._add(299, "postern-lock-1", "Deny", "*", "22")
            self._add(298, "postern-lock-2", "Deny", "*", "3389")
        if self.flaw == "edits":
            self.rules[2] = make_rule(310, "allow-ssh", "Allow", "*", "22 ")
        return {}

    def _traffic(self, body: Json) -> Json:
        self.denied += 0 if "from" in body else body["flows"]
        return {}

    def _count(self) -> Json:
        return {"total": {"denied": self.denied}, "sources": {BOT: {"denied": self.denied}, USER: {"denied": 0}}}

    def _activity(self) -> Json:
        became = "reached" if self.flaw == "lets a bot in" else "denied"
        grant = None if self.flaw == "ties nothing" else "g1"
        attack: Json = {"kind": "attack", "source": BOT, "attack": {"became": became}, "grant": None}
        sign_in: Json = {"kind": "signIn", "source": USER, "grant": grant}
        found = [sign_in] if self.flaw == "hides a bot" else [sign_in, attack]
        gaps = [{"code": "stale"}] if self.flaw == "is late" else []
        return {"value": [{**one, "at": "2027-01-01T00:00:00Z", "text": "."} for one in found], "gaps": gaps}

    def _ask(self, body: Json) -> Json:
        if not self.grant:
            self.grant = {"id": "g1", "state": "pending", "endTimeUtc": None}
            self.source = "*" if self.flaw == "open to all" else body["ports"][0]["allowedSourceAddressPrefix"]
            if self.flaw == "opens unasked":
                self._open()
        return self.grant

    def _open(self) -> Json:
        end = self.clock.now() + timedelta(seconds=15)
        self.grant |= {"state": "active", "endTimeUtc": end.isoformat(), "decisions": [{"verdict": "approved"}]}
        self._add(200, "postern-open-g1-1", "Allow", self.source, "22")
        return self.grant

    def _close(self) -> None:
        early = timedelta(seconds=5 if self.flaw == "closes early" else 0)
        if self.grant.get("endTimeUtc") and self.clock.now() > datetime.fromisoformat(self.grant["endTimeUtc"]) - early:
            self.grant["state"] = "expired"
            if self.flaw != "never closes":
                self.rules = [rule for rule in self.rules if not rule["name"].startswith("postern-open-")]

    def _add(self, priority: int, name: str, access: str, source: str, port: str) -> None:
        self.rules = sorted(
            [*self.rules, make_rule(priority, name, access, source, port)],
            key=lambda rule: int(rule["properties"]["priority"]),
        )

    def _judge(self, source: str, port: int) -> Json:
        for rule in self.rules:
            properties = rule["properties"]
            if properties["sourceAddressPrefix"] in {"*", "Internet", source} and str(port) in str(
                properties["destinationPortRanges"]
            ):
                return {"port": port, "passes": properties["access"] == "Allow", "rule": rule["name"]}
        return {"port": port, "passes": False, "rule": "DenyAllInBound"}
