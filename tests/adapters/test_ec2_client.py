"""Calls of EC2 over HTTP: whom it signs in as, what its errors mean, and how long it is patient."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn import Config, Server

from emulator.ports import HOST, Ports
from shared.adapters.ec2_client import Ec2, Forbidden, Full, Refusal
from shared.aws_settings import AwsSettings
from shared.ports import NotFound, Unavailable
from tests.adapters.aws import PLACE
from tests.adapters.conftest import HastyClock

SIGNED_IN = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAONE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
FINE = '<DeleteTagsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><return>true</return></DeleteTagsResponse>'


@dataclass
class Amazon:
    """An AWS that answers what it is told to, and keeps what it was asked."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.asked.append(form)
        if form["Action"] == "AssumeRoleWithWebIdentity":
            return Response(SIGNED_IN, media_type="text/xml")
        self.keys.append(request.headers["Authorization"].split("Credential=")[1].split("/")[0])
        status, text = self.answers.pop(0) if self.answers else (200, FINE)
        return Response(text, status, media_type="text/xml")


@asynccontextmanager
async def serving(amazon: Amazon, port: int) -> AsyncIterator[Ec2]:
    app = Starlette(routes=[Route("/", amazon.answer, methods=["POST"])])
    server = Server(Config(app, HOST, port, log_level="critical"))
    task = asyncio.create_task(server.serve())
    settings = AwsSettings((PLACE,), "api://aws", endpoint=f"http://{HOST}:{port}")
    yield Ec2(settings, lambda: "token-of-entra", HastyClock())
    server.should_exit = True
    await task


def refusal(code: str) -> str:
    return f"<Response><Errors><Error><Code>{code}</Code><Message>No.</Message></Error></Errors></Response>"


@pytest.fixture
async def amazon() -> Amazon:
    return Amazon()


@pytest.fixture
async def ec2(amazon: Amazon, find_ports: Callable[[], Ports]) -> AsyncIterator[Ec2]:
    async with serving(amazon, find_ports().postern) as found:
        yield found


async def test_it_signs_in_with_the_token_of_its_own_identity_and_no_key(amazon: Amazon, ec2: Ec2) -> None:
    await ec2.call(PLACE, "DeleteTags", Resources=["sg-1"])
    asked = amazon.asked[0]
    assert ("arn:aws:iam::123456789012:role/postern", "token-of-entra", "postern") == (
        asked["RoleArn"],
        asked["WebIdentityToken"],
        asked["RoleSessionName"],
    )
    assert ["ASIAONE"] == amazon.keys


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("InvalidInstanceID.NotFound", NotFound),
        ("UnauthorizedOperation", Forbidden),
        ("RulesPerSecurityGroupLimitExceeded", Full),
        ("InvalidPermission.Duplicate", Refusal),
    ],
)
async def test_an_error_is_told_as_what_it_means_and_not_tried_again(
    amazon: Amazon, ec2: Ec2, code: str, expected: type[Exception]
) -> None:
    amazon.answers.append((400, refusal(code)))
    with pytest.raises(expected, match=f"DeleteTags: {code}: No"):
        await ec2.call(PLACE, "DeleteTags", Resources=["sg-1"])
    assert 1 == len(amazon.keys)


@pytest.mark.parametrize(("status", "code"), [(503, "RequestLimitExceeded"), (500, "InternalError")])
async def test_what_is_busy_is_asked_three_times_and_then_said_to_be(
    amazon: Amazon, ec2: Ec2, status: int, code: str
) -> None:
    amazon.answers.extend([(status, refusal(code))] * 3)
    with pytest.raises(Unavailable, match=code) as busy:
        await ec2.call(PLACE, "DeleteTags", Resources=["sg-1"])
    assert (3, timedelta(seconds=2)) == (len(amazon.keys), busy.value.retry_after)


async def test_what_was_busy_for_a_moment_is_done(amazon: Amazon, ec2: Ec2) -> None:
    amazon.answers.append((503, refusal("RequestLimitExceeded")))
    assert (await ec2.call(PLACE, "DeleteTags", Resources=["sg-1"]))["ResponseMetadata"]["HTTPStatusCode"] == 200


async def test_an_aws_that_is_not_there_is_unavailable(find_ports: Callable[[], Ports]) -> None:
    settings = AwsSettings((PLACE,), "api://aws", endpoint=f"http://{HOST}:{find_ports().postern}")
    with pytest.raises(Unavailable, match="AWS could not be asked"):
        await Ec2(settings, lambda: "token-of-entra", HastyClock()).call(PLACE, "DeleteTags", Resources=["sg-1"])
