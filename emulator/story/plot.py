"""What happens in the story, and what must be true after each step.

Knows the order of events and the claims. Refuses to know how they look on a terminal, and how calls are made.
"""

import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from emulator.story.stage import MACHINE, Json, Rule, Stage, Traffic, Verdict

REQUESTOR: Final = "203.0.113.7"
ATTACKERS: Final = ("192.0.2.66", "203.0.113.8", "192.0.2.200")
SOURCES: Final = (*ATTACKERS, REQUESTOR)
SSH, RDP, HTTPS = 22, 3389, 443
PORTS: Final = (SSH, RDP, HTTPS)
CUSTOMER_RULES: Final = (300, 310, 320)
DURATION: Final = 15  # seconds
SHOWN: Final = 5  # machines of the list, and entries of a kind of the activity
TOLERANCE: Final = 20.0  # seconds after the deadline by which the hole must be closed
POLICY: Final[Json] = {
    "ports": [{"number": SSH, "protocol": "TCP", "maxRequestAccessDuration": "PT1H"}],
    "lock": {"scope": "all", "keepOpen": [HTTPS]},
    "approval": {"required": True},
}


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that must be true, said as a sentence, and whether it was seen to be."""

    text: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """What was seen after a step."""

    verdicts: Sequence[Verdict]
    rules: Sequence[Rule]
    claims: Sequence[Claim]
    machines: Sequence[Json] = ()  # The first of the app's list, where a step has looked at it.
    entries: Sequence[Json] = ()  # The newest of the app's activity, likewise.


@dataclass(slots=True)
class Memory:
    """What later steps need to know of earlier ones."""

    rules: dict[str, str] = field(default_factory=dict)
    machines: list[Json] = field(default_factory=list)
    entries: list[Json] = field(default_factory=list)
    grant: Json = field(default_factory=dict)


class Clock(Protocol):
    """Time, which a test may turn."""

    def now(self) -> datetime:
        """The present moment."""

    async def wait(self, left: float) -> None:
        """A moment passes, of at most `left` seconds."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what a step works with."""

    stage: Stage
    memory: Memory
    clock: Clock


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the story: `act` does it and claims; then the network must let through what `passes` says."""

    title: str
    text: str
    act: Callable[[Cast], Awaitable[list[Claim]]]
    passes: Callable[[str, int], bool]
    traffic: Sequence[Traffic] = ()  # Who is at work afterwards.


async def play(step: Step, cast: Cast) -> Scene:
    """Do it, then look at the network and the rules."""
    claims = await step.act(cast)
    for one in step.traffic:
        await cast.stage.make_traffic(one)
    machines, cast.memory.machines = cast.memory.machines, []
    entries, cast.memory.entries = cast.memory.entries, []
    verdicts = [verdict for source in SOURCES for verdict in await cast.stage.probe(source, PORTS)]
    return Scene(verdicts, await cast.stage.read_rules(), [*claims, *judge(verdicts, step.passes)], machines, entries)


def judge(verdicts: Sequence[Verdict], passes: Callable[[str, int], bool]) -> list[Claim]:
    """One claim for each port: who gets in, and nobody else."""
    return [_judge_port(port, [one for one in verdicts if one.port == port], passes) for port in PORTS]


def _judge_port(port: int, verdicts: Sequence[Verdict], passes: Callable[[str, int], bool]) -> Claim:
    expected = [one.source for one in verdicts if passes(one.source, port)]
    seen = [one.source for one in verdicts if one.passes]
    match expected:
        case []:
            text = f"port {port} is closed to everybody"
        case [source]:
            text = f"port {port} is open to {source} alone"
        case _:
            text = f"port {port} is open to everybody"
    return Claim(text, expected == seen)


async def look_around(cast: Cast) -> list[Claim]:
    rules = await cast.stage.read_rules()
    cast.memory.rules = {rule.name: json.dumps(rule.document, sort_keys=True) for rule in rules}
    priorities = tuple(rule.priority for rule in rules)
    listed = await cast.stage.call("auditor", "GET", "/api/machines?pageSize=200")
    cast.memory.machines = listed["value"][:SHOWN]
    mine = [one for one in listed["value"] if one["name"] == "web-01"]
    return [
        Claim(f"the app's list, the worst first, has {len(listed['value'])} machines", bool(cast.memory.machines)),
        Claim("it says that the Internet reaches web-01", _codes(mine) == ["openToInternet"]),
        Claim("the customer's rules are 300, 310 and 320", priorities == CUSTOMER_RULES),
    ]


def _codes(machines: Sequence[Json]) -> list[str]:
    return [reason["code"] for one in machines for reason in one["reasons"]]


async def lock(cast: Cast) -> list[Claim]:
    await cast.stage.call("administrator", "PUT", f"/api/policies{MACHINE}", POLICY)
    above = [rule for rule in await cast.stage.read_rules() if rule.priority < min(CUSTOMER_RULES)]
    return [
        Claim("the rules above the customer's are ours, and they deny", bool(above) and all(map(_is_lock, above))),
        await claim_untouched(cast),
    ]


async def ask(cast: Cast) -> list[Claim]:
    asked = {
        "machine": MACHINE,
        "ports": [{"number": SSH, "allowedSourceAddressPrefix": REQUESTOR}],
        "duration": f"PT{DURATION}S",
        "justification": "A disk is filling up",
    }
    headers = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "wait=10"}
    grant = await cast.stage.call("requestor", "POST", "/api/grants", asked, **headers)
    again = await cast.stage.call("requestor", "POST", "/api/grants", asked, **headers)
    cast.memory.grant = grant
    return [
        Claim("the request waits for approval", is_in(grant, "pending")),
        Claim("the same request sent twice is one request", again["id"] == grant["id"]),
    ]


async def approve(cast: Cast) -> list[Claim]:
    path, said = f"/api/grants/{cast.memory.grant['id']}/approve", {"comment": "Go ahead"}
    grant = await cast.stage.call("approver", "POST", path, said, Prefer="wait=10")
    cast.memory.grant = grant = await await_state(cast, grant, {"active"}, 10)
    times = f"from {grant.get('startTimeUtc')} to {grant.get('endTimeUtc')}"
    return [
        Claim(f"the grant is active, {times}", is_in(grant, "active")),
        Claim("it says who approved", [one["verdict"] for one in grant.get("decisions", [])] == ["approved"]),
    ]


async def run_out(cast: Cast) -> list[Claim]:
    end = datetime.fromisoformat(cast.memory.grant["endTimeUtc"])
    late = await await_closing(cast, end)
    grant = await await_state(cast, cast.memory.grant, {"expired"}, 10)
    return [
        Claim("the requestor was in until the end", late >= 0),
        Claim(f"the network shut the door {late:.1f} s after it", 0 <= late < TOLERANCE),
        Claim(f"the app says that the grant is {grant['state']}", is_in(grant, "expired")),
    ]


async def await_closing(cast: Cast, end: datetime) -> float:
    """Seconds after `end` (negative: before it) at which the requestor was first denied; `TOLERANCE` when never."""
    while True:
        late = (cast.clock.now() - end).total_seconds()
        [verdict] = await cast.stage.probe(REQUESTOR, (SSH,))
        if not verdict.passes or late >= TOLERANCE:
            return late
        await cast.clock.wait(TOLERANCE - late)


async def look_back(cast: Cast) -> list[Claim]:
    names = [rule.name for rule in await cast.stage.read_rules()]
    grant = await cast.stage.call("requestor", "GET", f"/api/grants/{cast.memory.grant['id']}")
    return [
        Claim("no rule of the grant is left", not [name for name in names if name.startswith("postern-open-")]),
        Claim(f"the app says so too: {grant['state']}, since {grant.get('reason')}", is_in(grant, "expired")),
        await claim_untouched(cast),
    ]


async def look_at_activity(cast: Cast) -> list[Claim]:
    """The app's activity, held against what those who made the traffic have counted themselves."""
    about = f"machine={MACHINE}"
    listed = await cast.stage.call("auditor", "GET", f"/api/activity?{about}&pageSize=200")
    told = await cast.stage.call("auditor", "GET", f"/api/activity/summary?{about}")
    made = await cast.stage.count_traffic()
    attacks = [one for one in listed["value"] if one["kind"] == "attack"]
    inside = [one for one in listed["value"] if one["kind"] == "signIn"]
    cast.memory.entries = [*inside[:SHOWN], *attacks[:SHOWN]]
    denied = {source for source, counted in made["sources"].items() if counted["denied"]}
    number, tied = told["flows"]["denied"], {(one["source"], one["grant"]) for one in inside}
    return [
        Claim(f"it names the {len(denied)} addresses that tried", {one["source"] for one in attacks} == denied),
        Claim("each of them was denied throughout", {one["attack"]["became"] for one in attacks} == {"denied"}),
        Claim(f"it counts {number} attempts, as many as there were", 0 < number == made["total"]["denied"]),
        Claim("the requestor signed in, by the grant", tied == {(REQUESTOR, cast.memory.grant["id"])}),
        Claim("nothing is missing", listed["gaps"] == []),
    ]


async def await_state(cast: Cast, grant: Json, states: set[str], patience: float) -> Json:
    """The grant, read until it is in one of `states` or `patience` seconds are over."""
    deadline = cast.clock.now() + timedelta(seconds=patience)
    while grant["state"] not in states and (left := (deadline - cast.clock.now()).total_seconds()) > 0:
        await cast.clock.wait(left)
        grant = await cast.stage.call("requestor", "GET", f"/api/grants/{grant['id']}")
    return grant


async def claim_untouched(cast: Cast) -> Claim:
    """The customer's rules are, to the byte, what they were at the beginning."""
    now = {rule.name: json.dumps(rule.document, sort_keys=True) for rule in await cast.stage.read_rules()}
    kept = {name: now.get(name) for name in cast.memory.rules}
    return Claim("the customer's own rules are what they were, to the byte", kept == cast.memory.rules)


def is_in(grant: Json, state: str) -> bool:
    return bool(grant["state"] == state)


def _is_lock(rule: Rule) -> bool:
    return rule.name.startswith("postern-lock-") and rule.access == "Deny"
