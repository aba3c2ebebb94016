"""What stands before the app while examples are run: it can be away for a while, and it plays GitHub's part."""

from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.box import Box


@dataclass
class Gate:
    """Stands before the app and before GitHub: it answers the next calls to the app with 503, and vouches for jobs."""

    box: Box
    port: int
    away: int = 0
    vouched: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> Starlette:
        methods = ["GET", "POST"]
        return Starlette(routes=[Route("/vouch", self.vouch), Route("/{path:path}", self.pass_on, methods=methods)])

    async def vouch(self, request: Request) -> Response:
        self.vouched.append(request.query_params["audience"])
        return JSONResponse({"value": "GitHub says so"})

    async def pass_on(self, request: Request) -> Response:
        if self.away:
            self.away -= 1
            return Response(status_code=503, headers={"Retry-After": "1"})
        kept = {name: value for name, value in request.headers.items() if name != "host"}
        url = f"{self.box.site.postern}{request.url.path}"
        answer = await self.box.client.request(
            request.method, url, headers=kept, content=await request.body(), timeout=100
        )
        told = {name: value for name, value in answer.headers.items() if name in {"content-type", "retry-after"}}
        return Response(answer.content, answer.status_code, told)
