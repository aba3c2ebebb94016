"""What the operator says about the logs: where they are, and when what they tell is worth a notification."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_WORKSPACE, _ENDPOINT, _IDENTITY, _ATTEMPTS = NAMES = (
    "POSTERN_WORKSPACE",
    "POSTERN_LOGS_ENDPOINT",
    "POSTERN_IDENTITY",
    "POSTERN_ATTEMPTS",
)
_DEFAULT_ENDPOINT: Final = "https://api.loganalytics.io"
_DEFAULT_ATTEMPTS: Final = "50"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where the logs are, and as whom Postern changes rules (object ids of Entra ID)."""

    workspace: str
    endpoint: str = _DEFAULT_ENDPOINT
    identities: tuple[str, ...] = ()
    attempts: int = int(_DEFAULT_ATTEMPTS)  # From how many on somebody who got in is told of.


def read_log_settings(environ: Mapping[str, str]) -> LogSettings | None:
    """The settings, which have no faults; None where no workspace is named."""
    workspace = environ.get(_WORKSPACE, "").strip().lower()
    if not workspace:
        return None
    endpoint = environ.get(_ENDPOINT, _DEFAULT_ENDPOINT).rstrip("/")
    return LogSettings(workspace, endpoint, _identities(environ), int(environ.get(_ATTEMPTS, _DEFAULT_ATTEMPTS)))


def log_faults(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with them. Nothing is looked up in the logs then, and all else goes on."""
    return tuple(_faults(environ))


def _faults(environ: Mapping[str, str]) -> Iterator[str]:
    workspace = environ.get(_WORKSPACE, "").strip()
    if workspace and not _GUID.fullmatch(workspace):
        yield f"{_WORKSPACE} must hold the id of a Log Analytics workspace, which is a GUID."
    if not environ.get(_ENDPOINT, _DEFAULT_ENDPOINT).startswith("https://"):
        yield f"{_ENDPOINT} must hold the https address of Log Analytics."
    if not all(_GUID.fullmatch(id_) for id_ in _identities(environ)):
        yield f"{_IDENTITY} must hold the object ids of the app's identities, separated by commas."
    if not _NUMBER.fullmatch(environ.get(_ATTEMPTS, _DEFAULT_ATTEMPTS)):
        yield f"{_ATTEMPTS} must hold a number from 1 on: from how many attempts on somebody who got in is told of."


def _identities(environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(id_.strip().lower() for id_ in environ.get(_IDENTITY, "").split(",") if id_.strip())
