"""The pages below `/.auth`: signing in, signing out, who am I.

Knows App Service's own endpoints (`/.auth/login/aad`, `/.auth/me`, `/.auth/logout`) and the box's two
(`/.auth/local/*`), which hand out tokens of the demo accounts to anyone who asks, since there is nothing in a box to
protect. Refuses to know passwords. Source: "Work with user identities in Azure App Service authentication".
"""

import html
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from emulator.functions import principal
from emulator.functions.easyauth import LOGIN, SESSION, identify
from emulator.functions.tokens import AccountError, Provider, ProviderError, TokenError

USERS = ("requestor", "approver", "administrator", "auditor", "outsider")
"""The demo accounts on the sign-in page. That others exist is the provider's affair."""

_BACK = "post_login_redirect_uri"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title>
<body style="font: 16px/1.5 system-ui; max-width: 24rem; margin: 4rem auto">
<h1>Sign in</h1><p>This box stands in for Entra ID. Choose who you are.</p>
<form method="post" action="/.auth/local/login"><input type="hidden" name="{name}" value="{back}">{buttons}</form>
"""


class Accounts:
    """Answers for the paths below `/.auth`."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def app(self) -> Starlette:
        """These pages as an ASGI app."""
        return Starlette(
            routes=[
                Route("/.auth/local/token", self.give_token, methods=["POST"]),
                Route("/.auth/local/login", self.log_in, methods=["POST"]),
                Route(LOGIN, self.choose, methods=["GET"]),
                Route("/.auth/me", self.tell, methods=["GET"]),
                Route("/.auth/logout", self.log_out, methods=["GET"]),
            ],
            exception_handlers={AccountError: _refuse, ValueError: _refuse, ProviderError: _excuse},
        )

    async def give_token(self, request: Request) -> Response:
        """`{"user"}` -> `{"access_token", "token_type", "expires_in"}`."""
        answer = await self._provider.fetch(_read_user(await _read_form(request)))
        shown = {key: answer[key] for key in ("access_token", "token_type", "expires_in")}
        return JSONResponse(shown, headers={"Cache-Control": "no-store"})

    async def log_in(self, request: Request) -> Response:
        """Sign in as a demo account: JSON is answered with 204, a form with the page one came from."""
        form = await _read_form(request)
        answer = await self._provider.fetch(_read_user(form))
        response = RedirectResponse(_read_back(form), 303) if _BACK in form else Response(status_code=204)
        response.set_cookie(SESSION, answer["access_token"], httponly=True, samesite="lax", path="/")
        return response

    async def choose(self, request: Request) -> Response:
        """The sign-in page."""
        buttons = "".join(f'<p><button name="user" value="{user}">{user}</button></p>' for user in USERS)
        back = html.escape(_read_back(request.query_params))
        return HTMLResponse(_PAGE.format(name=_BACK, back=back, buttons=buttons))

    async def tell(self, request: Request) -> Response:
        """Who is signed in, as App Service tells it, but without handing the token out again; 401 for nobody."""
        try:
            claims = await identify(request, self._provider)
        except TokenError:
            claims = None
        if claims is None:
            return Response(status_code=401)
        known = principal.name(claims) or claims.get("oid")
        return JSONResponse(
            [{"provider_name": "aad", "user_id": known, "user_claims": principal.list_claims(claims)}],
            headers={"Cache-Control": "no-store"},
        )

    async def log_out(self, request: Request) -> Response:
        """Forget the session."""
        back = request.query_params.get("post_logout_redirect_uri", "/")
        response = RedirectResponse(_read_path(back), 302)
        response.delete_cookie(SESSION, httponly=True, samesite="lax", path="/")
        return response


async def _read_form(request: Request) -> Mapping[str, Any]:
    """What was posted, as JSON or as a form; raises ValueError. curl calls JSON a form unless told otherwise."""
    body = await request.body()
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if form and not body.startswith((b"{", b"[")):
        return dict(parse_qsl(body.decode()))
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("the body is not an object")  # noqa: TRY004 - It is the caller's value that is wrong.
    return document


def _read_user(form: Mapping[str, Any]) -> str:
    user = form.get("user")
    if not isinstance(user, str) or not user:
        raise ValueError('the body must name a "user"')
    return user


def _read_back(form: Mapping[str, Any]) -> str:
    return _read_path(str(form.get(_BACK, "/")))


def _read_path(text: str) -> str:
    """A path of this site; anything that a browser might take for another site is the front page instead."""
    return text if text.startswith("/") and not text.startswith(("//", "/\\")) else "/"


async def _refuse(_: Request, error: Exception) -> Response:
    return _write_problem(400, str(error))


async def _excuse(_: Request, error: Exception) -> Response:
    return _write_problem(503, str(error))


def _write_problem(status: int, detail: str) -> Response:
    problem = {"status": status, "title": "Signing in failed", "detail": detail}
    return JSONResponse(problem, status, media_type="application/problem+json")
