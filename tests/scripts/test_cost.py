"""What a month costs: made-up prices, and numbers that can be reckoned by hand."""

import csv
import io
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.billing import ITEMS, TIMERS, Price, Tier, Usage, bill, quantities, runs_a_day, total
from scripts.cost import RETAIL, PriceError, main, read_prices, retail

ROOT = Path(__file__).parents[2]
NONE = Usage(machines=0, grants=0, calls=0)
FREE_THEN = Price(Decimal(10), (Tier(Decimal(0), Decimal(0)), Tier(Decimal(5), Decimal(2))))
NUMBERS = st.integers(0, 10**6)
USAGES = st.builds(Usage, NUMBERS, NUMBERS, NUMBERS, st.sampled_from([512, 2048, 4096]), st.floats(0, 300))
AMOUNTS = st.decimals(0, 10**9, places=3)
TIERS = st.dictionaries(st.integers(1, 1000), st.decimals(0, 100, places=4), max_size=4)


def tiered(per: int, first: Decimal, more: dict[int, Decimal]) -> Price:
    return Price(Decimal(per), (Tier(Decimal(0), first), *(Tier(Decimal(at), price) for at, price in more.items())))


PRICES = st.builds(tiered, st.integers(1, 10**6), st.decimals(0, 100, places=4), TIERS)


def asked() -> dict[str, Any]:
    """A file of prices, all of them made up."""
    price = {"per": 1000, "tiers": [{"from": 0, "price": "0.5"}]}
    return {"currency": "XXX", "region": "nowhere", "prices": dict.fromkeys(ITEMS, price)}


def test_the_schedules_are_those_of_the_app() -> None:
    source = "".join(file.read_text("utf-8") for file in (ROOT / "shared" / "triggers").glob("*.py"))
    found = re.findall(r'function_name\("(\w+)"\)\s+@\w+\.timer_trigger\("\w+", schedule="([^"]+)"', source)
    assert dict(TIMERS) == dict(found)


@pytest.mark.parametrize(
    ("schedule", "runs"), [("0 * * * * *", 1440), ("30 */10 * * * *", 144), ("0 0 6,18 * * *", 2), ("*/7 0 0 * * *", 9)]
)
def test_a_schedule_tells_how_often_it_runs(schedule: str, runs: int) -> None:
    assert runs == runs_a_day(schedule)


def test_a_schedule_that_is_not_for_every_day_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="every day"):
        runs_a_day("0 0 0 * * 1")


def test_an_app_that_nobody_uses_runs_its_timers_for_a_second_each() -> None:
    # Two timers every minute and two every ten minutes, for thirty days, at 2 GiB.
    found = quantities(NONE)
    assert (Decimal(95040), Decimal(190080)) == (found["executions"], found["gbSeconds"])


def test_less_than_a_second_is_billed_as_a_second() -> None:
    assert quantities(Usage(3, 4, 5, seconds=0.2)) == quantities(Usage(3, 4, 5, seconds=1.0))


def test_a_tier_has_its_own_price() -> None:
    assert [Decimal(0), Decimal(0), Decimal(10)] == [FREE_THEN.of(Decimal(many)) for many in (10, 50, 100)]


@given(PRICES, AMOUNTS, AMOUNTS)
def test_more_never_costs_less(price: Price, one: Decimal, other: Decimal) -> None:
    assert price.of(min(one, other)) <= price.of(max(one, other))


@given(PRICES)
def test_nothing_costs_nothing(price: Price) -> None:
    assert Decimal(0) == price.of(Decimal(0))


@given(st.integers(1, 10**6), st.decimals(0, 100, places=4), AMOUNTS)
def test_where_there_is_one_tier_cost_is_quantity_times_price(per: int, price: Decimal, many: Decimal) -> None:
    assert tiered(per, price, {}).of(many * per) == pytest.approx(many * price)


@given(USAGES, USAGES)
def test_whoever_uses_no_less_pays_no_less(one: Usage, other: Usage) -> None:
    more = Usage(*(max(pair) for pair in zip(fields(one), fields(other), strict=True)))
    less, most = quantities(one), quantities(more)
    assert [] == [item for item in ITEMS if less[item] > most[item]]


def fields(usage: Usage) -> tuple[Any, ...]:
    return tuple(getattr(usage, name) for name in Usage.__slots__)


@given(USAGES)
def test_a_bill_has_a_line_for_everything_and_comes_to_their_sum(usage: Usage) -> None:
    lines = bill(usage, dict.fromkeys(ITEMS, FREE_THEN))
    assert (list(ITEMS), sum(line.cost for line in lines)) == ([line.item for line in lines], total(lines))


def test_everything_that_is_wrong_with_prices_is_told_at_once() -> None:
    document = asked()
    document["prices"] = {**document["prices"], "executions": {"per": 0, "tiers": []}}
    document["prices"]["gbSeconds"] = {"per": 1, "tiers": [{"from": 0, "price": None}]}
    del document["prices"]["logGigabytes"]
    with pytest.raises(PriceError, match=r"executions .*gbSeconds .*not filled in.*logGigabytes"):
        read_prices(document, None)


def meter(id_: str, start: float, price: float, type_: str = "Consumption") -> dict[str, Any]:
    return {"meterId": id_, "tierMinimumUnits": start, "retailPrice": price, "type": type_, "meterName": f"meter {id_}"}


def pages(*answers: list[dict[str, Any]], elsewhere: str = "") -> Callable[[str], dict[str, Any]]:
    """The API, which has so many pages."""
    left = [*answers]

    def fetch(address: str) -> dict[str, Any]:
        assert address.startswith(f"{RETAIL}?")
        return {"Items": left.pop(0), "NextPageLink": elsewhere or (f"{RETAIL}?page" if left else None)}

    return fetch


def test_the_price_of_a_meter_is_read_with_all_its_tiers() -> None:
    document = asked()
    document["prices"] = {**document["prices"], "executions": {"per": 10, "meterId": "m"}}
    fetch = pages([meter("m", 0, 0), meter("other", 0, 9)], [meter("m", 5, 2), meter("m", 0, 9, "DevTestConsumption")])
    assert FREE_THEN == read_prices(document, fetch)["executions"]


def test_a_meter_is_not_asked_for_unless_that_is_wished() -> None:
    document = asked()
    document["prices"] = {**document["prices"], "executions": {"per": 10, "meterId": "m"}}
    with pytest.raises(PriceError, match="--retail"):
        read_prices(document, None)


def test_a_page_of_prices_that_is_somewhere_else_is_not_read() -> None:
    with pytest.raises(PriceError, match="somewhere else"):
        list(retail(pages([], elsewhere="https://prices.example/api"), "westeurope", "Functions"))


def test_every_assumption_is_a_line_of_the_table_and_of_the_csv(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prices.json").write_text(json.dumps(asked()))
    words = ["month", "--prices", str(tmp_path / "prices.json"), "--machines", "2", "--grants", "3", "--calls", "4"]
    assert [0, 0] == [main(words), main([*words, "--csv"])]
    table, _, sheet = capsys.readouterr().out.partition("item,quantity")
    rows = list(csv.DictReader(io.StringIO(f"item,quantity{sheet}")))
    told = [f"- {row['assumption']}" for row in rows if row["assumption"]]
    assert len(told) > 10
    assert told == [line for line in table.splitlines() if line.startswith("- ")]
    assert [*ITEMS, "together"] == [row["item"] for row in rows if row["item"]]


def test_meters_are_listed_and_a_service_without_any_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["meters", "--region", "westeurope", "--service", "Functions"]
    assert [0, 1] == [main(words, pages([meter("m", 0, 1)])), main(words, pages([]))]
    said = capsys.readouterr()
    assert (True, True) == ("meter m" in said.out, "no meter of Functions" in said.err)


def test_a_template_that_is_not_filled_in_is_no_price_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["template"])
    (tmp_path / "prices.json").write_text(capsys.readouterr().out)
    words = ["--machines", "1", "--grants", "1", "--calls", "1"]
    assert 1 == main(["month", "--prices", str(tmp_path / "prices.json"), *words])
    told = capsys.readouterr().err
    assert [] == [item for item in ITEMS if item not in told]
