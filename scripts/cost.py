"""What running Postern costs in a month, from your prices and your usage.

    python -m scripts.cost template > prices.json
    python -m scripts.cost meters --region westeurope --service Functions
    python -m scripts.cost month --prices prices.json --machines 50 --grants 400 --calls 20000

No price is built in. Fill `prices.json` from your price sheet, or let `meters` list what the public Azure Retail Prices
API (prices.azure.com) has for a service in a region, and put the `meterId` of what you use into the file: `month
--retail` reads the price of it there. Each price is for `per` pieces; a tier holds from so many times `per` on.
Every number that is assumed is printed as a line of its own.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest, HttpResponse

from scripts.billing import ITEMS, Line, Price, Tier, Usage, assumptions, bill, total

type Json = dict[str, Any]
type Fetch = Callable[[str], Json]

RETAIL: Final = "https://prices.azure.com/api/retail/prices"
_MOST_PAGES: Final = 100
_SERVICES: Final = {"executions": "Functions", "gbSeconds": "Functions", "logGigabytes": "Log Analytics"}


class PriceError(Exception):
    """A price is missing or is none; the message names all of them."""


def template() -> str:
    """A file of prices to be filled in."""
    empty = {item: {"per": 1, "tiers": [{"from": 0, "price": None}]} for item in ITEMS}
    return json.dumps({"currency": "", "region": "", "prices": empty}, indent=2)


def read_prices(document: Json, fetch: Fetch | None) -> dict[str, Price]:
    """The prices of a file. Raises PriceError that names everything that is missing or wrong."""
    found: dict[str, Price] = {}
    wrong: list[str] = []
    for item in ITEMS:
        try:
            found[item] = _price(item, document, fetch)
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            wrong.append(f"{item} ({error})")
    if wrong:
        raise PriceError(f"there is no price for {', '.join(wrong)}")
    return found


def _price(item: str, document: Json, fetch: Fetch | None) -> Price:
    given = document["prices"][item]
    per = Decimal(str(given["per"]))
    if per <= 0:
        raise ValueError("per is not positive")
    if "meterId" not in given:
        return Price(per, tuple(_tier(one["from"], one["price"]) for one in given["tiers"]))
    if fetch is None:
        raise ValueError("it names a meter, whose price is read with --retail")
    service = str(given.get("service") or _SERVICES.get(item, "Storage"))
    meters = retail(fetch, document["region"], service, str(document["currency"]))
    tiers = [_tier(one["tierMinimumUnits"], one["retailPrice"]) for one in meters if one["meterId"] == given["meterId"]]
    if not tiers:
        raise ValueError(f"the meter is none of {service} in {document['region']}")
    return Price(per, tuple(tiers))


def _tier(start: object, price: object) -> Tier:
    if price is None:
        raise ValueError("its price is not filled in")
    return Tier(Decimal(str(start)), Decimal(str(price)))


def retail(fetch: Fetch, region: str, service: str, currency: str = "USD") -> Iterator[Json]:
    """The meters of a service in a region that are paid by use. Raises PriceError."""
    wanted = f"serviceName eq '{_quoted(service)}' and armRegionName eq '{_quoted(region)}'"
    address = f"{RETAIL}?{urlencode({'currencyCode': f"'{_quoted(currency)}'", '$filter': wanted})}"
    for _ in range(_MOST_PAGES):
        page = fetch(address)
        yield from (one for one in page["Items"] if one.get("type") == "Consumption")
        address = str(page.get("NextPageLink") or "")
        if not address:
            return
        if not address.startswith(f"{RETAIL}?"):
            raise PriceError("the next page of prices is said to be somewhere else")
    raise PriceError("there are too many pages of prices")


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def fetch_page(address: str) -> Json:
    """One page of the Retail Prices API, which asks nobody who they are. Raises AzureError, ValueError."""
    client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(base_url=RETAIL)
    with client:
        response = client.send_request(HttpRequest("GET", address))
        response.raise_for_status()
        return dict(response.json())


def as_table(usage: Usage, lines: Sequence[Line], currency: str) -> str:
    """A bill to be read."""
    rows = [f"{'item':20}{'quantity':>18}{currency:>14}"]
    rows += [f"{line.item:20}{line.quantity:>18,.1f}{line.cost:>14.2f}" for line in lines]
    rows.append(f"{'together':20}{'':18}{total(lines):>14.2f}")
    return "\n".join([*rows, "", *(f"- {text}" for text in assumptions(usage))])


def as_csv(usage: Usage, lines: Sequence[Line], currency: str) -> str:
    """A bill to be reckoned with; the assumptions stand in the last column of lines of their own."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["item", "quantity", "cost", "currency", "assumption"])
    writer.writerows([line.item, line.quantity, line.cost, currency, ""] for line in lines)
    writer.writerow(["together", "", total(lines), currency, ""])
    writer.writerows(["", "", "", "", text] for text in assumptions(usage))
    return out.getvalue().rstrip("\n")


def month(given: argparse.Namespace, fetch: Fetch) -> str:
    """The bill of a month. Raises PriceError, OSError, AzureError."""
    document = json.loads(given.prices.read_text("utf-8"))
    usage = Usage(
        given.machines, given.grants, given.calls, given.memory, given.seconds, given.repair_seconds,
        given.log_gb, given.stored_gb, given.days,
    )  # fmt: skip
    lines = bill(usage, read_prices(document, fetch if given.retail else None))
    write = as_csv if given.csv else as_table
    return write(usage, lines, str(document["currency"]))


def meters(given: argparse.Namespace, fetch: Fetch) -> str:
    """What the Retail Prices API has for a service in a region. Raises PriceError, AzureError."""
    names = ("meterId", "productName", "skuName", "meterName", "unitOfMeasure", "tierMinimumUnits", "retailPrice")
    found = [*retail(fetch, given.region, given.service, given.currency)]
    if not found:
        raise PriceError(f"there is no meter of {given.service} in {given.region}; names are told apart by case")
    return "\n".join("  ".join(str(one.get(name, "")) for name in names) for one in found)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("template", help="write a file of prices to be filled in")
    listing = commands.add_parser("meters", help="list the public prices of a service")
    listing.add_argument("--region", required=True, help="such as westeurope")
    listing.add_argument("--service", required=True, help="such as Functions, Storage, Log Analytics")
    listing.add_argument("--currency", default="USD")
    billing = commands.add_parser("month", help="tell what a month costs")
    billing.add_argument("--prices", type=Path, required=True)
    billing.add_argument("--retail", action="store_true", help="read the prices of meters that the file names")
    for name, what in (("machines", "under a policy"), ("grants", "in a month"), ("calls", "of the API in a month")):
        billing.add_argument(f"--{name}", type=int, required=True, help=what)
    billing.add_argument("--memory", type=int, choices=(512, 2048, 4096), default=2048, help="of an instance, in MiB")
    billing.add_argument("--days", type=int, default=30)
    for name, what in (("seconds", "an execution takes"), ("repair-seconds", "a repair takes")):
        billing.add_argument(f"--{name}", type=float, default=1.0, help=f"how long {what}")
    for name, what in (("log-gb", "ingested logs in a month"), ("stored-gb", "in tables and queues")):
        billing.add_argument(f"--{name}", type=float, default=0.0, help=f"GB, {what}")
    billing.add_argument("--csv", action="store_true")
    return made


def main(arguments: Sequence[str], fetch: Fetch = fetch_page) -> int:
    """Read the command line and run."""
    given = parser().parse_args(arguments)
    does: Mapping[str, Callable[[], str]] = {
        "template": template,
        "meters": lambda: meters(given, fetch),
        "month": lambda: month(given, fetch),
    }
    try:
        print(does[given.command]())
    except (PriceError, AzureError, OSError, ValueError, KeyError) as error:
        print(f"Nothing was computed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
