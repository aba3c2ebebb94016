"""Asks Postern for access to a port of a machine, waits until it is open, and says how to connect.

    python request_access.py <machine> 22 --minutes 30 --justification "Restart of the web server"
    python request_access.py <machine> 22 --justification "Deployment" -- rsync -a site/ deploy@web-01:/srv/site

With a command it ends the access as soon as the command has ended; else it ends by itself. <machine> is the resource id
of the machine. In a program of your own: `with opened(app, wish) as grant: ...`.

It needs Python 3.12 or later with `azure-identity` and `httpx`, the app's address in POSTERN, and what a token is asked
for in POSTERN_AUDIENCE (`api://<client id>`), or a token in POSTERN_TOKEN.
"""

import argparse
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
from azure.identity import DefaultAzureCredential

type Json = dict[str, Any]

BUSY = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
WAITS = {"pending", "scheduled", "opening"}
TRIES = 6
LOOK_AGAIN = 5.0  # seconds, where the app does not say
LONGEST_PAUSE = 60.0  # seconds


class NotOpenedError(Exception):
    """There is no access; the text gives every reason."""


@dataclass(frozen=True, slots=True)
class Postern:
    """The app, as one caller sees it. `patience` is how many seconds somebody has to approve."""

    client: httpx.Client
    patience: float = 900

    def call(self, method: str, path: str, body: Json | None = None, **headers: str) -> httpx.Response:
        """One answer; while the app is away or busy it is asked again. Raises httpx.TransportError."""
        for attempt in range(TRIES):
            try:
                answer = self.client.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                if attempt + 1 == TRIES:
                    raise
                time.sleep(LOOK_AGAIN)
                continue
            if answer.status_code not in BUSY:
                break
            time.sleep(again_in(answer))
        return answer

    def ask(self, wish: Json) -> Json:
        """The grant as it stands after asking. Raises NotOpenedError."""
        # The same key makes it one request, however often it is sent.
        key = {"Idempotency-Key": str(uuid.uuid4()), "Prefer": "wait=1"}
        return read(self.call("POST", "/api/grants", wish, **key))

    def settle(self, grant: Json) -> Json:
        """The grant once it is open. Raises NotOpenedError when it is not to be, or nobody approves in time."""
        late = time.monotonic() + self.patience
        while grant["state"] in WAITS:
            answer = self.call("GET", f"/api/grants/{grant['id']}")
            grant, left = read(answer), late - time.monotonic()
            if grant["state"] in WAITS and left <= 0:
                raise NotOpenedError(f"It is still {grant['state']}. The request is taken back.")
            if grant["state"] in WAITS:
                time.sleep(min(again_in(answer), left))
        if grant["state"] != "active":
            raise NotOpenedError(f"It is {grant['state']} ({grant['reason']}).")
        return grant

    def end(self, id_: str) -> bool:
        """End a grant, or a request that waits; whether it is over, or on its way."""
        return self.call("POST", f"/api/grants/{id_}/revoke").is_success


@contextmanager
def opened(app: Postern, wish: Json) -> Iterator[Json]:
    """Access while the block runs: the grant, with `connect` in it. Raises NotOpenedError."""
    grant = app.ask(wish)
    try:
        yield app.settle(grant)
    finally:
        if not app.end(grant["id"]):
            print(f"Grant {grant['id']} is not closed yet; it ends when its time is up.", file=sys.stderr)


def read(answer: httpx.Response) -> Json:
    """The document of a good answer. Raises NotOpenedError with everything that the app has to say."""
    if answer.is_success:
        document: Json = answer.json()
        return document
    told = answer.json() if answer.headers.get("content-type", "").endswith("json") else {}
    issues = [f"  {issue['message']}" for issue in told.get("issues") or ()]
    raise NotOpenedError("\n".join([f"{answer.status_code}: {told.get('detail', 'no more is known')}", *issues]))


def again_in(answer: httpx.Response) -> float:
    """When the app wants to be asked again, in seconds."""
    told = answer.headers.get("retry-after", "")
    return min(float(told), LONGEST_PAUSE) if told.isdigit() else LOOK_AGAIN


def connect() -> httpx.Client:
    """A client that is signed in to the app."""
    token = os.environ.get("POSTERN_TOKEN")
    if not token:
        with DefaultAzureCredential() as credential:
            token = credential.get_token(f"{os.environ['POSTERN_AUDIENCE']}/.default").token
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=os.environ["POSTERN"], headers=headers, timeout=100)


def describe(given: argparse.Namespace) -> Json:
    """The body of the request. Without a source, the app lets your own address in."""
    port = {"number": given.port, **({"allowedSourceAddressPrefix": given.source} if given.source else {})}
    wish = {
        "machine": given.machine,
        "ports": [port],
        "duration": f"PT{given.minutes}M",
        "justification": given.justification,
    }
    return {**wish, **({"ticket": given.ticket} if given.ticket else {})}


def tell(grant: Json) -> None:
    """How to connect, and until when."""
    told = grant["connect"]
    how = told.get("ssh") or told.get("rdp") or f"to {told['host']}"
    print(f"grant   {grant['id']}\nuntil   {grant['endTimeUtc']}\nconnect {how}", flush=True)


def run(app: Postern, wish: Json, command: Sequence[str]) -> int:
    """Open, and stay open as long as the command runs, or until time is up where there is none; the exit status."""
    if not command:
        grant = app.ask(wish)
        try:
            tell(app.settle(grant))
        except BaseException:
            app.end(grant["id"])
            raise
        return 0
    with opened(app, wish) as grant:
        tell(grant)
        environ = {**os.environ, "POSTERN_HOST": grant["connect"]["host"]}
        return subprocess.run(command, env=environ, check=False).returncode  # noqa: S603 - the caller's own command.


def main(arguments: Sequence[str]) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s machine port [options] [-- command]",
    )
    parser.add_argument("machine", help="resource id")
    parser.add_argument("port", type=int)
    parser.add_argument("--minutes", type=int, default=15)
    parser.add_argument("--justification", required=True)
    parser.add_argument("--ticket")
    parser.add_argument("--source", help="the address that is let in; your own unless told")
    parser.add_argument("--patience", type=float, default=900, help="how many seconds somebody has to approve")
    # What follows the first -- is the command.
    own = list(arguments).index("--") if "--" in arguments else len(arguments)
    given, command = parser.parse_args(arguments[:own]), arguments[own + 1 :]
    with connect() as client:
        try:
            return run(Postern(client, given.patience), describe(given), command)
        except (NotOpenedError, httpx.TransportError) as error:
            print(f"Not opened. {error}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
