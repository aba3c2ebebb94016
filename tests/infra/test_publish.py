"""The package reaches the app as it is, and a deployment counts only when Azure says that it is in place."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.box import Box
from scripts.publish import main

SUBSCRIPTION: Final = "11111111-1111-1111-1111-111111111111"
ZIP: Final = b"PK, as it were"
GONE: Final = -404


@dataclass
class Cloud:
    """Azure Resource Manager and an app's deployment site, as far as a deployment needs them.

    `statuses` are told one after the other, and the last for ever; GONE is an answer of 404.
    """

    port: int
    statuses: list[int] = field(default_factory=lambda: [4])
    answer: int = 202
    kinds: tuple[str, ...] = ("Standard", "Repository")
    taken: list[tuple[str, bytes]] = field(default_factory=list)

    def app(self) -> Starlette:
        """What answers for both."""
        return Starlette(
            routes=[
                Route("/subscriptions/{rest:path}", self.show),
                Route("/api/publish", self.take, methods=["POST"]),
                Route("/api/deployments/{id}", self.tell),
            ]
        )

    async def show(self, _: Request) -> Response:
        states = [{"name": f"127.0.0.1:{self.port}", "hostType": kind} for kind in self.kinds]
        return JSONResponse({"properties": {"hostNameSslStates": states}})

    async def take(self, request: Request) -> Response:
        self.taken.append((str(request.query_params), await request.body()))
        return JSONResponse("d-1", self.answer)

    async def tell(self, _: Request) -> Response:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return Response(status_code=404) if status == GONE else JSONResponse({"status": status, "status_text": "Well."})


@pytest.fixture
async def cloud(emulator: Box) -> AsyncIterator[Cloud]:
    """A cloud that is served with the box's certificate; the box's identity signs in to it."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        found = Cloud(int(door.getsockname()[1]))
        pair = {name: str(Path(emulator.site.directory) / f"{name}.pem") for name in ("cert", "key")}
        config = uvicorn.Config(found.app(), ssl_certfile=pair["cert"], ssl_keyfile=pair["key"], log_level="error")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([door]))
        yield found
        server.should_exit = True
        await serving


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes to a cloud, and notes how long it would have waited."""

    cloud: Cloud
    package: Path
    pauses: list[float]

    async def publish(self) -> int:
        """The exit status."""
        words = ["--subscription", SUBSCRIPTION, "--resource-group", "rg", "--app", "postern"]
        cloud = [
            "--endpoint",
            f"https://127.0.0.1:{self.cloud.port}",
            "--scope",
            "https://management.azure.com/.default",
        ]
        return await asyncio.to_thread(main, [*words, *cloud, "--package", str(self.package)], self.pauses.append)


@pytest.fixture
def publisher(cloud: Cloud, tmp_path: Path) -> Publisher:
    package = tmp_path / "postern.zip"
    package.write_bytes(ZIP)
    return Publisher(cloud, package, [])


async def test_the_zip_arrives_as_it_is_and_nothing_is_built(publisher: Publisher) -> None:
    assert 0 == await publisher.publish()
    assert [("RemoteBuild=false&Deployer=postern", ZIP)] == publisher.cloud.taken


async def test_it_waits_until_the_deployment_is_in_place(publisher: Publisher) -> None:
    publisher.cloud.statuses = [GONE, 0, 1, 2, GONE, 4]
    assert (0, [2.0] * 6) == (await publisher.publish(), publisher.pauses)


@pytest.mark.parametrize("ending", [-1, 3, 5, 6])
async def test_a_deployment_that_ends_badly_is_a_failure(
    publisher: Publisher, ending: int, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.cloud.statuses = [2, ending]
    assert 1 == await publisher.publish()
    assert "NOT deployed: The deployment " in capsys.readouterr().err


async def test_a_deployment_that_never_ends_is_given_up(publisher: Publisher) -> None:
    publisher.cloud.statuses = [1]
    assert (1, 900.0) == (await publisher.publish(), sum(publisher.pauses))


async def test_a_deployment_that_is_gone_for_good_is_a_failure(publisher: Publisher) -> None:
    publisher.cloud.statuses = [GONE]
    assert (1, True) == (await publisher.publish(), len(publisher.pauses) < 20)


async def test_another_deployment_under_way_is_told(publisher: Publisher, capsys: pytest.CaptureFixture[str]) -> None:
    publisher.cloud.answer = 409
    assert (1, []) == (await publisher.publish(), publisher.pauses)
    assert "Another deployment" in capsys.readouterr().err


async def test_what_azure_answers_to_a_refusal_is_told(
    publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.cloud.answer = 400
    assert 1 == await publisher.publish()
    assert '"d-1"' in capsys.readouterr().err


async def test_an_app_without_a_deployment_site_cannot_be_reached(publisher: Publisher) -> None:
    publisher.cloud.kinds = ("Standard",)
    assert (2, []) == (await publisher.publish(), publisher.cloud.taken)


async def test_a_package_that_is_not_there_is_named(publisher: Publisher, capsys: pytest.CaptureFixture[str]) -> None:
    publisher.package.unlink()
    with pytest.raises(SystemExit):
        await publisher.publish()
    assert "make package" in capsys.readouterr().err
