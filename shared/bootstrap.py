"""Wiring: the one place that knows both the ports and Azure.

Nothing of Azure is imported before the first call that needs it, so that starting is quick and the health check
answers even when a setting is wrong. Each part is made once in the life of a process.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.adapters.clock import SystemClock
from shared.settings import Settings, read_settings, trusts_easy_auth

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.queue.aio import QueueClient

    from shared.adapters.storage import Tables
    from shared.ports import Clock
    from shared.services.world import World

_QUEUE = "closings"


class Postern:
    """The application: settings and the wired world, each made when first asked for."""

    def __init__(self, environ: Mapping[str, str] = os.environ, clock: Clock | None = None) -> None:
        self._environ = environ
        self._clock = clock or SystemClock()
        self._world: World | None = None

    @property
    def trusts_easy_auth(self) -> bool:
        """Whether the identity headers of requests may be believed."""
        return trusts_easy_auth(self._environ)

    def check(self) -> None:
        """Whether the settings make sense. Raises SettingsError."""
        read_settings(self._environ)

    def world(self) -> World:
        """The ports, wired. Raises SettingsError."""
        if self._world is None:
            self._world = _wire(read_settings(self._environ), self._clock)
        return self._world


def _wire(settings: Settings, clock: Clock) -> World:
    from azure.identity.aio import DefaultAzureCredential

    from shared.adapters.arm_client import Arm
    from shared.adapters.arm_network import ArmNetwork
    from shared.adapters.graph_inventory import GraphInventory
    from shared.adapters.queue_reminders import QueueReminders
    from shared.adapters.table_audit import TableAudit
    from shared.adapters.table_desk import TableDesk
    from shared.adapters.table_dues import TableAttempts, TableDues
    from shared.adapters.table_grants import TableGrants
    from shared.adapters.table_policies import TablePolicies
    from shared.services.world import Times, World

    credential = DefaultAzureCredential()
    tables = _tables(settings, credential)
    audit = TableAudit(tables)
    arm = Arm(credential, settings.arm_endpoint, clock)
    return World(
        clock=clock,
        network=ArmNetwork(arm),
        inventory=GraphInventory(arm, settings.inventory_age),
        policies=TablePolicies(tables),
        grants=TableGrants(tables, audit),
        dues=TableDues(tables),
        desk=TableDesk(tables),
        audit=audit,
        reminders=QueueReminders(_queue(settings, credential)),
        attempts=TableAttempts(tables),
        chance=secrets.randbits,
        subscriptions=settings.subscriptions,
        times=replace(Times(), shortest_grant=settings.shortest_grant),
    )


def _tables(settings: Settings, credential: AsyncTokenCredential) -> Tables:
    from shared.adapters.storage import Tables

    if settings.storage.connection_string:
        return Tables.of(settings.storage.connection_string)
    return Tables.at(settings.storage.tables, credential)


def _queue(settings: Settings, credential: AsyncTokenCredential) -> QueueClient:
    from azure.storage.queue.aio import QueueClient

    if settings.storage.connection_string:
        return QueueClient.from_connection_string(settings.storage.connection_string, _QUEUE)
    return QueueClient(settings.storage.queues, _QUEUE, credential=credential)
