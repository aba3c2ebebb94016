"""Hosts as network namespaces of Linux, on one street with whoever wants to reach them.

A script runs in its host's namespace as root, and sees folders of the host's own in the places where it may keep
something; the computer that the box runs on is never touched. Where there is no root, no `ip` or no `nft`, nothing runs
and that is told. It knows Linux; it refuses to know Azure and what scripts do.
"""

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_TOOLS: Final = ("ip", "nft", "unshare", "mount")
# Where a host keeps what outlives a script; and how it is kept from taking this computer's systemd for its own.
_KEPT: Final = ("/var/lib", "/etc/systemd")
_HIDE: Final = "{ [ ! -d /run/systemd ] || mount -t tmpfs none /run/systemd; }"
_PATIENCE: Final = 5  # seconds that a packet is waited for
_LISTEN: Final = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
server.settimeout(float(sys.argv[3]))
server.accept()
"""
_CONNECT: Final = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[4]), source_address=(sys.argv[3], 0))
"""


class Unable(Exception):  # noqa: N818 - named after what this computer is.
    """Hosts cannot be played on this computer; the message says why."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a script ended."""

    code: int
    output: str
    error: str


@dataclass(slots=True)
class Namespaces:
    """The hosts of one box. `prefix` tells its namespaces from those of other boxes; `folder` holds what hosts keep."""

    prefix: str
    folder: Path
    _hosts: dict[str, str] = field(default_factory=dict)
    _made: list[str] = field(default_factory=list)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def lacks(self) -> str:
        """What this computer lacks; empty when it can play hosts."""
        if os.geteuid():
            return "hosts outside Azure are played by root only"
        missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
        return f"hosts outside Azure need {', '.join(missing)}" if missing else ""

    async def run(self, host: str, address: str, script: Path, environment: Mapping[str, str]) -> Ran:
        """Run a script on a host, which is made if it is not there. Raises Unable."""
        namespace = await self._enter(host, address)
        home = self.folder.absolute() / namespace
        binds = [f"mount --bind {shlex.quote(str(home) + place)} {place}" for place in _KEPT]
        setup = " && ".join([*binds, _HIDE, 'exec sh "$0"'])
        command = ("ip", "netns", "exec", namespace, "unshare", "--mount", "sh", "-ec", setup, str(script))
        return await run_program(*command, environment={"PATH": os.environ["PATH"], **environment})

    async def reaches(self, host: str, source: str, to: tuple[str, int]) -> bool:
        """Whether a real TCP connection from an address on the street to an address and port of the host is made."""
        namespace = await self._enter(host, to[0])
        street = f"{self.prefix}-street"
        await run_program("ip", "-n", street, "addr", "add", f"{source}/32", "dev", "lo")
        listener = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", namespace, sys.executable, "-c", _LISTEN, to[0], str(to[1]), str(_PATIENCE),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            if listener.stdout is None or await listener.stdout.readline() != b"ready\n":
                raise Unable(f"nothing can listen on port {to[1]} of {host}")
            inside = ("ip", "netns", "exec", street, sys.executable, "-c", _CONNECT)
            found = await run_program(*inside, to[0], str(to[1]), source, str(_PATIENCE / 4))
        finally:
            if listener.returncode is None:
                listener.kill()
            await listener.wait()
        return found.code == 0

    async def close(self) -> None:
        """Take all namespaces away, and what the hosts kept."""
        for namespace in self._made:
            await run_program("ip", "netns", "del", namespace)
            shutil.rmtree(self.folder / namespace, ignore_errors=True)
        self._made.clear()
        self._hosts.clear()

    async def _enter(self, host: str, address: str) -> str:
        if self.lacks:
            raise Unable(self.lacks)
        async with self._making:
            if host not in self._hosts:
                self._hosts[host] = await self._make(f"{self.prefix}-{len(self._hosts)}", address)
        return self._hosts[host]

    async def _make(self, namespace: str, address: str) -> str:
        street, link = f"{self.prefix}-street", f"h{len(self._hosts)}"
        if street not in self._made:
            await self._add(street)
        await self._add(namespace)
        for place in _KEPT:
            (self.folder / f"{namespace}{place}").mkdir(parents=True, exist_ok=True)
        for line in (
            f"ip link add wan netns {namespace} type veth peer name {link} netns {street}",
            f"ip -n {street} link set {link} up",
            f"ip -n {street} route add {address}/32 dev {link}",
            f"ip -n {namespace} addr add {address}/32 dev wan",
            f"ip -n {namespace} link set wan up",
            f"ip -n {namespace} route add default dev wan",
        ):
            await _must(*line.split())
        return namespace

    async def _add(self, namespace: str) -> None:
        # What a box that was killed has left is none of this one's.
        await run_program("ip", "netns", "del", namespace)
        await _must("ip", "netns", "add", namespace)
        self._made.append(namespace)
        await _must("ip", "-n", namespace, "link", "set", "lo", "up")


async def _must(*command: str) -> None:
    ran = await run_program(*command)
    if ran.code:
        raise Unable(f"{' '.join(command)}: {ran.error.strip()}")


async def run_program(*command: str, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a program to its end."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=None if environment is None else dict(environment), stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    output, error = await process.communicate()
    return Ran(process.returncode or 0, output.decode(errors="replace"), error.decode(errors="replace"))
