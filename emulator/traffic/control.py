"""The control API's part for traffic: `/_box/traffic` makes some, and says what was made.

It knows HTTP, and in which order the parts work. While a call's traffic is judged nothing else happens in the box, so
the network stands still; telling the logs takes longest, and does not hold the box up.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.arm import paths
from emulator.arm.cloud import Cloud
from emulator.logs.store import Logs
from emulator.traffic import counts, orders, scenarios, targets
from emulator.traffic.flows import Flow, Gate
from emulator.traffic.landing import Landing
from emulator.traffic.orders import Order, OrderError
from emulator.traffic.scenarios import Scene
from emulator.traffic.targets import TargetError

type Json = dict[str, Any]

_FILTERS = ("count", "machine", "since", "until")


@dataclass(slots=True)
class Traffic:
    """The generator over one cloud and its logs, with a record of every flow it made. `clock` gives epoch seconds."""

    cloud: Cloud
    logs: Logs
    clock: Callable[[], float]
    flows: list[Flow] = field(default_factory=list)

    def routes(self) -> list[Route]:
        """What this module answers over HTTP."""
        return [
            Route("/_box/traffic", self._post, methods=["POST"]),
            Route("/_box/traffic", self._get, methods=["GET"]),
        ]

    def clear(self) -> None:
        """Forget every flow."""
        self.flows.clear()

    async def make(self, order: Order) -> Json:
        """Make traffic and tell the logs; raises TargetError where nobody can be reached."""
        flows = self._judge(order)
        self.flows.extend(flows)
        rows = await asyncio.to_thread(Landing(self.logs, self.clock(), order.lag).land, flows)
        allowed = sum(flow.outcome.passes for flow in flows)
        return {"flows": len(flows), "denied": len(flows) - allowed, "allowed": allowed, "rows": rows}

    def _judge(self, order: Order) -> list[Flow]:
        self.cloud.settle()
        scene = Scene(targets.find(self.cloud.store, order.machines), order.until, order.seconds, order.source)
        flows = list(Gate().judge(scenarios.draw(order.scenario, scene, order.flows, order.seed)))
        if not flows:
            raise TargetError(f"The scenario {order.scenario} finds no machine that {order.source} could reach.")
        return flows

    async def _post(self, request: Request) -> Response:
        try:
            body = await request.json() if await request.body() else {}
            return JSONResponse(await self.make(orders.read(body, self.clock())))
        except TargetError as error:
            return _refusal(error, HTTPStatus.NOT_FOUND)
        except ValueError as error:
            return _refusal(error, HTTPStatus.BAD_REQUEST)

    async def _get(self, request: Request) -> Response:
        """The flows, or with `count=true` counts of them; of one machine, or of a time, where the query says so."""
        query = request.query_params
        if set(query) - set(_FILTERS):
            return _refusal(OrderError(f"The query has {', '.join(_FILTERS)}."), HTTPStatus.BAD_REQUEST)
        try:
            found = _choose(self.flows, query)
        except OrderError as error:
            return _refusal(error, HTTPStatus.BAD_REQUEST)
        if query.get("count") == "true":
            return JSONResponse(counts.count(found))
        return JSONResponse({"flows": [counts.document(flow) for flow in found]})


def _choose(flows: list[Flow], query: Mapping[str, str]) -> list[Flow]:
    machine = query.get("machine", "").lower()
    since = orders.moment(query["since"]) if "since" in query else float("-inf")
    until = orders.moment(query["until"]) if "until" in query else float("inf")
    return [
        flow
        for flow in flows
        if since <= flow.at < until
        and (not machine or machine in {paths.key(flow.target.id), flow.target.name.lower()})
    ]


def _refusal(error: Exception, status: HTTPStatus) -> Response:
    return JSONResponse({"error": str(error)}, status)
