"""Which ports of many machines the Internet reaches, and through which rules.

Behind a group most machines are met by the same rules, so that the groups are evaluated once for each set of rules
that meets anybody, and not for each machine: ten thousand machines take the time of a few hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from shared.domain.addresses import Bound, family_of, is_v6, is_wide, parse_address, parse_prefix, sources_of
from shared.domain.claims import LockClaim, OpenClaim
from shared.domain.exposure import Groups, Leak, leaks
from shared.domain.machines import Endpoint
from shared.domain.ranges import Ranges, Span
from shared.domain.rules import WITH_PORTS, Rule, in_order
from shared.domain.traffic import Passage, Region, Traffic, through


@dataclass(frozen=True, slots=True, order=True)
class Exposed:
    """A port, or a span of which a part, that the Internet reaches by the groups, and the rule that lets it."""

    span: Span
    protocol: str  # "*" where no group guards the machine at all.
    address: str
    nsg: str | None
    rule: str | None
    priority: int | None
    sources: tuple[str, ...] = ("*",)  # As the rule writes them.
    wide: bool = True  # Whether they are more than a few networks, or cannot be told.


class Surface:
    """What the Internet reaches, by the groups as they stood when this was made."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._aims: dict[str, tuple[_Aim, ...]] = {}
        self._answers: dict[object, tuple[Exposed, ...]] = {}
        self._through_locks: dict[object, tuple[Leak, ...]] = {}

    def of(self, endpoint: Endpoint, spans: Iterable[Span]) -> tuple[Exposed, ...]:
        """The ports, of those asked for, that possibly let the Internet in.

        A group that is not known here, because we may not read it, is taken to let nothing through: what is said of
        such a machine elsewhere is that it cannot be judged.
        """
        wanted = tuple(sorted(set(spans)))
        if not endpoint.path:
            return tuple(Exposed(span, "*", endpoint.address, None, None, None) for span in wanted)
        if not self.knows(endpoint):
            return ()
        alike = (self.signature(endpoint), wanted)
        if alike not in self._answers:
            self._answers[alike] = self._exposed(endpoint, wanted)
        return tuple(replace(one, address=endpoint.address) for one in self._answers[alike])

    def knows(self, endpoint: Endpoint) -> bool:
        """Whether all groups on the way are known here."""
        return all(nsg.lower() in self._groups for nsg in endpoint.path)

    def leaks(self, claim: LockClaim, opened: Iterable[OpenClaim] = ()) -> tuple[Leak, ...]:
        """What gets through a lock, as `exposure.leaks` says; all groups on the way are known here."""
        if grants := tuple(opened):
            return leaks(claim, self._groups, grants)
        found = [leak for endpoint in claim.endpoints for leak in self._leaks(claim, endpoint)]
        return tuple(sorted(found, key=lambda leak: (leak.address, leak.priority or 0, leak.rule or "")))

    def _leaks(self, claim: LockClaim, endpoint: Endpoint) -> Iterator[Leak]:
        alike = (self.signature(endpoint), claim.shape, endpoint.probed)
        if alike not in self._through_locks:
            self._through_locks[alike] = leaks(replace(claim, endpoints=(endpoint,)), self._groups)
        yield from (replace(leak, address=endpoint.address) for leak in self._through_locks[alike])

    def signature(self, endpoint: Endpoint) -> tuple[object, ...]:
        """Two endpoints with the same signature are met by the same rules of the same groups."""
        number = parse_address(endpoint.address)
        met = tuple((nsg.lower(), self._met(nsg.lower(), number, endpoint)) for nsg in endpoint.path)
        return (met, endpoint.network, is_v6(endpoint.address))

    def _met(self, nsg: str, number: int, endpoint: Endpoint) -> tuple[str, ...]:
        if nsg not in self._aims:
            self._aims[nsg] = tuple(_Aim.of(rule) for rule in in_order(self._groups[nsg].rules))
        groups = endpoint.spot.groups if endpoint.groups else frozenset()
        return tuple(aim.meets(number, groups) for aim in self._aims[nsg])

    def _exposed(self, endpoint: Endpoint, spans: tuple[Span, ...]) -> tuple[Exposed, ...]:
        sources = sources_of("Internet", endpoint.spot.network, Bound.UPPER) & family_of(endpoint.address)
        region: Region = (Traffic(sources, WITH_PORTS, Ranges.of(*spans)),)
        path = [self._groups[nsg.lower()].every for nsg in endpoint.path]
        found = through(path, region, endpoint.spot)
        return tuple(sorted({one for passage in found for one in _let_in(passage, endpoint, spans)}))


def _let_in(passage: Passage, endpoint: Endpoint, spans: Iterable[Span]) -> Iterator[Exposed]:
    rule, nsg = passage.rule, endpoint.path[-1]
    for span in spans:
        for protocol in passage.traffic.protocols if passage.traffic.ports & Ranges.of(span) else ():
            whence = (rule.sources or rule.source_groups, is_wide(passage.traffic.sources))
            yield Exposed(span, protocol.upper(), endpoint.address, nsg, rule.name, rule.priority, *whence)


@dataclass(frozen=True, slots=True)
class _Aim:
    """Whom a rule is aimed at, ready to be asked for many addresses."""

    everybody: bool = False
    addresses: Ranges = field(default_factory=Ranges)
    unknown: bool = False
    groups: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rule: Rule) -> _Aim:
        """The aim of a rule."""
        if rule.destination_groups:
            return cls(groups=frozenset(group.lower() for group in rule.destination_groups))
        known = [_aim_at(prefix) for prefix in rule.destinations]
        return cls(
            any(one.everybody for one in known),
            Ranges.of(*(span for one in known for span in one.addresses.spans)),
            any(one.unknown for one in known),
        )

    def meets(self, number: int, groups: frozenset[str]) -> str:
        """Whether the rule is aimed at an address: `yes`, `no`, or `perhaps` where it names what nobody here knows."""
        if self.groups:
            return "yes" if self.groups & groups else "no"
        if self.everybody or number in self.addresses:
            return "yes"
        return "perhaps" if self.unknown else "no"


def _aim_at(prefix: str) -> _Aim:
    match prefix.lower():
        case "*" | "any" | "virtualnetwork":
            return _Aim(everybody=True)
        case "internet" | "azureloadbalancer":
            return _Aim()
    try:
        return _Aim(addresses=parse_prefix(prefix))
    except ValueError:
        return _Aim(unknown=True)
