"""The answers Microsoft Graph gives when it refuses, in its own words and envelope.

It knows statuses, codes and messages as Graph's documentation ("Microsoft Graph error responses and resource types")
and public issue threads have them; each function names its source where it is another. The words of other refusals are
not documented: `bad` takes them as they may be. It refuses to know when they apply: callers raise, the gateway renders.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

type Json = dict[str, Any]


class GraphError(Exception):
    """A refusal: HTTP status, code, message, details and headers of the answer."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        *,
        details: tuple[Json, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status.value} {code}: {message}")
        self.status = status
        self.error: Json = {"code": code, "message": message, **({"details": list(details)} if details else {})}
        self.headers = dict(headers or {})

    def document(self, number: str, date: str) -> Json:
        """The whole body, with the number and the date of the request."""
        inner = {"date": date, "request-id": number, "client-request-id": number}
        return {"error": {**self.error, "innerError": inner}}


def bad(message: str, code: str = "Request_BadRequest") -> GraphError:
    """400."""
    return GraphError(HTTPStatus.BAD_REQUEST, code, message)


def unauthenticated(message: str) -> GraphError:
    """401. Source: answers to tokens that are missing or of another audience."""
    return GraphError(HTTPStatus.UNAUTHORIZED, "InvalidAuthenticationToken", message)


def denied() -> GraphError:
    """403. Source: microsoftgraph/microsoft-graph-docs#10290."""
    message = "Insufficient privileges to complete the operation."
    return GraphError(HTTPStatus.FORBIDDEN, "Authorization_RequestDenied", message)


def missing(key: str) -> GraphError:
    """404. Source: hashicorp/go-azure-sdk, odata errors."""
    message = f"Resource '{key}' does not exist or one of its queried reference-property objects are not present."
    return GraphError(HTTPStatus.NOT_FOUND, "Request_ResourceNotFound", message)


def nowhere(segment: str) -> GraphError:
    """400 for a path that Graph does not have."""
    return bad(f"Resource not found for the segment '{segment}'.", "BadRequest")


def method_refused() -> GraphError:
    """405; the words are not documented."""
    message = "Specified HTTP method is not allowed for the request target."
    return GraphError(HTTPStatus.METHOD_NOT_ALLOWED, "Request_BadRequest", message)


def taken(name: str) -> GraphError:
    """400, also where what holds the value was deleted. Source: microsoftgraph/msgraph-bicep-types#137 and #202."""
    return bad(f"Another object with the same value for property {name} already exists.")


def enabled() -> GraphError:
    """400 for a role or scope taken away or changed while enabled. Source: msgraph-sdk-powershell#1211."""
    message = "Permission (scope or role) cannot be deleted or updated unless disabled first."
    return bad(message, "CannotDeleteOrUpdateEnabledEntitlement")


def unknown_scope() -> GraphError:
    """400 for pre-authorizing a scope that was not there before the call. Source: msgraph-sdk-dotnet#2044."""
    message = (
        "Property api.preAuthorizedApplications.delegatedPermissionIds has a Permission Id that cannot be found in the "
        "AppPermissions sets."
    )
    return bad(message, "InvalidValue")


def unbacked(app_id: str) -> GraphError:
    """400 for a service principal without an application. Source: Azure/azure-cli, test of create-for-rbac."""
    message = f"The appId '{app_id}' of the service principal does not reference a valid application object."
    detail = {"code": "NoBackingApplicationObject", "message": message, "target": "appId"}
    return GraphError(HTTPStatus.BAD_REQUEST, "Request_BadRequest", message, details=(detail,))


def name_in_use(app_id: str) -> GraphError:
    """409 for a second service principal of an application."""
    message = (
        "The service principal cannot be created, updated, or restored because the service principal name "
        f"{app_id} is already in use."
    )
    return GraphError(HTTPStatus.CONFLICT, "Request_MultipleObjectsWithSameKeyValue", message)


def role_missing(app_id: str) -> GraphError:
    """400 for a role that the application does not have, or not for this kind of principal."""
    return bad(f"Permission being assigned was not found on application '{app_id}'.")


def assigned() -> GraphError:
    """400 for a role that the principal has."""
    return bad("Permission being assigned already exists on the object")


def credential_exists(name: str) -> GraphError:
    """409. Source: Azure/azure-dev#1482."""
    message = f"FederatedIdentityCredential with name {name} already exists."
    return GraphError(HTTPStatus.CONFLICT, "Request_MultipleObjectsWithSameKeyValue", message)


def pair_exists(issuer: str, subject: str) -> GraphError:
    """400. Source: Azure/azure-workload-identity#434."""
    message = (
        "The combination of issuer and subject must be unique for the application. "
        f"Issuer {issuer} and Subject: {subject} already exist."
    )
    return bad(message, "InvalidFederatedIdentityCredentialValue")


def unsupported(what: str) -> GraphError:
    """400 for a query that Graph or this box cannot answer."""
    return bad(f"Unsupported query: {what}.", "Request_UnsupportedQuery")


def throttled() -> GraphError:
    """429. Source: "Microsoft Graph throttling guidance"."""
    message = "Too many requests"
    return GraphError(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests", message, headers={"Retry-After": "1"})


def broken() -> GraphError:
    """500; the words are not documented."""
    return GraphError(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalServerError", "An error occurred.")


def unavailable() -> GraphError:
    """503; the words are not documented."""
    return GraphError(HTTPStatus.SERVICE_UNAVAILABLE, "serviceNotAvailable", "The service is unavailable.")
