"""What listens in the lab: each port of the machines sends back what it gets, over TCP and UDP, in both families."""

import asyncio
import socket
from asyncio import BaseTransport, DatagramTransport, StreamReader, StreamWriter

from tests.packets.hosts import LISTENERS, PORTS
from tests.packets.network import inside


async def listen() -> None:
    """Open every port of every machine that is to be reached."""
    for host in LISTENERS:
        for address in host.addresses:
            for port in PORTS:
                with inside(host):
                    stream, datagram = bind(address, port, "tcp"), bind(address, port, "udp")
                await asyncio.start_server(_echo, sock=stream)
                await asyncio.get_running_loop().create_datagram_endpoint(_Echo, sock=datagram)


def bind(address: str, port: int, protocol: str) -> socket.socket:
    """A socket of the namespace that is entered, at an address of the host whose it is."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setblocking(False)  # noqa: FBT003 - as the standard library has it.
    made.bind((address, port))
    return made


async def _echo(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while heard := await reader.read(100):
            writer.write(heard)
    except ConnectionResetError:
        pass  # How probes hang up.
    finally:
        writer.close()


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: BaseTransport) -> None:
        assert isinstance(transport, DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(data, addr)
