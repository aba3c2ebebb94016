"""What docs/computers.md says of states, checks and codes is what the code does."""

import re
from urllib.parse import parse_qs, urlsplit

from shared.cost_settings import DEFAULT
from shared.documents.answers.computers import CheckAnswer
from shared.domain.onboarding import Place, faults
from shared.domain.readiness import OLDEST_AGENT, SILENCE, State
from tests.docs.test_docs import page

PAGE = page("computers.md")


def test_every_state_stands_in_the_table_in_the_order_in_which_they_are_decided() -> None:
    assert list(map(str, State)) == re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)[1:]


def test_every_check_is_named() -> None:
    codes = re.findall(r"'(\w+)'", str(CheckAnswer.__annotations__["code"]))
    assert {"onboarded", "heartbeat"} < set(codes)
    assert [] == [code for code in codes if f"`{code}`" not in PAGE]


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"older than {'.'.join(map(str, OLDEST_AGENT))}" in PAGE
    assert f"for {SILENCE.seconds // 60} minutes" in PAGE
    assert f"{DEFAULT.amount} {DEFAULT.currency}" in PAGE


def test_the_example_of_onboarding_is_one() -> None:
    [call] = re.findall(r"^GET (/api/computers/onboarding\S+)$", PAGE, re.MULTILINE)
    asked = {name: value for name, [value] in parse_qs(urlsplit(call).query).items()}
    place = Place(asked["subscription"], asked["resourceGroup"], asked["location"])
    assert [] == list(faults(place, asked["os"], (asked["subscription"],)))
