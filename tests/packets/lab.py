"""The lab: a program that lives in namespaces of its own, reads jobs as lines of JSON and answers in kind.

Knows how to put a firewall in force, how to send probes through it all at once, and how to see what became of them: a
probe is answered, or the kernel notes its source port with a rule that denies. So nothing waits for a time-out.
Refuses to know what should happen. Started by `client`; it ends when its input does.
"""

import asyncio
import json
import socket
import struct
import sys
from asyncio import Task
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from tests.packets.firewall import TABLE, compile_groups, read_note
from tests.packets.hosts import OWNERS, Answer, Probe
from tests.packets.network import build, forget_soon, inside, run
from tests.packets.servers import bind, listen

type Tasks = Mapping[int, Task[None]]

PATIENCE: Final = 20.0  # seconds, for a probe that neither arrives nor is noted, which is the lab's own fault
PAUSE: Final = 0.03  # seconds between two looks at what the kernel noted
HANG_UP: Final = struct.pack("ii", 1, 0)  # Close by reset, so that no port lingers.


class Lab:
    """The sockets of probes that are kept, by source port."""

    def __init__(self) -> None:
        self._kept: dict[int, socket.socket] = {}

    async def do(self, job: dict[str, Any]) -> Any:  # noqa: ANN401 - each job has an answer of its own kind.
        """Carry out one job."""
        match job:
            case {"do": "apply", "script": script}:
                return run("nft -f -", script)
            case {"do": "probe", "probes": probes, "keep": keep}:
                return await self._probe([Probe(**one) for one in probes], keep=keep)
            case {"do": "speak", "port": port}:
                return await self._speak(port)
            case {"do": "hang up"}:
                _hang_up(self._kept.values())
                return self._kept.clear()
            case {"do": "forget"}:
                return run("conntrack -F")
        raise ValueError(f"not a job: {job}")

    async def _probe(self, probes: Iterable[Probe], *, keep: bool) -> list[dict[str, Any]]:
        sockets = {probe.source_port: _socket(probe) for probe in probes}
        tasks = {probe.source_port: asyncio.create_task(_reach(sockets[probe.source_port], probe)) for probe in probes}
        outcomes = await _await_outcomes(tasks)
        if keep:
            self._kept |= sockets
        else:
            _hang_up(sockets.values())
        noted = _noted()
        return [asdict(Answer(outcomes[port], noted.get(port, {}))) for port in sockets]

    async def _speak(self, port: int) -> str:
        outcomes = await _await_outcomes({port: asyncio.create_task(_say(self._kept[port]))})
        return outcomes[port]


def _socket(probe: Probe) -> socket.socket:
    with inside(OWNERS[probe.source]):
        return bind(probe.source, probe.source_port, probe.protocol)


async def _reach(sock: socket.socket, probe: Probe) -> None:
    await asyncio.get_running_loop().sock_connect(sock, (probe.destination, probe.port))
    await _say(sock)


async def _say(sock: socket.socket) -> None:
    """Say something and hear it back."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, b"hello")
    if await loop.sock_recv(sock, 100) != b"hello":
        raise ConnectionError


async def _await_outcomes(tasks: Tasks) -> dict[int, str]:
    """Wait until each probe has arrived or has been noted as dropped; `lost` is what did neither."""
    loop = asyncio.get_running_loop()
    last = loop.time() + PATIENCE
    dropped: set[int] = set()
    while (open_ := {port for port, task in tasks.items() if not task.done()} - dropped) and loop.time() < last:
        await asyncio.wait([tasks[port] for port in open_], timeout=PAUSE)
        dropped = _dropped()
    outcomes = {port: _outcome(task, dropped=port in dropped) for port, task in tasks.items()}
    for task in tasks.values():
        task.cancel()
    await asyncio.wait(tasks.values())
    return outcomes


def _outcome(task: Task[None], *, dropped: bool) -> str:
    if not task.done():
        return "filtered" if dropped else "lost"
    error = task.exception()
    return type(error).__name__ if error else "open"


def _hang_up(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        if sock.type is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HANG_UP)
        sock.close()


def _dropped() -> set[int]:
    return {port for name, ports in _notes() if read_note(name)[0] == "Deny" for port in ports}


def _noted() -> dict[int, dict[str, str]]:
    """The rule of each group that decided, by source port."""
    found: dict[int, dict[str, str]] = {}
    for name, ports in _notes():
        _, group, rule = read_note(name)
        for port in ports:
            found.setdefault(port, {})[group] = rule
    return found


def _notes() -> Iterable[tuple[str, list[int]]]:
    listed = json.loads(run(f"nft -j list table {TABLE}"))["nftables"]
    return [(one["set"]["name"], one["set"].get("elem", [])) for one in listed if "set" in one]


def _answer(answer: Any) -> None:  # noqa: ANN401 - JSON.
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Serve until the input ends."""
    build()
    run("nft -f -", compile_groups({}, {}))
    forget_soon()
    await listen()
    lab = Lab()
    _answer("ready")
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            answer = {"answer": await lab.do(json.loads(line))}
        except RuntimeError as error:
            answer = {"error": str(error)}
        _answer(answer)


if __name__ == "__main__":
    asyncio.run(main())
