"""Computers and costs as callers get them: money to the last digit, and tables that no spreadsheet computes."""

import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents.computers import write_computer, write_computer_sheet, write_computers_page
from shared.documents.costs import write_cost_sheet, write_costs, write_money
from shared.domain.computers import Computer
from shared.domain.costs import Bill, Billing, Node, Price, count
from shared.domain.evidence import Gap, Lack
from shared.domain.onboarding import Place
from shared.domain.readiness import Look, State
from tests.domain.test_computers import BEAT, DC_01
from tests.domain.values import NOW, SUBSCRIPTION

EVIL, SCRIPT = "=1+1", "@SUM(A1)"
PLACE = Place(SUBSCRIPTION, "onpremises", "westeurope")
GAP = Gap(Lack.NO_WORKSPACE, "POSTERN_WORKSPACE", "Not known.")
PRICE = Price(Decimal("14.60"), "USD", "POSTERN_NODE_PRICE")
NODES = [
    Node("s1", EVIL, (("team", SCRIPT),), Billing.BILLED),
    Node("s1", "demo", (), Billing.DEALLOCATED),
    Node("", "", (), Billing.NOT_ONBOARDED),
]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_server_is_written_with_all_that_is_known_of_it() -> None:
    written = write_computer(Computer(DC_01, (BEAT,)), State.READY, Look(NOW), PLACE)
    known = {"name": "DC-01", "state": "ready", "resourceGroup": "OnPremises", "os": "Windows", "status": "Connected"}
    assert known == {name: value for name, value in written.items() if name in known}
    assert {"text": "Nothing is to be done.", "shell": None, "commands": []} == written["next"]


def test_what_only_azure_arc_knows_is_null_where_it_does_not_know_the_computer() -> None:
    written = write_computer(Computer(None, (BEAT,)), State.NOT_ONBOARDED, Look(NOW), PLACE)
    nulls = {"id", "subscription", "resourceGroup", "location", "product", "status", "statusSince", "agentVersion"}
    assert nulls == {name for name, value in written.items() if value is None}


def test_the_table_of_computers_has_a_line_for_each_and_for_each_gap_and_no_formula() -> None:
    evil = Computer(None, (replace(BEAT, computer=EVIL),))
    server = Computer(replace(DC_01, tags=(("team", SCRIPT),), product=SCRIPT), (BEAT,))
    written = [
        write_computer(evil, State.NOT_ONBOARDED, Look(NOW), PLACE),
        write_computer(server, State.READY, Look(NOW), PLACE),
    ]
    table = rows(write_computer_sheet(write_computers_page(written, None, {}, NOW, [GAP])))
    assert [f"'{EVIL}", "DC-01", ""] == [row["name"] for row in table]
    assert (f"'{SCRIPT}", "noWorkspace: Not known.") == (table[1]["product"], table[2]["unknown"])
    assert [] == [cell for row in table for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    ("money", "expected"),
    [("15", "15.00"), ("14.6", "14.60"), ("0.0001", "0.0001"), ("-3", "-3.00"), ("1E+3", "1000.00"), ("0", "0.00")],
)
def test_money_is_written_to_the_last_digit(money: str, expected: str) -> None:
    assert expected == write_money(Decimal(money))


@given(st.decimals(-(10**9), 10**9, places=6))
def test_no_money_is_lost_in_writing(money: Decimal) -> None:
    assert money == Decimal(write_money(money))


def test_the_costs_are_nodes_times_the_price_and_the_difference_is_to_what_postern_costs() -> None:
    written = write_costs(Bill(count(NODES), PRICE, Decimal("9.99")), NOW, [])
    assert {"nodes": 3, "amount": "43.80", "billedNodes": 1, "billedAmount": "14.60"} == written["total"]
    assert {"amount": "9.99", "difference": "33.81", "billedDifference": "4.61"} == written["ownCost"]
    assert {"deallocated": 1, "disconnected": 0, "notOnboarded": 1, "unknown": 0} == written["notBilled"]
    assert {"amount": "14.60", "currency": "USD", "source": "POSTERN_NODE_PRICE", "asOf": None} == written["price"]


def test_what_postern_costs_is_not_told_where_nobody_says_it_nor_a_tag_where_none_is_asked_for() -> None:
    written = write_costs(Bill(count(NODES), PRICE), NOW, [])
    assert (None, None) == (written["ownCost"], written["tag"])


def test_the_table_of_costs_has_the_parts_the_total_and_no_formula() -> None:
    bill = Bill(count(NODES, "team"), PRICE, Decimal(50), "team")
    table = rows(write_cost_sheet(write_costs(bill, NOW, [GAP])))
    groups = [(row["name"], row["amount"]) for row in table if row["of"] == "resource group"]
    assert [(f"'{EVIL}", "14.60"), ("demo", "14.60"), ("", "14.60")] == groups
    assert ["43.80", "50.00", "'-6.20"] == [
        row["amount"] for row in table if row["of"] in {"total", "Postern", "difference"}
    ]
    assert ["Not known."] == [row["note"] for row in table if row["of"] == "gap"]
    assert f"'{SCRIPT}" in {row["name"] for row in table if row["of"] == "tag team"}
