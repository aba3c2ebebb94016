"""A server of Azure Arc out of its row in Azure Resource Graph.

Source: Azure REST reference, "Machines - Get" (Microsoft.HybridCompute, 2025-01-13).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.computers import ArcServer

type Json = Mapping[str, Any]

# Azure writes them as each agent does.
_SYSTEMS: Final = {"linux": "Linux", "windows": "Windows"}


def arc_server(row: Json) -> ArcServer:
    """The server. Raises KeyError, TypeError, ValueError or AttributeError for a row that cannot be understood."""
    return ArcServer(
        id=str(row["id"]),
        location=str(row.get("location") or ""),
        status=str(row.get("status") or ""),
        since=_time(str(row.get("since") or "")),
        agent=str(row.get("agent") or ""),
        system=_SYSTEMS.get(str(row.get("os") or "").lower(), ""),
        product=str(row.get("product") or ""),
        host=str(row.get("host") or ""),
        uuid=str(row.get("uuid") or "").lower(),
        addresses=tuple(_addresses(row.get("nics") or ())),
        tags=tuple(sorted((str(name), str(value)) for name, value in (row.get("tags") or {}).items())),
    )


def _addresses(nics: Any) -> list[str]:  # noqa: ANN401 - as Azure gives it.
    return [str(one["address"]) for nic in nics for one in nic.get("ipAddresses") or () if one.get("address")]


def _time(text: str) -> datetime | None:
    """A time, which Azure writes with up to seven digits of a second; None for none."""
    at = datetime.fromisoformat(text) if text else None
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at
