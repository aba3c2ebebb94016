"""Security rules between ARM's JSON and the domain's values.

ARM gives each list twice, as one value or as many (`sourceAddressPrefix`, `sourceAddressPrefixes`); what it does
not use is absent, empty or `""`. Reading takes both together; writing uses the one that fits.

Source: REST reference "Security Rules - Create Or Update", and recorded exchanges of public clients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Access, Flush, Load, Nsg, Protocol, Rule

type Json = Mapping[str, Any]

MADE_FOR = "postern-made-for"
"""The tag that says for which machine Postern made a group."""

FLUSH = "postern-flush-connection"
"""The tag that says that Postern switched a group's `flushConnection` on, and may switch it off."""

_PROTOCOLS = {str(protocol).lower(): protocol for protocol in Protocol}


def read_nsg(document: Json) -> Nsg:
    """A network security group from ARM's JSON: its inbound rules only, since Postern touches no others."""
    properties = cast("Json", document.get("properties") or {})
    every = properties.get("securityRules") or ()
    tags = cast("Json", document.get("tags") or {})
    return Nsg(
        id=str(document["id"]),
        etag=str(document.get("etag") or ""),
        rules=_rules(every, "inbound"),
        outbound=Load.of(_rules(every, "outbound")),
        made_for=str(tags.get(MADE_FOR) or ""),
        flush=Flush(properties.get("flushConnection") is True, FLUSH in tags),
        defaults=_rules(properties.get("defaultSecurityRules"), "inbound"),
        settled=properties.get("provisioningState") not in {"Updating", "Deleting"},
    )


def _rules(rules: Sequence[Json] | None, direction: str) -> tuple[Rule, ...]:
    return tuple(read_rule(rule) for rule in rules or () if rule["properties"]["direction"].lower() == direction)


def read_rule(document: Json) -> Rule:
    """One rule from ARM's JSON."""
    properties = cast("Json", document["properties"])
    protocol = _PROTOCOLS.get(str(properties["protocol"]).lower())
    access = Access(str(properties["access"]).capitalize())
    # A protocol that is new to us is any when it is allowed, and none when it is denied.
    nothing = protocol is None and access is Access.DENY
    return Rule(
        name=str(document["name"]),
        priority=int(properties["priority"]),
        access=access,
        protocol=protocol or Protocol.ANY,
        sources=_both(properties, "sourceAddressPrefix", "sourceAddressPrefixes"),
        destinations=_both(properties, "destinationAddressPrefix", "destinationAddressPrefixes"),
        ports=Ranges() if nothing else _ports(_both(properties, "destinationPortRange", "destinationPortRanges")),
        source_ports=_ports(_both(properties, "sourcePortRange", "sourcePortRanges")),
        source_groups=_ids(properties.get("sourceApplicationSecurityGroups")),
        destination_groups=_ids(properties.get("destinationApplicationSecurityGroups")),
        description=str(properties.get("description") or ""),
        settled=properties.get("provisioningState") in {None, "Succeeded"},
    )


def _both(properties: Json, one: str, many: str) -> tuple[str, ...]:
    return tuple(str(text) for text in (properties.get(one), *(properties.get(many) or ())) if text)


def _ids(resources: Sequence[Json] | None) -> tuple[str, ...]:
    return tuple(str(resource["id"]) for resource in resources or ())


def _ports(texts: tuple[str, ...]) -> Ranges:
    return Ranges.of(*(span for text in texts for span in _span(text)))


def _span(text: str) -> Iterator[tuple[int, int]]:
    if text == "*":
        yield from ALL_PORTS.spans
        return
    low, _, high = text.partition("-")
    yield int(low), int(high or low)


def write_rule(rule: Rule) -> dict[str, Any]:
    """ARM's JSON of an inbound rule of ours."""
    ports = ["*"] if rule.ports == ALL_PORTS else [_port_text(*span) for span in rule.ports.spans]
    properties = {
        "description": rule.description,
        "protocol": str(rule.protocol),
        "access": str(rule.access),
        "direction": "Inbound",
        "priority": rule.priority,
        "sourcePortRange": "*",
        **_one_or_many("sourceAddressPrefix", "sourceAddressPrefixes", rule.sources),
        **_one_or_many("destinationAddressPrefix", "destinationAddressPrefixes", rule.destinations),
        **_one_or_many("destinationPortRange", "destinationPortRanges", ports),
    }
    return {"name": rule.name, "properties": properties}


def with_flush(document: Json, flush: Flush) -> dict[str, Any]:
    """ARM's JSON of a group with its `flushConnection` switched; every other tag and property stays as it is."""
    others = {name: value for name, value in (document.get("tags") or {}).items() if name != FLUSH}
    tags = others | ({FLUSH: "switched on by Postern"} if flush.ours else {})
    return {**document, "tags": tags, "properties": {**document["properties"], "flushConnection": flush.on}}


def _one_or_many(one: str, many: str, values: Sequence[str]) -> dict[str, Any]:
    return {one: values[0]} if len(values) == 1 else {many: list(values)}


def _port_text(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"
