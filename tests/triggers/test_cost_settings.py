"""What the operator says about money."""

from decimal import Decimal

import pytest

from shared.cost_settings import DEFAULT, CostSettings, cost_faults, read_cost_settings
from shared.domain.costs import Price
from shared.settings import SettingsError, check_settings, read_costs, read_settings
from tests.triggers.test_settings import GOOD, GUID

WRONG = {"POSTERN_NODE_PRICE": "15 USD", "POSTERN_NODE_CURRENCY": "dollar", "POSTERN_OWN_COST": "-1"}


def test_what_is_not_said_has_its_default_which_says_whose_word_and_of_which_day_it_is() -> None:
    assert CostSettings(DEFAULT, None) == read_cost_settings({}) == read_cost_settings(dict.fromkeys(WRONG, " "))
    assert (Decimal(15), "USD", "2026-11-27") == (DEFAULT.amount, DEFAULT.currency, DEFAULT.as_of)
    assert "not Microsoft's price list" in DEFAULT.source


def test_everything_that_is_said_is_read() -> None:
    said = {"POSTERN_NODE_PRICE": "12.345", "POSTERN_NODE_CURRENCY": "EUR", "POSTERN_OWN_COST": "9"}
    price = Price(Decimal("12.345"), "EUR", "POSTERN_NODE_PRICE")
    assert CostSettings(price, Decimal(9)) == read_cost_settings(said)


def test_the_currency_is_the_defaults_where_only_a_price_is_said() -> None:
    assert "USD" == read_cost_settings({"POSTERN_NODE_PRICE": "1"}).price.currency


@pytest.mark.parametrize("name", WRONG)
def test_each_fault_is_named_alone(name: str) -> None:
    [fault] = cost_faults({"POSTERN_NODE_PRICE": "15", name: WRONG[name]})
    assert fault.startswith(f"{name} must hold ")


def test_the_default_is_not_told_in_another_currency() -> None:
    [fault] = cost_faults({"POSTERN_NODE_CURRENCY": "EUR"})
    assert fault.startswith("POSTERN_NODE_PRICE must hold a price")


@pytest.mark.parametrize("text", ["", "1e9", "NaN", "1,50", "٣", ".5", "1.", "Infinity"])
def test_money_is_a_plain_number(text: str) -> None:
    assert bool(text) == bool(cost_faults({"POSTERN_OWN_COST": text}))


def test_the_health_check_names_all_faults_at_once() -> None:
    with pytest.raises(SettingsError) as told:
        check_settings({**GOOD, **WRONG})
    assert [] == [name for name in WRONG if name not in str(told.value)]


def test_a_slip_in_them_keeps_nothing_but_the_costs_from_being_told() -> None:
    assert (GUID,) == read_settings({**GOOD, **WRONG}).subscriptions
    with pytest.raises(SettingsError):
        read_costs(WRONG)


@pytest.mark.parametrize(("text", "expected"), [("", ""), (f" {GUID.upper()} ", GUID), ("contoso.example", "")])
def test_the_tenant_is_named_by_its_id_and_a_slip_in_it_keeps_nothing_else_from_working(
    text: str, expected: str
) -> None:
    assert expected == read_settings({**GOOD, "AZURE_TENANT_ID": text}).tenant


def test_the_health_check_names_a_tenant_that_is_none() -> None:
    with pytest.raises(SettingsError, match="AZURE_TENANT_ID must hold "):
        check_settings({**GOOD, "AZURE_TENANT_ID": "contoso.example"})
