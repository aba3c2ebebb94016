"""The whole host: one function app, served until it is told to stop.

Knows which part stands before which, and the order of starting and stopping. Refuses to know what the parts do.
"""

import asyncio
import random
import socket
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.functions import deliveries, storage, timers
from emulator.functions.accounts import Accounts
from emulator.functions.admin import Admin
from emulator.functions.catalog import Function, QueueTrigger, TimerTrigger
from emulator.functions.clock import Clock, SystemClock
from emulator.functions.easyauth import EasyAuth
from emulator.functions.front import Front
from emulator.functions.invocations import Flights, Invoker
from emulator.functions.queues import Listener
from emulator.functions.settings import HostFile, Settings, SignIn
from emulator.functions.site import Limits, Site
from emulator.functions.tokens import Provider
from emulator.functions.worker import Item, Worker

GRACE = timedelta(seconds=5)
"""How long runs that have begun may take when the host stops."""

_LARGEST_HEADERS = 32 * 1024


@dataclass(frozen=True, slots=True)
class App:
    """A function app that has been indexed, and the worker that runs it."""

    functions: tuple[Function, ...]
    worker: Worker
    file: HostFile
    environ: Mapping[str, str]


class Host:
    """Everything that runs a function app."""

    def __init__(self, app: App, settings: Settings, clock: Clock) -> None:
        self._app, self._settings = app, settings
        self._flights = Flights()
        self._invoker = Invoker(app.worker, lambda: str(uuid.uuid4()))
        self._storage = storage.Accounts(app.environ)
        around = timers.Surroundings(self._invoker, self._flights, clock, timers.Monitor(settings.timers))
        self._timers = {
            function.name: timers.Timer(function, function.trigger, around)
            for function in app.functions
            if isinstance(function.trigger, TimerTrigger)
        }
        self._around = deliveries.Surroundings(
            self._invoker,
            self._flights,
            clock,
            app.file.queues,
            lambda: random.uniform(0.8, 1.2),  # noqa: S311 - Spreads polls, guards nothing.
        )

    def listeners(self) -> Iterator[Coroutine[None, None, None]]:
        """What runs beside HTTP, each until it is cancelled."""
        for timer in self._timers.values():
            yield timer.run()
        for function in self._app.functions:
            if isinstance(function.trigger, QueueTrigger):
                yield Listener(function, self._open_ends(function.trigger), self._around).run()

    @asynccontextmanager
    async def site(self) -> AsyncIterator[ASGIApp]:
        """All that answers HTTP: the front end, Easy Auth where it is on, then the host's pages and the app's."""
        limits = Limits(self._settings.largest_body, homepage=self._settings.homepage)
        inside = divide(Admin(self._app.functions, self._start), Site(self._app.functions, self._invoker, limits))
        if self._settings.sign_in is None:
            yield Front(inside)
            return
        async with trust(self._settings.sign_in) as client:
            provider = Provider(self._settings.sign_in, client, time.monotonic)
            yield Front(EasyAuth(inside, Accounts(provider).app(), provider, self._settings.sign_in))

    async def close(self) -> None:
        """Let what has begun finish, as long as the grace lasts."""
        await self._flights.drain(GRACE)
        await self._storage.close()

    async def _start(self, function: Function, given: str) -> None:
        if function.name in self._timers:
            self._flights.launch(self._timers[function.name].fire())
        else:
            self._flights.launch(self._run(function, Item(given, describe_now(datetime.now(UTC)))))

    async def _run(self, function: Function, item: Item) -> None:
        await self._invoker.invoke(function, item)

    def _open_ends(self, trigger: QueueTrigger) -> deliveries.OpenEnds:
        def open_ends() -> deliveries.Ends:
            queue = self._storage.queue(trigger.connection, trigger.queue)
            return deliveries.Ends(queue, self._storage.queue(trigger.connection, f"{trigger.queue}-poison"))

        return open_ends


def divide(admin: ASGIApp, site: ASGIApp) -> ASGIApp:
    """`/admin` belongs to the host, all else to the app."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (admin if scope["path"].lower().startswith("/admin/") else site)(scope, receive, send)

    return app


def describe_now(now: datetime) -> Mapping[str, object]:
    """What is known of a message that never was in a queue: an administrator's."""
    times = {"InsertionTime": now, "ExpirationTime": now + timedelta(days=7), "NextVisibleTime": now}
    return {
        "Id": str(uuid.uuid4()),
        "PopReceipt": "",
        "DequeueCount": 1,
        **{name: value.isoformat() for name, value in times.items()},
    }


def trust(sign_in: SignIn) -> httpx.AsyncClient:
    """A client that trusts the box's certificate, and that no proxy of the machine's environment diverts."""
    context = ssl.create_default_context(cafile=sign_in.certificate)
    return httpx.AsyncClient(verify=context, trust_env=False, timeout=10)


class _Server(uvicorn.Server):
    """Uvicorn, which otherwise takes the process's signals for itself and raises them again at its end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: App, settings: Settings, door: socket.socket, stop: asyncio.Event) -> None:
    """Serve an app on a bound socket until `stop` is set; an end of any part for another reason is raised."""
    host = Host(app, settings, SystemClock())
    async with host.site() as site:
        server = _Server(configure(site))
        parts = [asyncio.create_task(part) for part in (stop.wait(), server.serve([door]), *host.listeners())]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            server.should_exit = True
            for part in (parts[0], *parts[2:]):
                part.cancel()
            await asyncio.gather(host.close(), asyncio.wait(parts))
            app.worker.stop()


def configure(site: ASGIApp) -> uvicorn.Config:
    """Uvicorn's settings: HTTP/1.1 only, no opinions of its own in the log or in headers."""
    return uvicorn.Config(
        site,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_LARGEST_HEADERS,
        timeout_graceful_shutdown=int(GRACE.total_seconds()),
    )
