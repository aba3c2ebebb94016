"""A receiver of webhooks inside the box: it keeps what it is sent, and answers as it was told to.

`/_hooks/<name>` is where the app may send to; `/_box/hooks` is where tests and demos look and say what is answered.
It knows nothing of what is sent. Refuses to check a signature: that is for whoever looks.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

type Json = dict[str, Any]

_MOST_KEPT = 2000
_ANSWER_FIELDS = {"status", "seconds", "location"}


@dataclass(slots=True)
class Hooks:
    """What came, and what is still to be answered, by the receiver's name; without that the answer is 202."""

    received: deque[Json] = field(default_factory=lambda: deque(maxlen=_MOST_KEPT))
    answers: dict[str, list[Json]] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """What this module answers over HTTP."""
        return [
            Route("/_hooks/{name}", self._receive, methods=["POST", "GET"]),
            Route("/_box/hooks", self._list, methods=["GET"]),
            Route("/_box/hooks", self._program, methods=["POST"]),
            Route("/_box/hooks", self._forget, methods=["DELETE"]),
        ]

    async def _receive(self, request: Request) -> Response:
        name = request.path_params["name"]
        body = (await request.body()).decode(errors="replace")
        waiting = self.answers.get(name, [])
        answer = waiting.pop(0) if waiting else {}
        status = int(answer.get("status", HTTPStatus.ACCEPTED))
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.received.append({"name": name, "headers": headers, "body": body, "answered": status})
        await asyncio.sleep(float(answer.get("seconds", 0)))
        return Response(status_code=status, headers={"Location": answer["location"]} if "location" in answer else None)

    async def _list(self, request: Request) -> Response:
        name = request.query_params.get("name")
        return JSONResponse({"value": [one for one in self.received if name in {None, one["name"]}]})

    async def _program(self, request: Request) -> Response:
        """`{"name": ..., "answers": [{"status", "seconds"?, "location"?}, ...]}`: one answer each, in this order."""
        body = await request.json()
        answers = body.get("answers", [])
        if set(body) - {"name", "answers"} or any(set(answer) - _ANSWER_FIELDS for answer in answers):
            return JSONResponse({"error": "Say name, and answers with status, seconds, location."}, 400)
        self.answers[str(body["name"])] = list(answers)
        return JSONResponse({"programmed": len(answers)})

    async def _forget(self, _request: Request) -> Response:
        self.received.clear()
        self.answers.clear()
        return JSONResponse({})
