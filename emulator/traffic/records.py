"""From the flows of a minute to rows of NTANetAnalytics, as Traffic Analytics writes them.

Sources: the table's reference, "Traffic analytics schema" and the parser of Microsoft Sentinel, which disagree about
how a status is spelt; both spellings occur here. It refuses to know sign-ins.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from emulator.arm import paths
from emulator.traffic.flows import Flow
from emulator.traffic.targets import Target

type Row = dict[str, Any]

TABLE = "NTANetAnalytics"
MINUTE = 60
# Every so many rows are written with single letters.
_SHORT_EVERY = 4
# What a flow that passed takes, as the machine sees it; of one that was refused, the machine sees nothing.
_PACKETS_OUT, _PACKETS_IN, _BYTES_OUT, _BYTES_IN = 12, 14, 2_300, 2_100


@dataclass(slots=True)
class Writer:
    """Writes the rows of one call. What rows have in common but for times and sources, it puts together once."""

    _written: int = 0
    _common: dict[tuple[bool, int, int], Row] = field(default_factory=dict)

    def write(self, flows: Iterable[Flow]) -> Iterator[Row]:
        """The rows of the flows of one minute, which are in order of time."""
        records: dict[int, list[Flow]] = {}
        for flow in flows:
            records.setdefault(flow.outcome.record, []).append(flow)
        for record, members in records.items():
            self._written += 1
            key = (self._written % _SHORT_EVERY == 0, len(members), record)
            common = self._common.get(key)
            if common is None:
                common = self._common[key] = _common(members, short=key[0])
            yield _row(common, members)


@cache
def _minute(number: int) -> str:
    """A minute since 1970 as RFC 3339 has it, without its seconds."""
    return dt.datetime.fromtimestamp(number * MINUTE, dt.UTC).strftime("%Y-%m-%dT%H:%M:")


def time_of(seconds: float) -> str:
    """A time in seconds since 1970 as RFC 3339 has it, to the millisecond; a third of the cost of isoformat."""
    minute, rest = divmod(round(seconds * 1000), MINUTE * 1000)
    return f"{_minute(minute)}{rest // 1000:02d}.{rest % 1000:03d}Z"


def _row(common: Row, flows: list[Flow]) -> Row:
    first = flows[0]
    minute = int(first.at // MINUTE)
    started = time_of(first.at)
    ended = time_of(flows[-1].at) if len(flows) > 1 else started
    return {
        "TimeGenerated": ended,
        "FlowIntervalStartTime": f"{_minute(minute)}00Z",
        "FlowIntervalEndTime": f"{_minute(minute + 1)}00Z",
        "FlowStartTime": started,
        "FlowEndTime": ended,
        "SrcPublicIps": _sources(flows) if first.outcome.public else "",
        **common,
    }


def _common(flows: list[Flow], *, short: bool) -> Row:
    flow, outcome = flows[0], flows[0].outcome
    return {
        "SubType": "FlowLog",
        "FlowType": outcome.type,
        **_spelling(passes=outcome.passes, short=short),
        "L4Protocol": "T",
        "Country": outcome.country,
        "AclGroup": outcome.nsg,
        "AclRule": outcome.rule,
        "SrcIp": "" if outcome.public else flow.source,
        "DestPort": flow.port,
        "DestIp": str(outcome.destination),
        **_destination(flow.target, flow.target.interfaces[outcome.destination]),
        **_numbers(len(flows), passes=outcome.passes),
    }


def _destination(target: Target, interface: str) -> Row:
    group = target.id.split("/")[4]
    return {
        "DestSubscription": target.subscription,
        "DestRegion": target.region,
        "DestVm": f"{group}/{target.name}",
        "DestNic": f"{group}/{paths.name_of(interface)}",
    }


def _spelling(*, passes: bool, short: bool) -> Row:
    if short:
        return {"FlowStatus": "A" if passes else "D", "FlowDirection": "I"}
    return {"FlowStatus": "Allowed" if passes else "Denied", "FlowDirection": "Inbound"}


def _numbers(flows: int, *, passes: bool) -> Row:
    """Over all sources; those of each public one stand in its own part of `SrcPublicIps`."""
    allowed = flows if passes else 0
    return {
        "AllowedInFlows": allowed,
        "DeniedInFlows": flows - allowed,
        "CompletedFlows": allowed,
        "PacketsSrcToDest": _PACKETS_IN * allowed,
        "PacketsDestToSrc": _PACKETS_OUT * allowed,
        "BytesSrcToDest": _BYTES_IN * allowed,
        "BytesDestToSrc": _BYTES_OUT * allowed,
    }


def _sources(flows: list[Flow]) -> str:
    passes = flows[0].outcome.passes
    if len(flows) == 1:
        return flows[0].source + _share(1, passes=passes)
    begun = Counter(flow.source for flow in flows)
    return " ".join(source + _share(number, passes=passes) for source, number in begun.items())


@cache
def _share(flows: int, *, passes: bool) -> str:
    """One source's numbers: flows begun and ended, packets out and in, bytes out and in."""
    sizes = (1, _PACKETS_OUT, _PACKETS_IN, _BYTES_OUT, _BYTES_IN)
    return "".join(f"|{part}" for part in (flows, *(flows * size if passes else 0 for size in sizes)))
