"""The front door of ARM: who calls, with which version, how often, and what is programmed to go wrong.

It knows tokens, api-version, throttling, roles, latency, faults and the call log, in that order, and turns everything
into HTTP. It refuses to know resources: the dispatcher answers for them.
"""

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from emulator.arm import actions, dispatch, errors, faults, paths
from emulator.arm.cloud import Cloud
from emulator.arm.errors import ArmError
from emulator.arm.exchange import Answer, Call
from emulator.arm.faults import Fault
from emulator.hybrid.commands import Commands
from emulator.line import LostAnswer
from emulator.tokens import Signer, TokenError

AUDIENCES = ("https://management.azure.com", "https://management.azure.com/")


@dataclass(frozen=True, slots=True)
class Gateway:
    """ARM behind HTTP. `sleep` waits seconds; `utc` says what time calls are written down with."""

    cloud: Cloud
    signer: Signer
    utc: Callable[[], dt.datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    journal: Callable[[str, str, int, tuple[str, str]], None] | None = None  # Hears of every change, and by whom.
    commands: Commands | None = None  # The run commands of servers outside Azure.

    async def __call__(self, request: Request) -> Response:
        """Answer one request, or cut its connection where a fault says so."""
        path = request.url.path
        headers: dict[str, str] = {"x-ms-request-id": self.cloud.new_id()}
        fault: Fault | None = None
        try:
            call = await self._admit(request, headers)
            fault = self.cloud.faults.take(call.method, path)
            answer = await self._carry_out(replace(call, fault=fault))
            if self.journal and not call.reads:
                caller = (self._authenticate(request), request.client.host if request.client else "")
                self.journal(call.method, path, answer.status, caller)
        except ArmError as error:
            answer = Answer(error.status, error.document(), error.headers)
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        self._write_down(request, answer.status, len(content))
        if fault and fault.kind == "lost-answer":
            return LostAnswer()
        media = {} if answer.body is None else {"content-type": "application/json; charset=utf-8"}
        return Response(content, answer.status, {**headers, **media, **answer.headers})

    async def _admit(self, request: Request, headers: dict[str, str]) -> Call:
        """The call, if it may pass: a good token, an api-version, tokens left in the buckets, and the roles for it."""
        principal = self._authenticate(request)
        if not request.query_params.get("api-version"):
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmError(HTTPStatus.BAD_REQUEST, "MissingApiVersionParameter", message)
        place = paths.parse(request.url.path) or paths.Place()
        if paths.is_query(request.url.path):
            self._ration(principal, headers)
        else:
            self._throttle(request.method, principal, place, headers)
        query = {name.lower(): value for name, value in request.query_params.items()}
        base = f"{request.url.scheme}://{request.url.netloc}"
        content = await request.body()
        call = Call(request.method, request.url.path, place, query, request.headers, content, base, principal)
        self.cloud.access.check(principal, actions.needs(call), call.method)
        return call

    def _authenticate(self, request: Request) -> str:
        """The object id of the caller. Source of the codes: ARM's answers to tokens that are missing or wrong."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        try:
            # Outside the public cloud a token is for the endpoint itself.
            own = f"{request.url.scheme}://{request.url.netloc}"
            claims = self.signer.verify(token, audiences=(*AUDIENCES, own))
        except TokenError as error:
            raise _unauthorized("InvalidAuthenticationToken", f"The access token is invalid: {error}") from error
        return str(claims.get("oid", ""))

    def _throttle(self, method: str, principal: str, place: paths.Place, headers: dict[str, str]) -> None:
        network = place.namespace.lower() == "microsoft.network"
        admission = self.cloud.throttle.admit(principal, place.subscription.lower(), method=method, network=network)
        name, left = admission.header
        headers[name] = left
        if admission.wait:
            message = (
                f"Number of requests for subscription '{place.subscription}' and operation '{method}' exceeded the "
                f"backend storage limit. Please try again after '{admission.wait}' seconds."
            )
            after = {"Retry-After": str(admission.wait)}
            raise ArmError(HTTPStatus.TOO_MANY_REQUESTS, "SubscriptionRequestsThrottled", message, headers=after)

    def _ration(self, principal: str, headers: dict[str, str]) -> None:
        """Resource Graph has a bucket of its own, and says with every answer what is left in it."""
        ration = self.cloud.throttle.admit_query(principal)
        headers["x-ms-user-quota-remaining"] = str(ration.left)
        headers["x-ms-user-quota-resets-after"] = f"00:00:{ration.resets:02d}"
        if ration.wait:
            raise errors.query_throttled(headers["x-ms-request-id"], ration.wait)

    async def _carry_out(self, call: Call) -> Answer:
        seconds = self.cloud.latency.read if call.reads else self.cloud.latency.write
        if call.reads and call.fault and call.fault.kind == "slow":
            seconds += call.fault.seconds
        if seconds:
            await self.sleep(seconds)
        refusal = faults.refusal(call.fault, call.path) if call.fault else None
        if refusal is not None:
            raise refusal
        if self.commands and self.commands.handles(call):
            return self.commands.answer(call)
        return dispatch.answer(self.cloud, call)

    def _write_down(self, request: Request, status: HTTPStatus, size: int) -> None:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        time = self.utc().isoformat().replace("+00:00", "Z")
        self.cloud.calls.add(time=time, method=request.method, path=path, answer=(int(status), size))


def _unauthorized(code: str, message: str) -> ArmError:
    challenge = 'Bearer authorization_uri="https://login.microsoftonline.com/", error="invalid_token"'
    return ArmError(HTTPStatus.UNAUTHORIZED, code, message, headers={"WWW-Authenticate": challenge})
