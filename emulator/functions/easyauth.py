"""App Service Authentication, in front of everything an app answers.

Knows who may pass: callers with a valid token, as bearer or in the session cookie, and anybody on excluded paths.
Refuses to know roles: like App Service it lets every valid token in, and the app decides. It never lets a caller bring
the headers that tell who calls. Sources: "Authentication and authorization in Azure App Service"; the reference of
authsettingsV2, globalValidation.
"""

import logging
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.functions import principal
from emulator.functions.settings import SignIn
from emulator.functions.tokens import Claims, Provider, ProviderError, TokenError

SESSION = "AppServiceAuthSession"
"""The name of the session cookie, as on App Service."""

LOGIN = "/.auth/login/aad"

log = logging.getLogger("box.functions")


class EasyAuth:
    """Stands before an app. Paths of `/.auth` go to `accounts`, those of `/admin` straight to the app."""

    def __init__(self, app: ASGIApp, accounts: ASGIApp, provider: Provider, sign_in: SignIn) -> None:
        self._app, self._accounts, self._provider, self._sign_in = app, accounts, provider, sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"] = principal.strip(scope["headers"])
        request = Request(scope)
        path = scope["path"].lower()
        if path == "/.auth" or path.startswith("/.auth/"):
            await self._accounts(scope, receive, send)
        elif self._is_excluded(path) or path.startswith("/admin/"):
            await self._app(scope, receive, send)
        else:
            refusal = await self._admit(request)
            await (refusal or self._app)(scope, receive, send)

    def _is_excluded(self, path: str) -> bool:
        """A path may end in a star, as in authsettingsV2's `excludedPaths`."""
        return any(
            path == excluded or (excluded.endswith("*") and path.startswith(excluded[:-1]))
            for excluded in self._sign_in.excluded
        )

    async def _admit(self, request: Request) -> Response | None:
        """Write the caller's principal into the request, or say what to answer instead."""
        try:
            claims = await identify(request, self._provider)
        except ProviderError as error:
            log.warning("nobody can sign in: %s", error)
            return PlainTextResponse("Sign-in is away.", 503, {"Retry-After": "5"})
        except TokenError as error:
            log.info("a token was refused: %s", error)
            return self._refuse(request, error="invalid_token")
        if claims is None:
            return self._refuse(request)
        request.scope["headers"] += principal.write(claims)
        return None

    def _refuse(self, request: Request, error: str = "") -> Response:
        browses = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        if browses and self._sign_in.unauthenticated == "RedirectToLoginPage":
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{LOGIN}?post_login_redirect_uri={quote(back, safe='')}", 302)
        challenge = f'Bearer realm="{request.headers.get("host", "")}"' + (f', error="{error}"' if error else "")
        text = "You do not have permission to view this directory or page."
        return PlainTextResponse(text, 401, {"WWW-Authenticate": challenge})


async def identify(request: Request, provider: Provider) -> Claims | None:
    """The claims of the caller's token, or None where there is no token; raises TokenError or ProviderError."""
    token = find_token(request)
    return await provider.verify(token) if token else None


def find_token(request: Request) -> str | None:
    """A bearer token, else the one in the session cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    try:
        cookies = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[SESSION].value if SESSION in cookies else None
