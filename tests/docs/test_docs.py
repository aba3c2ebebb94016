"""The documentation says what the code does."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from emulator.guide import MACHINE
from shared.documents.collections import STATUS
from shared.documents.defender import read_collection, read_initiation
from shared.documents.events import Telling, write_event
from shared.documents.grants import GrantRequest, read_grant_request
from shared.documents.notifications import read_subscription
from shared.documents.policies import read_many, read_policy
from shared.domain.findings import What
from shared.domain.forecasts import Why
from shared.domain.inventory import State as Tab
from shared.domain.lifecycle import TRANSITIONS, Reason, State
from shared.domain.listing import Urgency
from shared.domain.policies import Policy
from shared.domain.receivers import Receivers
from shared.domain.sessions import Fate
from shared.domain.signing import signed_headers
from shared.domain.subscriptions import Kind, Notification
from shared.settings import NAMES
from shared.triggers.endpoints import ENDPOINTS
from shared.webhook_settings import read_webhook_settings
from tests.domain.test_events import grant

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def examples(name: str, section: str) -> list[str]:
    """The JSON examples of one section of a page."""
    text = page(name).partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"```json\n(.*?)```", text, re.DOTALL)


def test_the_picture_of_a_grants_life_is_the_table() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+): (\w+)$", page("architecture.md"), re.MULTILINE))
    table = {(str(a), str(b), str(event)) for (a, event), following in TRANSITIONS.items() for b in following}
    assert table == drawn


def test_the_picture_ends_where_the_table_ends() -> None:
    drawn = set(re.findall(r"^    (\w+) --> \[\*\]$", page("architecture.md"), re.MULTILINE))
    assert {str(state) for state in State} - {str(state) for state, _ in TRANSITIONS} == drawn


def test_every_setting_is_documented_and_no_other() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", page("settings.md"), re.MULTILINE))
    assert set(NAMES) == documented


def test_every_endpoint_has_somebody_to_answer_it() -> None:
    assert [] == [endpoint.name for endpoint in ENDPOINTS if not callable(resolve_name(endpoint.handler))]


def test_every_endpoint_is_documented() -> None:
    pages = page("http-api.md") + page("defender.md")
    documented = set(re.findall(r"^\| `([A-Z]+ /[^`]+)` \|", pages, re.MULTILINE))
    offered = {f"{e.method} /{e.route}" for e in ENDPOINTS} | {"GET /api/health"}
    assert {re.sub(r"{(\w+)}", r"<\1>", call.replace("{*id}", "<machine id>")) for call in offered} == documented


def test_every_reason_and_state_is_named() -> None:
    text = page("http-api.md")
    assert [] == [name for name in (*Reason, *State) if f"`{name}`" not in text]


def test_every_reason_of_the_list_and_every_finding_is_named() -> None:
    told = {*Tab, *Urgency, *Why, *Fate}
    assert [] == [name for name in told if f"`{name}`" not in page("http-api.md")]
    assert [] == [name for name in What if f"`{name}`" not in page("operations.md")]


def test_the_example_policy_is_one() -> None:
    [example] = examples("http-api.md", "A policy")
    assert isinstance(read_policy(example.encode(), timedelta(minutes=5)), Policy)


def test_the_example_of_many_machines_is_one() -> None:
    [example] = examples("http-api.md", "Many machines")
    assert isinstance(read_many(example.encode(), timedelta(minutes=5)), tuple)


def test_the_example_request_is_one() -> None:
    [example] = examples("http-api.md", "A request")
    assert isinstance(read_grant_request(example.encode()), GrantRequest)


def test_the_example_problem_is_json() -> None:
    [example] = examples("http-api.md", "Errors")
    assert {"type", "title", "status", "code", "detail", "issues"} == set(json.loads(example))


def test_the_bodies_of_the_script_for_defender_are_what_is_read_there() -> None:
    text = page("defender.md").replace("$VM", MACHINE).replace("$UNTIL", "2026-11-22T13:00:00.0000000Z")
    policy, request = re.findall(r"<<END\n(.*?)\nEND", text, re.DOTALL)
    assert isinstance(read_collection(policy.encode(), timedelta(minutes=5)), dict)
    assert isinstance(read_initiation(request.encode()), list)


def test_the_codes_of_defenders_paths_are_named() -> None:
    source = (DOCS.parent / "shared" / "triggers" / "defender.py").read_text("utf-8")
    told = re.findall(r"(?:Wrong|cloud_error)\(\s*HTTPStatus\.\w+,\s*\"(\w+)\"", source)
    assert len(told) > 4
    assert [] == [code for code in told if f"`{code[0].upper()}{code[1:]}`" not in page("defender.md")]


def test_the_status_of_every_end_is_explained() -> None:
    assert [] == [word for pair in STATUS.values() for word in pair if f"`{word}`" not in page("defender.md")]


def test_every_kind_of_event_is_documented_and_no_other() -> None:
    documented = re.findall(r"^\| `(io\.postern\.[\w.]+)` \|", page("notifications.md"), re.MULTILINE)
    assert sorted(Kind) == sorted(documented)


def test_the_example_event_has_what_an_event_has() -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", page("notifications.md"), re.DOTALL)[0])
    _, body = write_event(Telling(grant(State.ACTIVE, 1), Kind.OPENED, "https://postern.example.com"))
    written = json.loads(body)
    assert (set(written), set(written["data"])) == (set(shown), set(shown["data"]))
    assert set(shown["data"]["grant"]) <= set(written["data"]["grant"])


def test_the_examples_of_who_is_told_are_read() -> None:
    receivers = Receivers(("hooks.example.com", "*.logic.azure.com"))
    setting, subscription = examples("notifications.md", "Who is told")
    told = {"POSTERN_NOTIFICATIONS": setting, "POSTERN_WEBHOOK_HOSTS": "hooks.example.com"}
    assert 1 == len(read_webhook_settings(told, timedelta()).standing)
    policy = read_policy(json.dumps({"notifications": json.loads(setting)}).encode(), timedelta(minutes=5), receivers)
    assert isinstance(policy, Policy)
    assert isinstance(read_subscription(subscription.encode(), receivers), Notification)


def test_the_check_of_a_signature_works_as_it_stands() -> None:
    [code] = re.findall(r"```python\n(.*?)```", page("notifications.md"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own page.
    secrets, body = [f"whsec_{letter * 32}" for letter in "AB"], b"{}"
    headers = signed_headers(secrets, "1-opened", datetime.now(UTC), body)
    assert [True, True] == [names["is_genuine"](secret, headers, body) for secret in secrets]
    stale = signed_headers(secrets, "1-opened", datetime.now(UTC) - timedelta(hours=1), body)
    assert [False, False] == [names["is_genuine"](secrets[0], *one) for one in ((headers, b"[]"), (stale, body))]


def test_every_place_in_the_code_map_exists() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", page("architecture.md"), re.MULTILINE)
    missing = []
    for row in rows:
        first, *others = re.findall(r"`([^`]+)`", row)
        folder = Path(first).parent
        missing += [p for p in (first, *(str(folder / o) for o in others)) if not (DOCS.parent / p).exists()]
    assert [] == missing


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]
    links = [(p, link) for p in pages for link in re.findall(r"\]\(([^)#:]+)\)", p.read_text())]
    assert [] == [(str(p), link) for p, link in links if not (p.parent / link).exists()]
