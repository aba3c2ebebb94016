"""Sending, to a real server over TLS: what is sent, what counts as taken, and where nobody can lead us."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import ThreadedResolver, web
from aiohttp.abc import AbstractResolver, ResolveResult

from emulator.box import Site
from shared.adapters.webhooks import HttpWebhooks
from shared.channels import Receipt, Reception
from shared.domain.receivers import Receivers

LOOPBACK = ("127.0.0.0/8", "::1/128")
BODY = b'{"specversion": "1.0"}'
HEADERS = {"content-type": "application/cloudevents+json", "webhook-id": "1"}


@dataclass(slots=True)
class Names(AbstractResolver):
    """Answers with what it was told, one answer for each time it is asked; the last one again and again."""

    answers: list[list[str]]
    asked: int = 0

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - the port's form.
    ) -> list[ResolveResult]:
        """The next answer."""
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0) for one in found
        ]

    async def close(self) -> None:
        """Nothing is held open."""


@dataclass(slots=True)
class Server:
    """What came, and where it listens."""

    port: int = 0
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """An address here."""
        return f"https://{host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """By the path: a status, a redirect, slowly, or without an end."""
        self.received.append((request.path_qs, dict(request.headers), await request.read()))
        match request.path.strip("/").split("/"):
            case ["status", status]:
                return web.Response(status=int(status))
            case ["redirect", status]:
                return web.Response(status=int(status), headers={"Location": self.url("/status/200")})
            case ["slow"]:
                await asyncio.sleep(5)
            case ["endless"]:
                return await _endless(request)
        return web.Response(status=204)


async def _endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(status=200)
    await answer.prepare(request)
    while True:
        await answer.write(b"x" * 65536)


@pytest.fixture(scope="module")
async def server(site: Site) -> AsyncIterator[Server]:
    """A server with the box's certificate, for 127.0.0.1 and localhost."""
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(site.directory / "cert.pem", site.directory / "key.pem")
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await listening.start()
    server.port = int(runner.addresses[0][1])
    yield server
    await runner.cleanup()


async def sent(
    server: Server, url: str, *, inner: AbstractResolver | None = None, prefixes: tuple[str, ...] = LOOPBACK
) -> Receipt:
    """What comes of sending to an address on the server's port."""
    hosts = (f"127.0.0.1:{server.port}", f"localhost:{server.port}")
    webhooks = HttpWebhooks(Receivers(hosts, prefixes), inner, patience=1)
    try:
        return await webhooks.post(url, BODY, HEADERS)
    finally:
        await webhooks.close()


async def test_what_is_sent_arrives_as_it_was(server: Server) -> None:
    await sent(server, server.url("/status/200?sig=a%2Fb"))
    path, headers, body = server.received[-1]
    assert ("/status/200?sig=a%2Fb", BODY) == (path, body)
    assert ("application/cloudevents+json", "1", "Postern") == (
        headers["Content-Type"], headers["webhook-id"], headers["User-Agent"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "reception"),
    [(200, "taken"), (202, "taken"), (204, "taken"), (400, "failed"), (401, "failed"), (404, "failed"),
     (410, "unwanted"), (429, "failed"), (500, "failed"), (503, "failed")],
)  # fmt: skip
async def test_only_success_counts_as_taken(server: Server, status: int, reception: str) -> None:
    assert reception == (await sent(server, server.url(f"/status/{status}"))).reception


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(server: Server, status: int) -> None:
    before = len(server.received)
    assert Reception.FAILED is (await sent(server, server.url(f"/redirect/{status}"))).reception
    assert 1 == len(server.received) - before


async def test_who_does_not_answer_in_time_has_failed(server: Server) -> None:
    receipt = await sent(server, server.url("/slow?sig=hunter2"))
    assert (Reception.FAILED, False) == (receipt.reception, "hunter2" in receipt.detail)


async def test_an_answer_without_an_end_is_not_read(server: Server) -> None:
    assert Reception.TAKEN is (await sent(server, server.url("/endless"))).reception


async def test_nobody_listening_is_a_failure(server: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    webhooks = HttpWebhooks(Receivers((f"127.0.0.1:{port}",), LOOPBACK))
    receipt = await webhooks.post(f"https://127.0.0.1:{port}/", BODY, HEADERS)
    await webhooks.close()
    assert (Reception.FAILED, True) == (receipt.reception, server.port != port)


async def test_a_certificate_for_another_name_is_a_failure(server: Server) -> None:
    inner = Names([["127.0.0.1"]])
    webhooks = HttpWebhooks(Receivers((f"hooks.example.com:{server.port}",), LOOPBACK), inner)
    before = len(server.received)
    receipt = await webhooks.post(f"https://hooks.example.com:{server.port}/", BODY, HEADERS)
    await webhooks.close()
    assert (Reception.FAILED, before) == (receipt.reception, len(server.received))


async def test_a_name_that_stands_for_an_address_inside_is_not_connected_to(server: Server) -> None:
    before = len(server.received)
    receipt = await sent(server, server.url("/status/200", "localhost"), prefixes=())
    assert (Reception.FAILED, before) == (receipt.reception, len(server.received))


async def test_a_name_is_looked_up_by_the_system_when_nobody_else_does(server: Server) -> None:
    inner = ThreadedResolver(asyncio.get_running_loop())
    assert Reception.TAKEN is (await sent(server, server.url("/status/200", "localhost"), inner=inner)).reception


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "10.0.0.4", "::ffff:127.0.0.1", "168.63.129.16"])
async def test_a_name_that_changes_to_an_address_inside_is_caught_each_time(server: Server, inside: str) -> None:
    """The first answer may be connected to, and nobody listens there; the second is what must not be reached."""
    names = Names([["127.0.0.2"], [inside]])
    receivers = Receivers((f"localhost:{server.port}",), ("127.0.0.2/32",))
    webhooks = HttpWebhooks(receivers, names, patience=0.3)
    before = len(server.received)
    receipts = [await webhooks.post(server.url("/status/200", "localhost"), BODY, HEADERS) for _ in range(2)]
    await webhooks.close()
    assert [Reception.FAILED] * 2 == [receipt.reception for receipt in receipts]
    assert (before, 2) == (len(server.received), names.asked)


async def test_of_several_addresses_only_those_that_are_admitted_are_tried(server: Server) -> None:
    names = Names([["10.0.0.4", "127.0.0.1"]])
    receipt = await sent(server, server.url("/status/200", "localhost"), inner=names, prefixes=("127.0.0.1/32",))
    assert Reception.TAKEN is receipt.reception


async def test_an_address_outside_the_list_is_not_even_looked_up(server: Server) -> None:
    names = Names([["127.0.0.1"]])
    receipt = await sent(server, "https://evil.example.com/?sig=hunter2", inner=names)
    assert (Reception.FAILED, 0, False) == (receipt.reception, names.asked, "hunter2" in receipt.detail)


async def test_no_proxy_of_the_environment_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert Reception.TAKEN is (await sent(server, server.url("/status/200"))).reception
