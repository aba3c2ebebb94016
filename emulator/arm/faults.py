"""Programmed faults: what shall go wrong with the next calls.

It knows which fault meets which request and how often yet. It refuses to carry anything out: the gateway does what the
fault says.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from emulator.arm import paths
from emulator.arm.errors import ArmError, Json, busy, etag_mismatch, in_progress, rule_conflict, scope_locked

KINDS = (
    "400", "403", "409", "412", "429", "500", "503", "conflict", "failed-operation", "locked", "lost-answer",
    "partial", "retryable", "slow", "stale", "timeout",
)  # fmt: skip

# These say something about a change, so a read that happens to match does not use them up.
_OF_WRITES = ("conflict", "failed-operation")

# These are answers of Resource Manager only, of a query of Log Analytics only, alone or in a batch, or of Graph only.
_OF_ARM = (*_OF_WRITES, "409", "412", "locked", "retryable")
_OF_QUERIES = ("partial", "timeout")
_OF_GRAPH = ("stale",)
_ELSEWHERE = ("/v1/", "/v1.0/")


@dataclass(slots=True)
class Fault:
    """One armed fault: `path` is searched in the request's path, whatever the case; `times` counts down to nothing."""

    kind: str
    path: re.Pattern[str]
    method: str = ""
    times: int = 1
    seconds: float = 0.0

    def meets(self, method: str, path: str) -> bool:
        """Whether this request is one of those meant."""
        if self.method and self.method != method:
            return False
        if (self.kind in _OF_ARM and path.startswith(_ELSEWHERE)) or (
            self.kind in _OF_QUERIES and not _is_log_query(path)
        ):
            return False
        if self.kind in _OF_GRAPH and not path.startswith("/v1.0/"):
            return False
        if self.kind in _OF_WRITES and (method == "GET" or paths.is_query(path)):
            return False
        return self.path.search(path) is not None

    def document(self) -> Json:
        """The fault as the control API takes it."""
        match = {"method": self.method, "path": self.path.pattern}
        return {"match": match, "times": self.times, "kind": self.kind, "seconds": self.seconds}


@dataclass(slots=True)
class Faults:
    """All armed faults, first armed first used."""

    _armed: list[Fault] = field(default_factory=list)

    def arm(self, fault: Fault) -> None:
        """Add one."""
        self._armed.append(fault)

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()

    def armed(self) -> list[Fault]:
        """What is still to come."""
        return list(self._armed)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, used up by one."""
        found = next((one for one in self._armed if one.meets(method, path)), None)
        if found is not None:
            found.times -= 1
            self._armed = [one for one in self._armed if one.times > 0]
        return found


def _is_log_query(path: str) -> bool:
    return path.startswith("/v1/workspaces/")


def refusal(fault: Fault, path: str) -> ArmError | None:
    """What ARM says instead of carrying the request out; None where it does carry it out."""
    make = _REFUSALS.get(fault.kind)
    return make(path) if make else None


def conflict(path: str) -> ArmError:
    """The clash that a programmed fault reports, at once or at the operation's end."""
    return rule_conflict(path.rsplit("/", 1)[-1], "a rule of somebody else")


def _throttled(_path: str) -> ArmError:
    status = HTTPStatus.TOO_MANY_REQUESTS
    return ArmError(status, "TooManyRequests", "Too many requests.", headers={"Retry-After": "1"})


def _forbidden(path: str) -> ArmError:
    message = f"The client does not have authorization to perform the action over scope '{path}'."
    return ArmError(HTTPStatus.FORBIDDEN, "AuthorizationFailed", message)


def _malformed(_path: str) -> ArmError:
    return ArmError(HTTPStatus.BAD_REQUEST, "InvalidRequestFormat", "Cannot parse the request.")


def _locked(path: str) -> ArmError:
    """A resource lock (Azure documentation, "Lock your Azure resources to protect your infrastructure")."""
    return scope_locked(path, "write", (path,))


def _broken(_path: str) -> ArmError:
    return ArmError(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalServerError", "An error occurred.")


def _unavailable(_path: str) -> ArmError:
    return ArmError(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", "The service is unavailable.")


_REFUSALS: Mapping[str, Callable[[str], ArmError]] = {
    "400": _malformed,
    "403": _forbidden,
    "409": lambda path: in_progress(path, "a programmed fault"),
    "412": lambda path: etag_mismatch("of the request", "of another write", path),
    "429": _throttled,
    "500": _broken,
    "503": _unavailable,
    "conflict": conflict,
    "locked": _locked,
    "retryable": lambda path: busy(path, "a programmed fault"),
}
