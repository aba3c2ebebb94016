"""What the host is told: environment, host.json, local.settings.json.

Knows the names and defaults of settings, Azure's own and the box's (`BOX_*`). Refuses to know what they are used for.
Sources: "host.json reference for Azure Functions 2.x and later", "App settings reference for Azure Functions".
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

_TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")
_SETTING = re.compile(r"%([^%]+)%")
_LARGEST_BODY = 104_857_600
_LARGEST_BATCH = 32


class SettingsError(ValueError):
    """A setting that is missing or cannot be read; names it."""


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """host.json's `extensions.queues`, with Azure's defaults."""

    longest_poll: timedelta = timedelta(minutes=1)
    hidden_between_tries: timedelta = timedelta(0)
    batch: int = 16
    refill_at: int = 8
    dequeues: int = 5
    base64: bool = True


@dataclass(frozen=True, slots=True)
class HostFile:
    """What host.json says, as far as this host follows it."""

    prefix: str = "api"
    queues: QueueOptions = field(default_factory=QueueOptions)


@dataclass(frozen=True, slots=True)
class SignIn:
    """How App Service Authentication is set up.

    `unauthenticated` has Azure's names: Return401, RedirectToLoginPage (which redirects browsers only). A path of
    `excluded` may end in a star. `certificate` is the file of those whom the host trusts over https.
    """

    issuer: str
    audience: str
    excluded: frozenset[str]
    unauthenticated: str
    certificate: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """All that is not in the app's own folder."""

    port: int
    log_level: str
    homepage: bool
    largest_body: int
    sign_in: SignIn | None
    timers: Path | None


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in an environment; raises SettingsError."""
    timers = environ.get("BOX_TIMERS")
    return Settings(
        port=_read_number(environ, "POSTERN_PORT", 7071),
        log_level=_read_log_level(environ),
        homepage=environ.get("AzureWebJobsDisableHomepage", "").lower() != "true",
        largest_body=_read_number(environ, "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", _LARGEST_BODY),
        sign_in=_read_sign_in(environ) if environ.get("WEBSITE_AUTH_ENABLED") == "True" else None,
        timers=Path(timers).absolute() if timers else None,
    )


def read_host_file(app: Path) -> HostFile:
    """The app's host.json; raises SettingsError. Azure does not start an app that has none."""
    document = _read_json(app / "host.json")
    if document.get("version") != "2.0":
        raise SettingsError('host.json: "version" must be "2.0"')
    extensions = _read_part(document, "extensions")
    prefix = _read_part(extensions, "http").get("routePrefix", "api")
    return HostFile(str(prefix).strip("/"), _read_queues(_read_part(extensions, "queues")))


def read_local_settings(app: Path) -> dict[str, str]:
    """The `Values` of local.settings.json, where there is one: what stands in for app settings on one's own machine."""
    path = app / "local.settings.json"
    if not path.exists():
        return {}
    return {name: str(value) for name, value in _read_part(_read_json(path), "Values").items()}


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """A binding's text with each %SETTING% in place; raises SettingsError for a missing one."""

    def look_up(match: re.Match[str]) -> str:
        if match[1] not in environ:
            raise SettingsError(f"%{match[1]}% does not resolve: there is no such app setting")
        return environ[match[1]]

    return _SETTING.sub(look_up, text)


def _read_log_level(environ: Mapping[str, str]) -> str:
    level = environ.get("BOX_LOG_LEVEL", "WARNING").upper()
    if level not in logging.getLevelNamesMapping():
        raise SettingsError(f"BOX_LOG_LEVEL is {level!r}, none of {', '.join(logging.getLevelNamesMapping())}")
    return level


def _read_sign_in(environ: Mapping[str, str]) -> SignIn:
    issuer = environ.get("BOX_OPENID_ISSUER")
    if not issuer:
        raise SettingsError("WEBSITE_AUTH_ENABLED is True, but BOX_OPENID_ISSUER does not say who issues tokens")
    action = environ.get("BOX_AUTH_ACTION", "RedirectToLoginPage")
    if action not in {"Return401", "RedirectToLoginPage"}:
        raise SettingsError(f"BOX_AUTH_ACTION is {action!r}, neither Return401 nor RedirectToLoginPage")
    excluded = environ.get("BOX_AUTH_EXCLUDED", "/,/portal/*,/api/health").split(",")
    return SignIn(
        issuer=issuer.rstrip("/"),
        audience=environ.get("BOX_AUDIENCE", "api://postern"),
        excluded=frozenset(path.strip().lower() for path in excluded if path.strip()),
        unauthenticated=action,
        certificate=environ.get("SSL_CERT_FILE"),
    )


def _read_queues(part: Mapping[str, object]) -> QueueOptions:
    default = QueueOptions()
    batch = _read_within(part, "batchSize", default.batch, range(1, _LARGEST_BATCH + 1))
    encoding = str(part.get("messageEncoding", "base64")).lower()
    if encoding not in {"base64", "none"}:
        raise SettingsError(f"host.json: extensions.queues.messageEncoding is {encoding!r}, neither base64 nor none")
    longest_poll = _read_timespan(part, "maxPollingInterval", default.longest_poll)
    if longest_poll < timedelta(milliseconds=100):
        raise SettingsError("host.json: extensions.queues.maxPollingInterval is under 100 ms")
    return QueueOptions(
        longest_poll=longest_poll,
        hidden_between_tries=_read_timespan(part, "visibilityTimeout", default.hidden_between_tries),
        batch=batch,
        refill_at=_read_within(part, "newBatchThreshold", batch // 2, range(1001)),
        dequeues=_read_within(part, "maxDequeueCount", default.dequeues, range(1, 10_001)),
        base64=encoding == "base64",
    )


def _read_timespan(part: Mapping[str, object], name: str, default: timedelta) -> timedelta:
    if name not in part:
        return default
    match = _TIMESPAN.fullmatch(str(part[name]))
    if match is None:
        raise SettingsError(f"host.json: extensions.queues.{name} is not a time span hh:mm:ss: {part[name]!r}")
    days, hours, minutes, seconds = (int(group or 0) for group in match.groups()[:4])
    fraction = timedelta(seconds=float(f"0.{match[5] or 0}"))
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) + fraction


def _read_within(part: Mapping[str, object], name: str, default: int, allowed: range) -> int:
    value = part.get(name, default)
    if not isinstance(value, int) or value not in allowed:
        raise SettingsError(f"host.json: extensions.queues.{name} is {value!r}, not {allowed.start} to {allowed[-1]}")
    return value


def _read_number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, str(default))
    if not text.isdigit():
        raise SettingsError(f"{name} is not a number: {text!r}")
    return int(text)


def _read_part(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = document.get(name, {})
    if not isinstance(part, dict):
        raise SettingsError(f"{name!r} is not an object")
    return part


def _read_json(path: Path) -> Mapping[str, object]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise SettingsError(f"there is no {path}") from error
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path} is not an object")
    return document
