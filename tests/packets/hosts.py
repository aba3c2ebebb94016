"""Who there is in the lab, and what they try: the vocabulary that the lab and the tests share.

The addresses are those of the other tests' network, so that the app's evaluator and the box's oracle can be asked about
the same flows. This module knows no rules and starts nothing.
"""

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Host:
    """One host of the lab, with an address of each family."""

    name: str
    v4: str
    v6: str

    @property
    def addresses(self) -> tuple[str, str]:
        return self.v4, self.v6


MACHINE: Final = Host("machine", "10.0.0.4", "fd00:db8::4")
NEIGHBOUR: Final = Host("neighbour", "10.0.0.5", "fd00:db8::5")  # In the same subnet.
PEER: Final = Host("peer", "10.1.0.9", "fd00:db8:1::9")  # In a peered network.
OFFICE: Final = Host("office", "203.0.113.7", "2001:db8::7")
STRANGER: Final = Host("stranger", "198.51.100.99", "2001:db8:bad::99")
HOSTS: Final = (MACHINE, NEIGHBOUR, PEER, OFFICE, STRANGER)
OWNERS: Final = {address: host for host in HOSTS for address in host.addresses}

# What listens on the two machines: the ports that rules name, and some on either side of these.
LISTENERS: Final = (MACHINE, NEIGHBOUR)
PORTS: Final = (21, 22, 23, 80, 443, 3388, 3389, 3390, 5985, 5986, 5987)

PROTOCOLS: Final = ("tcp", "udp")


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt to reach a port. Its own port tells it from every other probe of the same job."""

    source: str
    destination: str
    port: int
    protocol: str
    source_port: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a probe: `open`, `filtered`, or an error's name; and the rule of each group that decided."""

    outcome: str
    decided: dict[str, str] = field(default_factory=dict)
