"""Whether what logs tell of is part of some traffic."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.addresses import is_address, parse_address
from shared.domain.evidence import LetIn
from shared.domain.traffic import Traffic


def is_part_of(one: LetIn, region: Iterable[Traffic]) -> bool:
    """Whether connections that were let in are among some traffic."""
    if not is_address(one.passed.source):
        return False
    source = parse_address(one.passed.source)
    return any(
        source in traffic.sources
        and one.port in traffic.ports
        and one.protocol in {protocol.upper() for protocol in traffic.protocols}
        for traffic in region
    )
