"""The story's hands and eyes: calls to the app as its users make them, and looks at the network behind its back.

Knows HTTP alone: the app's public API, ARM's GET of a network security group, and the box's packet oracle. Refuses to
know what should be true; that is the plot's.
"""

from dataclasses import dataclass
from typing import Any

import httpx

from emulator.box import Site
from emulator.environment import SUBSCRIPTION

type Json = dict[str, Any]

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/demo/providers"
MACHINE = f"{GROUP}/Microsoft.Compute/virtualMachines/web-01"
NSG = f"{GROUP}/Microsoft.Network/networkSecurityGroups/web-01-nsg"
NSG_VERSION = "2024-05-01"


class StageError(Exception):
    """The app or the box answered with an error; the text is the whole answer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the network does with one flow, and the rule that says so (None: no rule, no network security group)."""

    source: str
    port: int
    passes: bool
    rule: str | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """So many connections that somebody tries to open to the machine, in the second that has just passed."""

    scenario: str
    flows: int
    seed: int
    source: str = ""  # The user's address, where there is one.


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of a network security group, as ARM tells it. `document` is the whole of it but what changes by itself."""

    priority: int
    name: str
    access: str
    sources: str
    destinations: str
    protocol: str
    ports: str
    document: Json


class Stage:
    """The running box at `site`, with the accounts that play a part."""

    def __init__(self, client: httpx.AsyncClient, site: Site) -> None:
        self._client = client
        self._site = site
        self._tokens: dict[str, str] = {}

    async def call(self, user: str, method: str, path: str, body: Json | None = None, **headers: str) -> Json:
        """A call to the app as `user`; `StageError` unless it succeeds."""
        if user not in self._tokens:
            signed = await self._send("POST", f"{self._site.postern}/.auth/local/token", json={"user": user})
            self._tokens[user] = signed["access_token"]
        sent = {"Authorization": f"Bearer {self._tokens[user]}", **headers}
        return await self._send(method, f"{self._site.postern}{path}", json=body, headers=sent)

    async def probe(self, source: str, ports: tuple[int, ...]) -> list[Verdict]:
        """What happens now to packets from `source` to the machine."""
        body = {"source": source, "machine": MACHINE, "port": list(ports), "protocol": "Tcp"}
        answer = await self._send("POST", f"{self._site.emulator}/_box/packets", json=body)
        return [Verdict(source, one["port"], one["passes"], one["rule"]) for one in answer["results"]]

    async def read_rules(self) -> list[Rule]:
        """The inbound rules of the machine's network security group, as Azure evaluates them: lowest number first."""
        arm = self._site.emulator
        token = await self._send("POST", f"{arm}/_box/token", json={"audience": "https://management.azure.com"})
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        group = await self._send("GET", f"{arm}{NSG}", params={"api-version": NSG_VERSION}, headers=headers)
        rules = [rule for rule in group["properties"]["securityRules"] if rule["properties"]["direction"] == "Inbound"]
        return sorted((_read_rule(rule) for rule in rules), key=lambda rule: rule.priority)

    async def make_traffic(self, traffic: Traffic) -> None:
        """Have somebody at work; what the logs tell of it can be read at once."""
        body = {"scenario": traffic.scenario, "flows": traffic.flows, "seed": traffic.seed, "machines": [MACHINE]}
        source = {"from": traffic.source} if traffic.source else {}
        await self._send("POST", f"{self._site.emulator}/_box/traffic", json={**body, **source, "seconds": 1, "lag": 0})

    async def count_traffic(self) -> Json:
        """How many connections there were, counted by those who tried to open them."""
        return await self._send("GET", f"{self._site.emulator}/_box/traffic?count=true&machine={MACHINE}")

    async def _send(self, method: str, url: str, **options: Any) -> Json:  # noqa: ANN401 - httpx's own options.
        return _read(await self._client.request(method, url, **options))


def _read(answer: httpx.Response) -> Json:
    if answer.is_success:
        document: Json = answer.json() if answer.content else {}
        return document
    request = answer.request
    status = f"{answer.status_code} {answer.reason_phrase}"
    raise StageError(f"{request.method} {request.url.path} answered {status}\n{answer.text}")


def _read_rule(rule: Json) -> Rule:
    properties = rule["properties"]
    return Rule(
        priority=properties["priority"],
        name=rule["name"],
        access=properties["access"],
        sources=_join(properties, "sourceAddressPrefix"),
        destinations=_join(properties, "destinationAddressPrefix"),
        protocol=properties["protocol"],
        ports=_join(properties, "destinationPortRange"),
        # The etag is the whole group's: it changes with every write to a neighbour.
        document={name: value for name, value in rule.items() if name != "etag"},
    )


def _join(properties: Json, name: str) -> str:
    plural = f"{name}es" if name.endswith("x") else f"{name}s"
    return ", ".join([properties[name]] if properties.get(name) else properties.get(plural, []))
