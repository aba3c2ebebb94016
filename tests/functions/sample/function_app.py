"""A small function app for the host's tests: one function of each kind, and some that misbehave.

What timers and queues have done is told by GET /api/seen.
"""

# ruff: noqa: ARG001 - A function must declare its trigger's parameter, used or not.
# ruff: noqa: INP001 - The folder of a function app is no package.

import asyncio
import json
import logging

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
seen: list[str] = []


def tell(document: object, status: int = 200) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(document), status_code=status, mimetype="application/json")


@app.route("{ignored:maxlength(0)?}", methods=["GET"])
def front(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("the front page", mimetype="text/html")


@app.route("api/health", methods=["GET"])
async def health(req: func.HttpRequest) -> func.HttpResponse:
    return tell({"principal": req.headers.get("x-ms-client-principal")})


@app.route("api/echo/{*rest}")
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return tell(
        {
            "method": req.method,
            "url": req.url,
            "headers": dict(req.headers),
            "query": dict(req.params),
            "route": dict(req.route_params),
            "body": req.get_body().decode(),
            "function": context.function_name,
        }
    )


@app.route("api/cookies", methods=["GET"])
async def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = tell({}, 201)
    response.headers["X-Custom"] = "yes"
    response.headers.add("Set-Cookie", "one=1; HttpOnly; SameSite=Lax; Max-Age=60")
    response.headers.add("Set-Cookie", "two=a/b; Path=/api; Secure")
    return response


@app.route("api/fail", methods=["GET"])
async def fail(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("it was asked to")


@app.route("api/slow", methods=["GET"])
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    seen.append("slow")
    await asyncio.sleep(float(req.params.get("seconds", "0.3")))
    logging.getLogger("sample").warning("slowly")
    return tell({})


@app.route("api/sync", methods=["GET"])
def sync(req: func.HttpRequest) -> str:
    return "plain text"


@app.route("api/seen", methods=["GET"])
async def show(req: func.HttpRequest) -> func.HttpResponse:
    return tell(seen)


@app.route("api/locked", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def locked(req: func.HttpRequest) -> func.HttpResponse:
    return tell({})


@app.timer_trigger("timer", "%SAMPLE_SCHEDULE%")
async def tick(timer: func.TimerRequest) -> None:
    seen.append(f"tick {timer.past_due}")


@app.queue_trigger("message", "%SAMPLE_QUEUE%", "SampleStorage")
async def letter(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    seen.append(f"{text} {message.dequeue_count}")
    if text == "bad":
        raise ValueError(text)
