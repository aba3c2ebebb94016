"""The lab's wires: each host in a network namespace of its own, all of them joined by the hub, which forwards.

As in Azure every packet passes the fabric, even between machines of one subnet: a host knows only its own address and
the hub. It works in namespaces made by unshare(1), which is why nothing of it can leak and nothing is cleaned up.

Source: ip-netns(8), ip-link(8), setns(2).
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.packets.hosts import HOSTS, Host

HERE: Final = Path("/proc/self/ns/net")
PLACES: Final = Path("/run/netns")  # Where ip-netns(8) keeps its names.
GATES: Final = ("169.254.1.1", "fe80::1")


def build() -> None:
    """Join all hosts to the namespace of the caller, which becomes the hub."""
    run("mount -t tmpfs tmpfs /run")
    PLACES.mkdir()
    run("ip link set lo up")
    for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        Path("/proc/sys/net", name).write_text("1", "utf-8")
    for host in HOSTS:
        _join(host)


def forget_soon() -> None:
    """Let the fabric forget datagrams after a second: they have no end that it could see, and ports are used again.

    The kernel has these settings once a firewall asks for the state of connections.
    """
    for name in ("udp_timeout", "udp_timeout_stream"):
        Path(f"/proc/sys/net/netfilter/nf_conntrack_{name}").write_text("1", "utf-8")


def run(line: str, text: str | None = None) -> str:
    """One command and its output. Raises RuntimeError with what it said when it fails."""
    done = subprocess.run(line.split(), input=text, capture_output=True, text=True, check=False)  # noqa: S603 - our own.
    if done.returncode:
        raise RuntimeError(f"{line}: {done.stderr.strip()}\n{text or ''}")
    return done.stdout


@contextmanager
def inside(host: Host) -> Iterator[None]:
    """Sockets that are made in this block are the host's, and stay so."""
    with HERE.open("rb") as hub, (PLACES / host.name).open("rb") as place:
        os.setns(place.fileno(), os.CLONE_NEWNET)
        try:
            yield
        finally:
            os.setns(hub.fileno(), os.CLONE_NEWNET)


def _join(host: Host) -> None:
    """The hub has the same address on every wire, and no host has a neighbour, so nothing bypasses the hub."""
    wire = f"to-{host.name}"
    run(f"ip netns add {host.name}")
    run(f"ip link add {wire} type veth peer name eth0 netns {host.name}")
    run(f"ip link set {wire} addrgenmode none up")
    run(f"ip -n {host.name} link set lo up")
    run(f"ip -n {host.name} link set eth0 addrgenmode none up")
    for address, gate in zip(host.addresses, GATES, strict=True):
        # Looking for duplicates, as IPv6 does, would take a second; the other family has no such option.
        length, calm = (128, " nodad") if ":" in address else (32, "")
        run(f"ip address add {gate}/{length} dev {wire}{calm}")
        run(f"ip route add {address}/{length} dev {wire}")
        run(f"ip -n {host.name} address add {address}/{length} dev eth0{calm}")
        run(f"ip -n {host.name} route add {gate}/{length} dev eth0")
        run(f"ip -n {host.name} route add default via {gate} dev eth0")
