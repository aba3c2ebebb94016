"""The emulator as a process: `python -m emulator.server`.

It knows the environment, the sockets and how the parts hang together; nothing else does. Settings: EMULATOR_PORT,
AZURITE_PORT, BOX_DIR, IDENTITY_HEADER, EMULATOR_LOG_LEVEL. It listens on 127.0.0.1 only and stops on SIGTERM.
"""

import asyncio
import datetime as dt
import os
import signal
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator import certificate, world
from emulator.arm.cloud import Cloud
from emulator.arm.gateway import Gateway
from emulator.control import Control
from emulator.entra.api import GraphApi
from emulator.hooks import Hooks
from emulator.hybrid.commands import Commands
from emulator.hybrid.control import HostControl
from emulator.hybrid.namespaces import Namespaces
from emulator.identity import Identity
from emulator.line import Line
from emulator.logs import agents
from emulator.logs.api import QueryApi
from emulator.logs.journal import Journal
from emulator.logs.store import Logs
from emulator.storage import Storage
from emulator.tokens import Signer, make_key
from emulator.traffic.control import Traffic

HOST = "127.0.0.1"
# Long enough for an answer on its way, short enough for Ctrl-C.
GRACE_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the box lives."""

    port: int = 7443
    azurite_port: int = 10000
    directory: Path = Path(".box")
    identity_header: str = "box"
    log_level: str = "warning"

    @staticmethod
    def read(environment: Mapping[str, str]) -> "Settings":
        """The settings of an environment; what is missing has its default."""
        return Settings(
            port=int(environment.get("EMULATOR_PORT", "7443")),
            azurite_port=int(environment.get("AZURITE_PORT", "10000")),
            directory=Path(environment.get("BOX_DIR", ".box")),
            identity_header=environment.get("IDENTITY_HEADER", "box"),
            log_level=environment.get("EMULATOR_LOG_LEVEL", "warning"),
        )


def build_app(settings: Settings, cloud: Cloud, signer: Signer, hosts: Namespaces) -> Starlette:
    """The emulator as an ASGI app over a cloud; the signer's clock also dates the call log."""
    identity = Identity(signer, f"https://{HOST}:{settings.port}", settings.identity_header)
    storage = Storage(settings.azurite_port, identity, settings.directory / "cert.pem")
    logs = Logs(signer.now)
    agents.report(logs, cloud.store)
    traffic = Traffic(cloud, logs, signer.now)

    def utc() -> dt.datetime:
        return dt.datetime.fromtimestamp(signer.now(), dt.UTC)

    commands = Commands(cloud, hosts, utc)
    gateway = Gateway(cloud, signer, utc, journal=Journal(logs, utc).note, commands=commands)

    async def arm(request: Request) -> Response:
        return await gateway(request)

    methods = ["GET", "PUT", "PATCH", "POST", "DELETE"]
    routes = [
        *identity.routes(),
        *Control(cloud, identity, storage, logs, traffic, commands).routes(),
        *HostControl(commands).routes(),
        *traffic.routes(),
        *Hooks().routes(),
        *QueryApi(cloud, logs, signer, utc).routes(),
        *GraphApi(cloud, signer, utc).routes(),
        Route("/{path:path}", arm, methods=methods),
    ]
    return Starlette(routes=routes)


async def serve(settings: Settings) -> None:
    """Serve the demo world until SIGTERM or Ctrl-C."""
    pair = certificate.ensure(settings.directory)
    cloud = Cloud(clock=time.monotonic, new_id=lambda: str(uuid.uuid4()))
    world.build(cloud, "demo")
    hosts = Namespaces(f"box{settings.port}", settings.directory / "hosts")
    config = uvicorn.Config(
        build_app(settings, cloud, Signer(make_key()), hosts),
        host=HOST,
        port=settings.port,
        ssl_certfile=pair.cert,
        ssl_keyfile=pair.key,
        http=Line,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level=settings.log_level,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    try:
        await uvicorn.Server(config).serve()
    finally:
        await hosts.close()


def main() -> None:
    """The entry of the process."""
    # After an orderly stop uvicorn raises the signal once more; by then it has nothing left to say.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    asyncio.run(serve(Settings.read(os.environ)))


if __name__ == "__main__":
    main()
