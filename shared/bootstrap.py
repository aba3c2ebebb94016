"""Wiring: the one place that knows both the ports and Azure.

Nothing of Azure is imported before the first call that needs it, so that starting is quick and the health check
answers even when a setting is wrong. Each part is made once in the life of a process.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from shared.adapters.clock import SystemClock
from shared.cost_settings import CostSettings
from shared.log_settings import LogSettings
from shared.settings import Settings, check_settings, read_costs, read_settings, trusts_easy_auth, untold_because
from shared.webhook_settings import WebhookSettings

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.queue.aio import QueueClient

    from shared.adapters.queue_events import QueueEvents
    from shared.adapters.storage import Tables
    from shared.adapters.table_audit import TableAudit
    from shared.history import Logs
    from shared.ports import Audit, Clock, Grants, Inventory, Network
    from shared.services.telling import Post
    from shared.services.world import World

CLOSINGS, EVENTS = "closings", "events"
_log = logging.getLogger("postern.events")


@dataclass(frozen=True, slots=True)
class _Wired:
    """The parts that go together, made once."""

    world: World
    kept: _Kept
    poison: Mapping[str, QueueClient]


class Postern:
    """The application: settings and the wired world, each made when first asked for."""

    def __init__(self, environ: Mapping[str, str] = os.environ, clock: Clock | None = None) -> None:
        self._environ = environ
        self._clock = clock or SystemClock()
        self._wired: _Wired | None = None
        self._post: Post | None = None

    @property
    def trusts_easy_auth(self) -> bool:
        """Whether the identity headers of requests may be believed."""
        return trusts_easy_auth(self._environ)

    def check(self) -> None:
        """Whether all settings make sense. Raises SettingsError."""
        check_settings(self._environ)

    @cached_property
    def webhooks(self) -> WebhookSettings:
        """What the operator says about telling others. Raises SettingsError."""
        return read_settings(self._environ).webhooks

    @cached_property
    def tenant(self) -> str:
        """The tenant of the subscriptions; empty where the operator does not say. Raises SettingsError."""
        return read_settings(self._environ).tenant

    @cached_property
    def arm_endpoint(self) -> str:
        """Where Azure Resource Manager is. Raises SettingsError."""
        return read_settings(self._environ).arm_endpoint

    @cached_property
    def costs(self) -> CostSettings:
        """What the operator says about money. Raises SettingsError."""
        return read_costs(self._environ)

    def world(self) -> World:
        """The ports, wired. Raises SettingsError."""
        return self._parts().world

    def post(self) -> Post:
        """What tells others, wired when first needed: asking for access does not wait for it. Raises SettingsError."""
        if self._post is None:
            parts = self._parts()
            self._post = _post(self.webhooks, parts.world, parts.kept)
        return self._post

    async def poison(self) -> Mapping[str, int]:
        """About how many messages nobody could deal with, by queue. Raises SettingsError, Unavailable."""
        from shared.adapters.queue_events import count

        return {name: await count(queue) for name, queue in self._parts().poison.items()}

    def _parts(self) -> _Wired:
        if self._wired is None:
            self._wired = _wire(read_settings(self._environ), self._clock)
            for fault in untold_because(self._environ):
                _log.error("nobody is told anything: %s", fault)
        return self._wired


def _wire(settings: Settings, clock: Clock) -> _Wired:
    from azure.identity.aio import DefaultAzureCredential

    from shared.adapters.queue_events import QueueEvents
    from shared.adapters.table_audit import TableAudit

    credential = DefaultAzureCredential()
    tables = _tables(settings, credential)
    poison = {name: _queue(settings, credential, f"{name}-poison") for name in (CLOSINGS, EVENTS)}
    events = QueueEvents(_queue(settings, credential, EVENTS), poison[EVENTS])
    kept = (tables, TableAudit(tables), events)
    return _Wired(_world(settings, clock, credential, kept), kept, poison)


type _Kept = tuple[Tables, TableAudit, QueueEvents]


def _world(settings: Settings, clock: Clock, credential: AsyncTokenCredential, kept: _Kept) -> World:
    from shared.adapters.arc_hosts import ArcHosts
    from shared.adapters.arc_inventory import ArcInventory, Seeing
    from shared.adapters.arm_client import Arm
    from shared.adapters.arm_network import ArmNetwork
    from shared.adapters.gates import Gates
    from shared.adapters.graph_inventory import GraphInventory
    from shared.adapters.inventories import Inventories
    from shared.adapters.queue_reminders import QueueReminders
    from shared.adapters.table_desk import TableDesk
    from shared.adapters.table_dues import TableAttempts, TableDues
    from shared.adapters.table_history import TableHistory
    from shared.adapters.table_policies import TablePolicies
    from shared.services.world import Times, World

    tables = kept[0]
    arm = Arm(credential, settings.arm_endpoint, clock)
    grants, audit = _announced(settings, clock, kept)
    inventory = GraphInventory(arm, settings.inventory_age)
    hosts = ArcHosts(arm)
    seeing = Seeing(settings.subscriptions, settings.inventory_age)
    outside = ArcInventory(inventory, hosts, clock, seeing)
    instances, listed = _instances(settings, clock)
    return World(
        clock=clock,
        network=Gates(ArmNetwork(arm), {"microsoft.hybridcompute": hosts, **instances}),
        inventory=Inventories(inventory, [outside, *listed]),
        watched=hosts,
        policies=TablePolicies(tables),
        grants=grants,
        dues=TableDues(tables),
        desk=TableDesk(tables),
        audit=audit,
        reminders=QueueReminders(_queue(settings, credential, CLOSINGS)),
        attempts=TableAttempts(tables),
        history=TableHistory(tables),
        logs=_logs(settings, clock, credential),
        flow_logs=inventory,
        servers=inventory,
        chance=secrets.randbits,
        subscriptions=settings.subscriptions,
        alarming_attempts=(settings.logs or LogSettings("")).attempts,
        times=replace(Times(), shortest_grant=settings.shortest_grant),
    )


def _instances(settings: Settings, clock: Clock) -> tuple[Mapping[str, Network], Sequence[Inventory]]:
    """Amazon EC2, where Postern was told to guard instances: by the provider in their ids, and what lists them."""
    if settings.aws is None:
        return {}, ()
    from shared.adapters.ec2_client import Ec2
    from shared.adapters.ec2_inventory import Ec2Inventory
    from shared.adapters.ec2_network import Ec2Network

    said, home, age = settings.aws, settings.subscriptions[0], settings.inventory_age
    calls = Ec2(said, _token_for(said.audience), clock)
    listed = [Ec2Inventory(calls, place, home, age=age, clock=clock) for place in said.places]
    return {"amazon.ec2": Ec2Network(calls, said.places, home, clock)}, listed


def _token_for(audience: str) -> Callable[[], str]:
    """A token of the app's identity for somebody outside Azure. It is asked for in threads, as AWS's SDK does."""
    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential()
    return lambda: credential.get_token(f"{audience}/.default").token


def _logs(settings: Settings, clock: Clock, credential: AsyncTokenCredential) -> Logs:
    if settings.logs is None:
        from shared.adapters.no_logs import NoLogs

        return NoLogs()
    from shared.adapters.log_analytics import LogAnalytics, Workspace

    said = settings.logs
    workspace = Workspace(said.workspace, said.endpoint, said.identities, age=settings.inventory_age)
    return LogAnalytics(credential, workspace, clock)


def _announced(settings: Settings, clock: Clock, kept: _Kept) -> tuple[Grants, Audit]:
    """Grants and audit; where anybody may be told, with what happens said on the queue of events."""
    from shared.adapters.table_grants import TableGrants
    from shared.services.announcing import AnnouncedAudit, AnnouncedGrants, Herald

    tables, audit, events = kept
    grants = TableGrants(tables, audit)
    if not settings.webhooks.tells:
        return grants, audit
    herald = Herald(clock, events, _untold, settings.webhooks.lead)
    return AnnouncedGrants(grants, herald), AnnouncedAudit(audit, audit, herald)


def _untold(name: str, error: Exception) -> None:
    _log.error("nobody will be told of %s: %s", name, error)


def _post(said: WebhookSettings, world: World, kept: _Kept) -> Post:
    from shared.adapters.table_subscriptions import TableSubscriptions
    from shared.adapters.webhooks import HttpWebhooks
    from shared.services.telling import Post

    tables, audit, events = kept
    return Post(
        clock=world.clock,
        grants=world.grants,
        policies=world.policies,
        records=audit,
        events=events,
        subscriptions=TableSubscriptions(tables),
        webhooks=HttpWebhooks(said.receivers),
        receivers=said.receivers,
        standing=said.standing,
        secrets=said.secrets,
        lead=said.lead,
        address=said.address,
    )


def _tables(settings: Settings, credential: AsyncTokenCredential) -> Tables:
    from shared.adapters.storage import Tables

    if settings.storage.connection_string:
        return Tables.of(settings.storage.connection_string)
    return Tables.at(settings.storage.tables, credential)


def _queue(settings: Settings, credential: AsyncTokenCredential, name: str) -> QueueClient:
    from azure.storage.queue.aio import QueueClient

    from shared.adapters.queue_events import IMPATIENT

    if settings.storage.connection_string:
        return QueueClient.from_connection_string(settings.storage.connection_string, name, **IMPATIENT)
    return QueueClient(settings.storage.queues, name, credential=credential, **IMPATIENT)
