"""Network security groups, as ARM writes them, compiled to nftables: the kernel then does what Azure's fabric does.

Inbound packets to a guarded address pass the chain of each group on the way, first match first. An allow rule sends
them on to the next group, a deny rule drops them; what belongs to a known connection passes before any rule is read.
Each rule notes the source ports of the flows that it decided, in a set of its own; each probe has its own source port,
so the kernel itself tells which rule of which group decided about it.

It shares no code with the app's evaluator nor with the box's oracle.
Source: nft(8), and Azure documentation, "How network security groups filter network traffic".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

type Rule = Mapping[str, Any]
type Groups = Mapping[str, Sequence[Rule]]
type Ways = Mapping[str, Sequence[str]]

TABLE: Final = "inet azure"
# The tags, spelled out for the lab: the network's own space and its peer's, the platform's address, everybody else.
_PLATFORM: Final = ("168.63.129.16",)
_VIRTUAL: Final = ("10.0.0.0/16", "10.1.0.0/16", "fd00:db8::/32", *_PLATFORM)
_INTERNET: Final = ("203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32")
_TAGS: Final = {"virtualnetwork": _VIRTUAL, "internet": _INTERNET, "azureloadbalancer": _PLATFORM}
_EVERY_PORT: Final = frozenset({"*", "0-65535"})
_MEMBERS: Final = {"asg-web": ("10.0.0.4",)}


def compile_groups(groups: Groups, ways: Ways) -> str:
    """One script that replaces all that was there. `ways` names the groups on the way to each guarded address."""
    chains = (line for name, rules in groups.items() for line in _group(name, rules))
    guarded = (line for number, names in enumerate(ways.values()) for line in _way(number, names))
    start = (f"add table {TABLE}", f"delete table {TABLE}", f"table {TABLE} {{")
    return "\n".join((*start, *chains, *guarded, *_forward(ways), "}", ""))


def read_note(name: str) -> tuple[str, str, str]:
    """Access, group and rule of the set with this name."""
    access, group, rule = name.split("/")
    return access, group, rule


def _note(group: str, rule: Rule) -> str:
    return f"{rule['properties']['access']}/{group}/{rule['name']}"


def _forward(ways: Iterable[str]) -> Iterator[str]:
    yield "chain forward { type filter hook forward priority 0; policy accept;"
    yield "ct state established,related accept"
    yield from (f"{_family(address)} daddr {address} jump way{number}" for number, address in enumerate(ways))
    yield "}"


def _way(number: int, names: Sequence[str]) -> Iterator[str]:
    yield f"chain way{number} {{"
    yield from (f"jump group_{name}" for name in names)
    yield "accept"
    yield "}"


def _group(name: str, rules: Sequence[Rule]) -> Iterator[str]:
    for rule in rules:
        yield f"set {_note(name, rule)} {{ type inet_service; size 65535; flags dynamic; }}"
    yield f"chain group_{name} {{"
    for rule in sorted(rules, key=lambda one: int(one["properties"]["priority"])):
        end = "return" if rule["properties"]["access"] == "Allow" else "drop"
        yield from (f"{match} add @{_note(name, rule)} {{ th sport }} {end}" for match in _matches(rule["properties"]))
    yield "}"


def _matches(properties: Rule) -> Iterator[str]:
    """A rule may name both families on both sides; for nftables each pair of prefixes is a line of its own."""
    protocol = properties["protocol"].lower()
    if protocol not in {"*", "tcp", "udp"}:
        return  # The lab sends nothing else.
    kinds = "{ tcp, udp }" if protocol == "*" else protocol
    ports = (*_ports("sport", properties, "source"), *_ports("dport", properties, "destination"))
    for source in _prefixes(properties, "source"):
        for destination in _prefixes(properties, "destination"):
            sides = (*_side("saddr", source), *_side("daddr", destination))
            if len({_family(one) for one in (source, destination) if one != "*"}) < 2:
                yield " ".join((f"meta l4proto {kinds}", *sides, *ports))


def _ports(field: str, properties: Rule, side: str) -> Iterator[str]:
    spans = properties[f"{side}PortRanges"]
    if _EVERY_PORT.isdisjoint(spans):
        yield f"th {field} {{ {', '.join(map(_span, spans))} }}"


def _span(text: str) -> str:
    """Nftables knows no span of one port."""
    first, _, last = text.partition("-")
    return first if last in {"", first} else text


def _prefixes(properties: Rule, side: str) -> Iterator[str]:
    if groups := properties[f"{side}ApplicationSecurityGroups"]:
        for group in groups:
            yield from _MEMBERS[group["id"].lower()]
        return
    for prefix in properties[f"{side}AddressPrefixes"]:
        yield from _TAGS.get(prefix.lower(), (prefix,))


def _side(field: str, prefix: str) -> Iterator[str]:
    if prefix != "*":
        yield f"{_family(prefix)} {field} {prefix}"


def _family(address: str) -> str:
    return "ip6" if ":" in address else "ip"
