"""What nodes cost, as callers get it: money is a decimal number in a text, and never rounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from shared.documents.activity import write_gap
from shared.documents.answers.computers import (
    CostsAnswer,
    NotBilledAnswer,
    OwnCostAnswer,
    PartAnswer,
    PriceAnswer,
    TallyAnswer,
)
from shared.documents.fields import write_time
from shared.documents.sheets import write_table
from shared.domain.costs import Bill, Billing, Counted, Part, Price, Tally, amount
from shared.domain.evidence import Gap

_CENTS: Final = 2
_COLUMNS: Final = ("of", "subscription", "name", "nodes", "amount", "billedNodes", "billedAmount", "currency", "note")


def write_costs(bill: Bill, at: datetime, gaps: Iterable[Gap]) -> CostsAnswer:
    """What the nodes cost, when they were counted, and what that does not hold."""
    counted, price = bill.counted, bill.price
    return {
        "price": _write_price(price),
        "total": _write_tally(counted.total, price),
        "notBilled": _write_not_billed(counted),
        "ownCost": None if bill.own is None else _write_own(counted.total, price, bill.own),
        "subscriptions": _write_parts(counted.subscriptions, price),
        "resourceGroups": _write_parts(counted.groups, price),
        "tag": {"name": bill.tag, "values": _write_parts(counted.values, price)} if bill.tag else None,
        "asOf": write_time(at),
        "gaps": [write_gap(gap) for gap in gaps],
    }


def write_money(money: Decimal) -> str:
    """An amount with at least two places after the point, and all that it has."""
    return f"{money:f}" if -int(money.as_tuple().exponent) > _CENTS else f"{money:.{_CENTS}f}"


def write_cost_sheet(costs: CostsAnswer) -> str:
    """The costs as a table: the parts, the total, what Postern costs, and what was not counted."""
    return write_table(_COLUMNS, _rows(costs))


def _rows(costs: CostsAnswer) -> Iterator[Iterable[str]]:
    currency, tag = costs["price"]["currency"], costs["tag"]
    tagged = [(f"tag {tag['name']}", tag["values"])] if tag else []
    for of, parts in (
        ("subscription", costs["subscriptions"]), ("resource group", costs["resourceGroups"]), *tagged,
    ):  # fmt: skip
        for part in parts:
            yield (of, part["subscription"] or "", part["name"] or "", *_numbers(part), currency, "")
    yield ("total", "", "", *_numbers(costs["total"]), currency, costs["price"]["source"])
    if own := costs["ownCost"]:
        yield ("Postern", "", "", "", own["amount"], "", own["amount"], currency, "As POSTERN_OWN_COST says.")
        yield ("difference", "", "", "", own["difference"], "", own["billedDifference"], currency, "")
    for gap in costs["gaps"]:
        yield ("gap", "", gap["code"], "", "", "", "", "", gap["message"])


def _numbers(tally: TallyAnswer) -> tuple[str, str, str, str]:
    return str(tally["nodes"]), tally["amount"], str(tally["billedNodes"]), tally["billedAmount"]


def _write_price(price: Price) -> PriceAnswer:
    return {
        "amount": write_money(price.amount),
        "currency": price.currency,
        "source": price.source,
        "asOf": price.as_of or None,
    }


def _write_tally(tally: Tally, price: Price) -> TallyAnswer:
    return {
        "nodes": tally.all,
        "amount": write_money(amount(price, tally.all)),
        "billedNodes": tally.billed,
        "billedAmount": write_money(amount(price, tally.billed)),
    }


def _write_not_billed(counted: Counted) -> NotBilledAnswer:
    return {
        "deallocated": counted.by_billing.get(Billing.DEALLOCATED, 0),
        "disconnected": counted.by_billing.get(Billing.DISCONNECTED, 0),
        "notOnboarded": counted.by_billing.get(Billing.NOT_ONBOARDED, 0),
        "unknown": counted.by_billing.get(Billing.UNKNOWN, 0),
    }


def _write_own(total: Tally, price: Price, own: Decimal) -> OwnCostAnswer:
    return {
        "amount": write_money(own),
        "difference": write_money(amount(price, total.all) - own),
        "billedDifference": write_money(amount(price, total.billed) - own),
    }


def _write_parts(parts: Sequence[Part], price: Price) -> list[PartAnswer]:
    return [{**_write_tally(part.tally, price), "subscription": part.subscription, "name": part.name} for part in parts]
