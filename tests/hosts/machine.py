"""A computer in namespaces of its own, with neighbours: it runs the gate's script as Azure Arc does, and is knocked at.

It reads jobs as lines of JSON and answers in kind. The wires are those of the lab of packets; the script, the kernel,
and the sockets are real. The folders that the script writes to are empty ones that nobody else sees. Started by
`client`; it ends when its input does.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.packets.hosts import MACHINE, OWNERS
from tests.packets.network import build, inside, run
from tests.packets.servers import bind, listen

SCRIPT: Final = Path(__file__).parents[2] / "shared/hosts/gate.sh"
ENTER: Final = ("nsenter", f"--net=/run/netns/{MACHINE.name}")
COPY: Final = Path("/var/lib/postern/gate.sh")
FOLDERS: Final = ("/var/lib", "/etc/systemd/system")
RUN: Final = Path("/run")
SYSTEMCTL: Final = "/usr/bin/systemctl"
HELD: Final[list[socket.socket]] = []
PATIENCE: Final = 0.4  # seconds, for an answer on a wire without delay: a packet that was dropped has none


async def do(job: dict[str, Any]) -> Any:  # noqa: ANN401 - each job has an answer of its own kind.
    """Carry out one job."""
    match job:
        case {"do": "gate", "settings": settings}:
            return _start(SCRIPT, settings)
        case {"do": "again"}:
            return _start(COPY, {"POSTERN_MODE": "again"})
        case {"do": "run", "line": line, "text": text}:
            return run(" ".join((*ENTER, line)), text)
        case {"do": "knock" | "hold" | "speak"}:
            return await _visit(job)
    return _look(job)


async def _visit(job: dict[str, Any]) -> Any:  # noqa: ANN401 - as above.
    match job:
        case {"do": "knock", "knocks": knocks}:
            return await asyncio.gather(*(_knock(*knock) for knock in knocks))
        case {"do": "hold", "source": source, "port": port}:
            return HELD.append(await _connect(source, port, "tcp"))
    return await _is_answered(HELD[-1])


def _look(job: dict[str, Any]) -> Any:  # noqa: ANN401 - as above.
    match job:
        case {"do": "files"}:
            return {str(path): oct(path.stat().st_mode) for folder in FOLDERS for path in Path(folder).rglob("*")}
        case {"do": "read", "path": path}:
            return Path(path).read_text("utf-8")
        case {"do": "put", "path": path, "text": text}:
            return _put(Path(path), text)
        case {"do": "boot with systemd"}:
            return _boot()
        case {"do": "forget"}:
            return _forget()
    raise ValueError(f"not a job: {job}")


def _start(script: Path, settings: dict[str, str]) -> dict[str, Any]:
    """The script, with parameters as settings of its environment, as the agent's handler for Linux gives them."""
    command = (*ENTER, "sh", str(script))
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)  # noqa: S603 - under test.
    return {"code": done.returncode, "output": done.stdout, "error": done.stderr}


async def _knock(source: str, port: int, protocol: str) -> bool:
    """Whether the computer answers a newcomer."""
    try:
        sock = await _connect(source, port, protocol)
    except (TimeoutError, ConnectionError):
        return False
    with sock:
        return await _is_answered(sock)


async def _connect(source: str, port: int, protocol: str) -> socket.socket:
    with inside(OWNERS[source]):
        sock = bind(source, 0, protocol)
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_connect(sock, (MACHINE.v6 if ":" in source else MACHINE.v4, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _is_answered(sock: socket.socket) -> bool:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PATIENCE):
            await loop.sock_sendall(sock, b"hello")
            return await loop.sock_recv(sock, 100) == b"hello"
    except (TimeoutError, ConnectionError):
        return False


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755)


def _boot() -> None:
    """As if systemd had started this computer; what it is asked for is noted. Nobody outside sees it."""
    (RUN / "systemd/system").mkdir(parents=True)
    _put(RUN / "systemctl", '#!/bin/sh\necho "$@" >>/run/asked\n')
    run(f"mount --bind /run/systemctl {SYSTEMCTL}")


def _forget() -> None:
    run(" ".join((*ENTER, "nft flush ruleset")))
    for folder in FOLDERS:
        run(f"umount {folder}")
        run(f"mount -t tmpfs tmpfs {folder}")
    while HELD:
        HELD.pop().close()
    if (RUN / "systemd").exists():
        run(f"umount {SYSTEMCTL}")
        run("rm -rf /run/systemd /run/systemctl /run/asked")


async def main() -> None:
    """Serve until the input ends."""
    build()
    for folder in FOLDERS:
        run(f"mount -t tmpfs tmpfs {folder}")
    await listen()
    sys.stdout.write('"ready"\n')
    sys.stdout.flush()
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            answer = {"answer": await do(json.loads(line))}
        except (RuntimeError, OSError) as error:
            answer = {"error": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
