"""What the operator says about this deployment: one typed value, read from a mapping, with all faults at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.aws_settings import NAMES as AWS_NAMES
from shared.aws_settings import AwsSettings, aws_faults, read_aws_settings
from shared.cost_settings import NAMES as COST_NAMES
from shared.cost_settings import CostSettings, cost_faults, read_cost_settings
from shared.log_settings import NAMES as LOG_NAMES
from shared.log_settings import LogSettings, log_faults, read_log_settings
from shared.webhook_settings import NAMES as WEBHOOK_NAMES
from shared.webhook_settings import SILENT, WebhookSettings, read_webhook_settings, webhook_faults

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MINUTES: Final = re.compile(r"PT(?:(\d{1,4})M)?(?:(\d{1,5})S)?")
_STORAGE: Final = "AzureWebJobsStorage"
_ENDING_SOON: Final = "POSTERN_ENDING_SOON"
_TENANT: Final = "AZURE_TENANT_ID"


class SettingsError(Exception):
    """Settings are missing or wrong; the message names each and says what it must hold."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where tables and queues are: two endpoints for our identity, or one connection string (local only)."""

    tables: str
    queues: str
    connection_string: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings. Documented in docs/settings.md, which a test holds against `NAMES`."""

    subscriptions: tuple[str, ...]
    storage: Storage
    trusts_easy_auth: bool
    shortest_grant: timedelta = timedelta(minutes=5)
    inventory_age: timedelta = timedelta(minutes=1)
    arm_endpoint: str = "https://management.azure.com"
    logs: LogSettings | None = None  # None: nothing is known of who tried.
    webhooks: WebhookSettings = SILENT
    tenant: str = ""  # Of the subscriptions; empty: that of whoever asks.
    aws: AwsSettings | None = None  # None: no instance of Amazon EC2 is guarded.


NAMES: Final = (
    "POSTERN_SUBSCRIPTIONS",
    "POSTERN_TRUST_EASY_AUTH",
    "POSTERN_SHORTEST_DURATION",
    "POSTERN_INVENTORY_AGE",
    "POSTERN_ARM_ENDPOINT",
    *LOG_NAMES,
    _ENDING_SOON,
    *WEBHOOK_NAMES,
    *COST_NAMES,
    *AWS_NAMES,
    _TENANT,
    "WEBSITE_AUTH_ENABLED",
    f"{_STORAGE}__tableServiceUri",
    f"{_STORAGE}__queueServiceUri",
    _STORAGE,
)


def check_settings(environ: Mapping[str, str]) -> None:
    """Raises SettingsError that names everything that is wrong."""
    if faults := [
        *_faults(environ),
        *log_faults(environ),
        *untold_because(environ),
        *cost_faults(environ),
        *_tenant_faults(environ),
        *aws_faults(environ),
    ]:
        raise SettingsError(" ".join(faults))


def untold_because(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with the settings of telling others. Nobody is told anything then, and all else goes on."""
    lead = f"{_ENDING_SOON} must hold an ISO 8601 duration of minutes and seconds, such as PT10M."
    wrong = () if _duration(environ.get(_ENDING_SOON, "PT10M")) else (lead,)
    return (*wrong, *webhook_faults(environ))


def read_costs(environ: Mapping[str, str]) -> CostSettings:
    """Read the settings of money, which nothing else needs. Raises SettingsError that names everything in them."""
    if faults := cost_faults(environ):
        raise SettingsError(" ".join(faults))
    return read_cost_settings(environ)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError that names everything without which nothing can be opened and closed.

    A slip in the settings of telling others, or a vault that did not answer, must not keep a grant from being closed.
    """
    faults = [*_faults(environ)]
    if faults:
        raise SettingsError(" ".join(faults))
    connection = environ.get(_STORAGE)
    return Settings(
        subscriptions=_subscriptions(environ),
        storage=Storage(
            environ.get(f"{_STORAGE}__tableServiceUri", ""), environ.get(f"{_STORAGE}__queueServiceUri", ""), connection
        ),
        trusts_easy_auth=trusts_easy_auth(environ),
        shortest_grant=_duration(environ.get("POSTERN_SHORTEST_DURATION", "PT5M")) or timedelta(minutes=5),
        inventory_age=_duration(environ.get("POSTERN_INVENTORY_AGE", "PT1M")) or timedelta(),
        arm_endpoint=environ.get("POSTERN_ARM_ENDPOINT", "https://management.azure.com").rstrip("/"),
        logs=None if log_faults(environ) else read_log_settings(environ),
        webhooks=_webhooks(environ),
        tenant="" if _tenant_faults(environ) else environ.get(_TENANT, "").strip().lower(),
        aws=None if aws_faults(environ) else read_aws_settings(environ),
    )


def _webhooks(environ: Mapping[str, str]) -> WebhookSettings:
    if untold_because(environ):
        return SILENT
    return read_webhook_settings(environ, _duration(environ.get(_ENDING_SOON, "PT10M")) or SILENT.lead)


def trusts_easy_auth(environ: Mapping[str, str]) -> bool:
    """Whether the platform says that Easy Auth is in front, and the operator agrees. Without both, nobody is let in."""
    platform = environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true"
    return platform and environ.get("POSTERN_TRUST_EASY_AUTH", "").lower() == "true"


def _faults(environ: Mapping[str, str]) -> Iterator[str]:
    subscriptions = _subscriptions(environ)
    if not subscriptions or not all(_GUID.fullmatch(id_) for id_ in subscriptions):
        yield "POSTERN_SUBSCRIPTIONS must hold the ids of the subscriptions to guard, separated by commas."
    if not environ.get(_STORAGE):
        for name in (f"{_STORAGE}__tableServiceUri", f"{_STORAGE}__queueServiceUri"):
            if not environ.get(name, "").startswith("https://"):
                yield f"{name} must hold the https address of the storage account's service."
    if not _duration(environ.get("POSTERN_SHORTEST_DURATION", "PT5M")):
        yield "POSTERN_SHORTEST_DURATION must hold an ISO 8601 duration of minutes and seconds, such as PT5M."
    if _duration(environ.get("POSTERN_INVENTORY_AGE", "PT1M")) is None:
        yield "POSTERN_INVENTORY_AGE must hold an ISO 8601 duration of minutes and seconds, such as PT1M."
    if not environ.get("POSTERN_ARM_ENDPOINT", "https://").startswith("https://"):
        yield "POSTERN_ARM_ENDPOINT must hold the https address of Azure Resource Manager."


def _tenant_faults(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with the tenant, which only commands for people need."""
    tenant = environ.get(_TENANT, "").strip()
    if tenant and not _GUID.fullmatch(tenant):
        return (f"{_TENANT} must hold the id of the subscriptions' tenant, which is a GUID.",)
    return ()


def _subscriptions(environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(id_.strip().lower() for id_ in environ.get("POSTERN_SUBSCRIPTIONS", "").split(",") if id_.strip())


def _duration(text: str) -> timedelta | None:
    match = _MINUTES.fullmatch(text)
    return timedelta(minutes=int(match[1] or 0), seconds=int(match[2] or 0)) if match else None
