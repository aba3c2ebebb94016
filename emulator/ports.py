"""Where the box listens: five ports on 127.0.0.1, each overridable, so that two boxes can run side by side.

Knows the variables' names and how to tell that a port is taken. Refuses to know what listens there.
"""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

HOST = "127.0.0.1"
HIGHEST = 65535
# Below the range that Linux and macOS hand out for outgoing connections, so that nothing slips in between.
FREE_FROM, FREE_TO, BLOCK = 20000, 32000, 5


class PortsError(Exception):
    """The box cannot listen where it was told to; the text names the variable."""


@dataclass(frozen=True, slots=True)
class Ports:
    """`azurite` is the first of three: blobs, queues, tables, in Azurite's own order."""

    postern: int = 7071
    emulator: int = 7443
    azurite: int = 10000

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """As POSTERN_PORT, EMULATOR_PORT and AZURITE_PORT say; `PortsError` names those that make no sense."""
        ports = cls(
            postern=_read("POSTERN_PORT", environ, cls().postern, HIGHEST),
            emulator=_read("EMULATOR_PORT", environ, cls().emulator, HIGHEST),
            azurite=_read("AZURITE_PORT", environ, cls().azurite, HIGHEST - 2),
        )
        numbers = [port for _, port in ports.listed()]
        if len(set(numbers)) < len(numbers):
            raise PortsError(f"POSTERN_PORT, EMULATOR_PORT and AZURITE_PORT (and the next two) overlap: {numbers}")
        return ports

    @classmethod
    def find(cls, start: int) -> Self:
        """Five neighbouring ports on which nobody listens, looked for from `start` on."""
        blocks = range(FREE_FROM, FREE_TO, BLOCK)
        first = start % len(blocks)
        for base in (*blocks[first:], *blocks[:first]):
            ports = cls(postern=base, emulator=base + 1, azurite=base + 2)
            if not list(ports.taken()):
                return ports
        raise PortsError(f"No five free ports between {FREE_FROM} and {FREE_TO}")

    @property
    def queues(self) -> int:
        return self.azurite + 1

    @property
    def tables(self) -> int:
        return self.azurite + 2

    def listed(self) -> list[tuple[str, int]]:
        """Every port with the variable that moves it."""
        azurite = [("AZURITE_PORT", self.azurite + offset) for offset in range(3)]
        return [("POSTERN_PORT", self.postern), ("EMULATOR_PORT", self.emulator), *azurite]

    def check(self) -> None:
        """Raise `PortsError` when another program listens on one of them."""
        lines = [f"Port {port} is taken by another program; {name} names another one." for name, port in self.taken()]
        if lines:
            raise PortsError("\n".join(lines))

    def taken(self) -> Iterator[tuple[str, int]]:
        """The ports on which this machine does not let us listen."""
        for name, port in self.listed():
            with socket.socket() as trial:
                # Connections that have just ended do not count, only a program that listens.
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    trial.bind((HOST, port))
                except OSError:
                    yield name, port


def _read(name: str, environ: Mapping[str, str], default: int, highest: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not 0 < int(text) <= highest:
        raise PortsError(f"{name} must be a number from 1 to {highest}, not {text!r}")
    return int(text)
