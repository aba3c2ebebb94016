"""The answers Log Analytics gives when it refuses, in its own words and envelope.

It knows statuses, codes and messages as Azure's documentation ("Azure Monitor Log Analytics API errors", "Batch
queries", "Logs query timeouts and errors") and public issue threads have them; each function names its source where it
is another. It refuses to know when they apply: callers raise, the gateway renders.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

type Json = dict[str, Any]

_INVALID = "The request had some invalid properties"


class LogsError(Exception):
    """A refusal: HTTP status, code, message, inner error and headers of the answer."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        inner: Json | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status.value} {code}: {message}")
        self.status = status
        self.error: Json = {"message": message, "code": code, **({"innererror": inner} if inner else {})}
        self.headers = dict(headers or {})

    def document(self) -> Json:
        """The whole body."""
        return {"error": self.error}


def syntax(message: str) -> LogsError:
    """400 for KQL that does not parse; the innermost error says where."""
    inner = {"code": "SYN0002", "message": message}
    return _bad({"code": "SyntaxError", "message": "A recognition error occurred in the query.", "innererror": inner})


def semantic(message: str, code: str = "SEM0100") -> LogsError:
    """400 for KQL that cannot be meant. Source: CDCgov/prime-reportstream#11773, MicrosoftDocs/feedback#1792."""
    inner = {"code": code, "message": message}
    return _bad({"code": "SemanticError", "message": "A semantic error occurred.", "innererror": inner})


def table_missing(operator: str, name: str) -> LogsError:
    """A table that the workspace does not have. Source: Azure/azure-quickstart-templates#5174."""
    return semantic(f"{_at(operator)}Failed to resolve table or column expression named '{name}'")


def column_missing(operator: str, name: str) -> LogsError:
    """A column that the table does not have. Source: SigmaHQ/sigma#359, Azure/Azure-Sentinel#12795."""
    return semantic(f"{_at(operator)}Failed to resolve scalar expression named '{name}'")


def unreadable(code: str, message: str) -> LogsError:
    """400 for a body that is none, or holds what a query cannot have."""
    detail = {"code": code, "message": message, "target": None}
    return _bad({"code": "QueryValidationError", "message": "Failed parsing the query", "details": [detail]})


def unauthenticated() -> LogsError:
    """401 without any token."""
    message = "Authentication failed. The 'Authorization' header is missing."
    return LogsError(HTTPStatus.UNAUTHORIZED, "AuthenticationFailed", message)


def token_refused() -> LogsError:
    """403 for a token that is over or somebody else's."""
    return LogsError(HTTPStatus.FORBIDDEN, "InvalidAuthenticationToken", "The access token is invalid.")


def audience_refused(audience: object, allowed: tuple[str, ...]) -> LogsError:
    """403 for a good token of another service."""
    message = (
        f"The access token has been obtained from wrong audience or resource '{audience}'. It should exactly match "
        f"(including forward slash) with one of the allowed audiences {','.join(f"'{one}'" for one in allowed)}."
    )
    return LogsError(HTTPStatus.FORBIDDEN, "InvalidAuthenticationTokenAudience", message)


def insufficient(what: str = "") -> LogsError:
    """403 for a workspace that is not the caller's, or a table that the caller may not read."""
    message = "The provided credentials have insufficient access to perform the requested operation"
    inner = {"code": "AuthorizationFailed", "message": f"No read access to {what}."} if what else None
    return LogsError(HTTPStatus.FORBIDDEN, "InsufficientAccessError", message, inner)


def path_missing() -> LogsError:
    """404 for another path or method."""
    return LogsError(HTTPStatus.NOT_FOUND, "PathNotFoundError", "The requested path does not exist")


def throttled(wait: int) -> LogsError:
    """429; the code is not documented, so clients had better go by the status."""
    message = f"Too many requests. Try again in {wait} seconds."
    return LogsError(HTTPStatus.TOO_MANY_REQUESTS, "ThrottledError", message, headers={"Retry-After": str(wait)})


def broken() -> LogsError:
    """500."""
    return LogsError(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalServerError", "An unexpected error occurred.")


def unavailable() -> LogsError:
    """503."""
    return LogsError(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", "The service is unavailable.")


def timed_out() -> LogsError:
    """504. Source: Azure/azure-sdk-for-js#21136."""
    inner = {"code": "GatewayTimeout", "message": "Unable to unzip response"}
    return LogsError(HTTPStatus.GATEWAY_TIMEOUT, "GatewayTimeout", "Gateway timeout", inner)


def unsupported(reason: str) -> LogsError:
    """501 for KQL that Azure may take and this box cannot run: no answer of Azure's, so that nobody overlooks it."""
    return LogsError(HTTPStatus.NOT_IMPLEMENTED, "NotImplementedInTheBox", f"This box cannot run the query: {reason}")


def partial(reason: str) -> Json:
    """The `error` beside the tables of a partial result. Source: Azure/azure-sdk-for-python#25137."""
    inner = {"code": "-2133196797", "message": reason, "severity": 2, "severityName": "Error"}
    message = "Something went wrong processing your query on the server."
    detail = {"code": "EngineError", "message": message, "innererror": inner}
    return {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [detail],
    }


def _bad(inner: Json) -> LogsError:
    return LogsError(HTTPStatus.BAD_REQUEST, "BadArgumentError", _INVALID, inner)


def _at(operator: str) -> str:
    return f"'{operator}' operator: " if operator else ""
