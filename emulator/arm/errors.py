"""The answers ARM gives when it refuses, in ARM's own words and envelope.

It knows statuses, codes and messages as public issue threads have recorded them; each code names its source in the
function that makes it. It refuses to know when they apply: callers raise, the gateway renders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Detail:
    """One entry of `error.details`."""

    code: str
    message: str


class ArmError(Exception):
    """A refusal: HTTP status, code, message, details and headers of the answer."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        *,
        details: tuple[Detail, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status.value} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def error(self) -> Json:
        """The object under `error`, as in a refusal's body and in a failed operation."""
        details = [{"code": one.code, "message": one.message} for one in self.details]
        return {"code": self.code, "message": self.message, "details": details}

    def document(self) -> Json:
        """The whole body."""
        return {"error": self.error()}


def refuse(code: str, message: str, *details: Detail) -> ArmError:
    """A 400 with the given code."""
    return ArmError(HTTPStatus.BAD_REQUEST, code, message, details=details)


def unparsable(code: str, message: str) -> ArmError:
    """400 InvalidRequestFormat. Source: hashicorp/terraform-provider-azurerm#32505."""
    return refuse("InvalidRequestFormat", "Cannot parse the request.", Detail(code, message))


def resource_missing(kind: str, name: str, group: str) -> ArmError:
    """404 for a resource. Source: ARM's troubleshooting page "Resolve errors for resource not found"."""
    message = (
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return ArmError(HTTPStatus.NOT_FOUND, "ResourceNotFound", message)


def child_missing(identifier: str) -> ArmError:
    """404 for a rule, subnet or another child, as the network resource provider says it."""
    return ArmError(HTTPStatus.NOT_FOUND, "NotFound", f"Resource {identifier} not found.")


def parent_missing(kind: str, name: str) -> ArmError:
    """404 for a child whose parent does not exist."""
    message = (
        f"Failed to perform 'write' on resource(s) of type '{kind}', "
        f"because the parent resource '{name}' could not be found."
    )
    return ArmError(HTTPStatus.NOT_FOUND, "ParentResourceNotFound", message)


def reference_missing(target: str, owner: str) -> ArmError:
    """400 InvalidResourceReference. Source: openshift/openshift-azure#1933."""
    message = (
        f"Resource {target} referenced by resource {owner} was not found. "
        "Please make sure that the referenced resource exists, "
        "and that both resources are in the same region."
    )
    return refuse("InvalidResourceReference", message)


def retryable(code: str, message: str) -> ArmError:
    """429 RetryableError, whose detail tells why. Source: Azure/azure-sdk-for-python#556, hashicorp/terraform#7986."""
    status = HTTPStatus.TOO_MANY_REQUESTS
    return ArmError(status, "RetryableError", "A retryable error occurred.", details=(Detail(code, message),))


def busy(identifier: str, operation: str) -> ArmError:
    """Another operation runs on the resource. Source: Azure/azure-sdk-for-python#556."""
    message = (
        f"Operation PutResource ({operation}) is updating resource {identifier}. "
        "The call can be retried after the operation has completed."
    )
    return retryable("RetryableErrorDueToAnotherOperation", message)


def in_progress(identifier: str, operation: str) -> ArmError:
    """409 AnotherOperationInProgress. Source: hashicorp/terraform-provider-azurerm#4285."""
    message = (
        "Another operation on this or dependent resource is in progress. "
        f"To retrieve status of the operation use uri: {operation}. Resource: {identifier}."
    )
    return ArmError(HTTPStatus.CONFLICT, "AnotherOperationInProgress", message)


def not_provisioned(target: str, owner: str) -> ArmError:
    """A resource refers to one that is still Updating. Source: hashicorp/terraform#7986."""
    message = (
        f"Cannot proceed with operation because resource {target} used by resource {owner} is not in Succeeded state. "
        "Resource is in Updating state."
    )
    return retryable("ReferencedResourceNotProvisioned", message)


def etag_mismatch(given: str, standing: str, identifier: str) -> ArmError:
    """412 for If-Match. Source: kubernetes-sigs/cloud-provider-azure#9729."""
    message = (
        f"Etag provided in if-match header {given} does not match etag {standing} of resource {identifier} "
        "in NRP data store."
    )
    detail = Detail("PreconditionFailedEtagMismatch", message)
    return ArmError(HTTPStatus.PRECONDITION_FAILED, "PreconditionFailed", "Precondition failed.", details=(detail,))


def already_exists(identifier: str) -> ArmError:
    """412 for If-None-Match: *."""
    detail = Detail("PreconditionFailedResourceExists", f"Resource {identifier} exists although if-none-match is *.")
    return ArmError(HTTPStatus.PRECONDITION_FAILED, "PreconditionFailed", "Precondition failed.", details=(detail,))


def rule_conflict(name: str, other: str) -> ArmError:
    """Two rules of one priority and direction.

    Source: jenkins-infra/azure#439, hashicorp/terraform-provider-azurerm#11137.
    """
    message = (
        f"Security rule {name} conflicts with rule {other}. Rules cannot have the same Priority and Direction. "
        "To learn more, see aka.ms/nsgrules."
    )
    return refuse("SecurityRuleConflict", message)


def in_use(noun: str, identifier: str, users: tuple[str, ...], *, code: str) -> ArmError:
    """400 for deleting what others refer to. Source: pulumi/pulumi-azure-native#3051 (the case of an NSG)."""
    message = (
        f"{noun} {identifier} cannot be deleted because it is in use by the following resources: {', '.join(users)}. "
        f"In order to delete the {noun}, remove the association with the resource(s)."
    )
    return refuse(code, message)


def query_refused(correlation: str, *details: Detail) -> ArmError:
    """400 of Resource Graph, whose details say why. Source: scautomation/AzureResourceGraph-Examples#2."""
    message = f"Please provide below info when asking for support: correlationId = {correlation}."
    return refuse("BadRequest", message, *details)


def query_throttled(correlation: str, wait: int) -> ArmError:
    """429 of Resource Graph. Source: "Guidance for throttled requests in Azure Resource Graph"."""
    message = (
        "Client application has been throttled and should not attempt to repeat the request until an amount of time "
        "has elapsed. Please see https://aka.ms/resourcegraph-throttling for help."
    )
    status, after = HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(wait)}
    support = f"Please provide below info when asking for support: correlationId = {correlation}."
    return ArmError(status, "RateLimiting", support, details=(Detail("RateLimiting", message),), headers=after)


def unauthorized(principal: str, action: str, scope: str) -> ArmError:
    """403 for a caller without a role that grants the action. Source: ARM's page "Troubleshoot Azure RBAC"."""
    message = (
        f"The client '{principal}' with object id '{principal}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials."
    )
    return ArmError(HTTPStatus.FORBIDDEN, "AuthorizationFailed", message)


def link_unauthorized(principal: str, own: tuple[str, str], linked: tuple[str, str]) -> ArmError:
    """403 for a body that names what the caller may not join; each pair is an action and a scope.

    Source: hashicorp/terraform-provider-azurerm#12134, microsoft/planetary-computer-hub#25.
    """
    message = (
        f"The client '{principal}' with object id '{principal}' has permission to perform action '{own[0]}' on scope "
        f"'{own[1]}'; however, it does not have permission to perform action '{linked[0]}' on the linked scope(s) "
        f"'{linked[1]}' or the linked scope(s) are invalid."
    )
    return ArmError(HTTPStatus.FORBIDDEN, "LinkedAuthorizationFailed", message)


def scope_locked(scope: str, action: str, locked: tuple[str, ...]) -> ArmError:
    """409 of a resource lock. Source: "Lock your Azure resources to protect your infrastructure"."""
    scopes = ", ".join(f"'{one}'" for one in locked)
    message = (
        f"The scope '{scope}' cannot perform {action} operation because following scope(s) are locked: {scopes}. "
        "Please remove the lock and try again."
    )
    return ArmError(HTTPStatus.CONFLICT, "ScopeLocked", message)


def method_refused(method: str) -> ArmError:
    """405 for a verb that the resource type does not know."""
    message = f"The requested resource does not support http method '{method}'."
    return ArmError(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
