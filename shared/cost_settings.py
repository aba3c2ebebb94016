"""What the operator says about money: the price of a node where it is paid for by node, and what Postern itself costs.

No price here is looked up. The default is not of Microsoft's price list, and says so wherever it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from shared.domain.costs import Price

_PRICE, _CURRENCY, _OWN = NAMES = ("POSTERN_NODE_PRICE", "POSTERN_NODE_CURRENCY", "POSTERN_OWN_COST")
_MONEY: Final = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)
_CODE: Final = re.compile(r"[A-Z]{3}", re.ASCII)

DEFAULT: Final = Price(
    Decimal(15),
    "USD",
    "About the price of a server in Defender for Servers Plan 2, as microsoftnegotiations.com had it on this day. That "
    "is not Microsoft's price list: set POSTERN_NODE_PRICE to what you pay.",
    "2026-11-27",
)
"""The price that is told where the operator says none."""


@dataclass(frozen=True, slots=True)
class CostSettings:
    """The price of a node and month, and what Postern costs in a month in the same currency; None: nobody says."""

    price: Price = DEFAULT
    own: Decimal | None = None


def read_cost_settings(environ: Mapping[str, str]) -> CostSettings:
    """The settings, which have no faults."""
    price, currency, own = (environ.get(name, "").strip() for name in NAMES)
    told = Price(Decimal(price), currency or DEFAULT.currency, _PRICE) if price else DEFAULT
    return CostSettings(told, Decimal(own) if own else None)


def cost_faults(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with them. Nothing is told of costs then, and all else goes on."""
    return tuple(_faults(environ))


def _faults(environ: Mapping[str, str]) -> Iterator[str]:
    price, currency, own = (environ.get(name, "").strip() for name in NAMES)
    if price and not _MONEY.fullmatch(price):
        yield f"{_PRICE} must hold the price of a node and month, such as 15 or 14.60."
    if currency and not _CODE.fullmatch(currency):
        yield f"{_CURRENCY} must hold the code of a currency, such as USD."
    if currency and not price and currency != DEFAULT.currency:
        yield f"{_PRICE} must hold a price where {_CURRENCY} is set: the default is in {DEFAULT.currency}."
    if own and not _MONEY.fullmatch(own):
        yield f"{_OWN} must hold what Postern costs in a month, such as 12.50, or nothing."
