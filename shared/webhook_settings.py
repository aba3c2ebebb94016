"""What the operator says about telling others: whom, where that may be, and how it is signed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from shared.domain.receivers import NOBODY, Receivers, is_host, is_prefix
from shared.domain.signing import is_secret
from shared.domain.subscriptions import Format, Kind, Notification

HOSTS: Final = "POSTERN_WEBHOOK_HOSTS"
PREFIXES: Final = "POSTERN_WEBHOOK_PREFIXES"
SECRETS: Final = "POSTERN_WEBHOOK_SECRETS"
NOTIFICATIONS: Final = "POSTERN_NOTIFICATIONS"
ADDRESS: Final = "POSTERN_ADDRESS"
_HOST_NAME: Final = "WEBSITE_HOSTNAME"
NAMES: Final = (HOSTS, PREFIXES, SECRETS, NOTIFICATIONS, ADDRESS, _HOST_NAME)
_FIELDS: Final = {"url", "format", "events"}


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where anything may be sent to, who is always told, the secrets that sign, and the app's own address."""

    receivers: Receivers = NOBODY
    secrets: tuple[str, ...] = field(default=(), repr=False)
    standing: tuple[Notification, ...] = ()
    lead: timedelta = timedelta(minutes=10)
    address: str = ""

    @property
    def tells(self) -> bool:
        """Whether anybody can be told anything."""
        return bool(self.receivers.hosts)


SILENT: Final = WebhookSettings()


def read_webhook_settings(environ: Mapping[str, str], lead: timedelta) -> WebhookSettings:
    """Read what `webhook_faults` finds nothing wrong with."""
    return WebhookSettings(
        _receivers(environ), _words(environ, SECRETS), tuple(_notifications(environ)), lead, _address(environ)
    )


def webhook_faults(environ: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with these settings. Values are not repeated: they may hold secrets."""
    receivers = Receivers(_hosts(environ))
    if not all(is_host(host) for host in receivers.hosts):
        yield f"{HOSTS} must hold names of hosts, such as hooks.example.com or *.logic.azure.com, separated by commas."
    if not all(is_prefix(prefix) for prefix in _words(environ, PREFIXES)):
        yield f"{PREFIXES} must hold prefixes of addresses, such as 10.1.0.0/16, separated by commas."
    elif receivers.hosts:
        receivers = _receivers(environ)
    secrets = _words(environ, SECRETS)
    if not all(is_secret(secret) for secret in secrets) or (receivers.hosts and not secrets):
        yield f"{SECRETS} must hold a secret as whsec_<base64 of 24 to 64 bytes>, or several, separated by commas."
    if _address(environ) and not environ.get(ADDRESS, "https://").startswith(("https://", "http://127.0.0.1")):
        yield f"{ADDRESS} must hold the https address under which the app is reached."
    yield from _standing_faults(environ, receivers)


def _standing_faults(environ: Mapping[str, str], receivers: Receivers) -> Iterator[str]:
    try:
        standing = [*_notifications(environ)]
    except (ValueError, TypeError, KeyError, AttributeError):
        yield f'{NOTIFICATIONS} must hold a JSON list of {{"url", "format", "events"}}; see docs/notifications.md.'
        return
    for index, one in enumerate(standing):
        if why := receivers.why_not(one.url):
            yield f"{NOTIFICATIONS}: entry {index} cannot be told anything. {why}"


def _notifications(environ: Mapping[str, str]) -> Iterator[Notification]:
    found: Any = json.loads(environ.get(NOTIFICATIONS, "") or "[]")
    for one in found:
        if not set(one) <= _FIELDS:
            raise ValueError("a field that is none")
        kinds = tuple(Kind(kind) for kind in one.get("events", ()))
        yield Notification(str(one["url"]), Format(one.get("format", Format.CLOUD_EVENTS)), kinds)


def _receivers(environ: Mapping[str, str]) -> Receivers:
    return Receivers(_hosts(environ), _words(environ, PREFIXES))


def _hosts(environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(host.lower() for host in _words(environ, HOSTS))


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(word for word in environ.get(name, "").replace(",", " ").split() if word)


def _address(environ: Mapping[str, str]) -> str:
    host = environ.get(_HOST_NAME, "")
    return environ.get(ADDRESS, f"https://{host}" if host else "").rstrip("/")
