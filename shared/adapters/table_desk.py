"""Claims and leases in Table Storage: partition = network security group, one row a claim, and one for the lease."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import batched
from typing import Any

from azure.core import MatchConditions

from shared.adapters.codec import Codec
from shared.adapters.storage import Tables, checked, etag_of, read_all, safe_key, translated
from shared.domain.claims import PENDING, Claim, Outcome
from shared.ports import Conflict, Entry, Lease, NotFound

_TABLE = "inbox"
_LEASE = "lease"
_MOST_IN_ONE_TRANSACTION = 100


class TableDesk:
    """The `Desk` port."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._claims: Codec[Claim] = Codec(Claim)
        self._outcomes: Codec[Outcome] = Codec(Outcome)

    async def post(self, nsg: str, claim: Claim) -> None:
        """Put a claim on the desk, pending, in place of an earlier one of the same key."""
        table = await self._tables.table(_TABLE)
        with translated("posting a claim"):
            await table.upsert_entity(self._entity(nsg, claim, PENDING), mode="replace")

    async def offer(self, nsg: str, claim: Claim) -> None:
        """Put a claim on the desk, pending, unless one of the same key is there already."""
        table = await self._tables.table(_TABLE)
        try:
            with translated("offering a claim"):
                await table.create_entity(self._entity(nsg, claim, PENDING))
        except Conflict:
            return

    async def amend(self, nsg: str, entry: Entry, claim: Claim) -> None:
        """Replace a claim and keep what was seen of it. Raises Conflict when the entry has changed meanwhile."""
        table = await self._tables.table(_TABLE)
        try:
            with translated("amending a claim"):
                await table.update_entity(
                    self._entity(nsg, claim, entry.outcome), mode="replace", **_unless(entry.etag)
                )
        except NotFound as gone:
            raise Conflict("the claim is off the desk") from gone

    async def entries(self, nsg: str) -> Mapping[str, Entry]:
        """All claims of a group, by key."""
        table = await self._tables.table(_TABLE)
        found: dict[str, Entry] = {}
        async for entity in read_all(table, "PartitionKey eq @partition", partition=safe_key(nsg)):
            if entity["RowKey"] != _LEASE:
                claim, outcome = self._claims.read(entity["claim"]), self._outcomes.read(entity["outcome"])
                found[claim.key] = Entry(claim, outcome, etag_of(entity))
        return found

    async def conclude(self, nsg: str, seen: Mapping[Entry, Outcome | None]) -> None:
        """Record outcomes; None takes the claim off the desk. Raises Conflict when one has changed meanwhile."""
        table = await self._tables.table(_TABLE)
        operations = [self._operation(nsg, entry, outcome) for entry, outcome in seen.items()]
        try:
            with translated("concluding claims"):
                for batch in batched(operations, _MOST_IN_ONE_TRANSACTION, strict=False):
                    await table.submit_transaction(list(batch))
        except NotFound as gone:
            raise Conflict("a claim is off the desk") from gone

    def _operation(self, nsg: str, entry: Entry, outcome: Outcome | None) -> tuple[str, dict[str, Any], dict[str, Any]]:
        if outcome is None:
            return "delete", self._entity(nsg, entry.claim, entry.outcome), _unless(entry.etag)
        return "update", self._entity(nsg, entry.claim, outcome), {"mode": "replace", **_unless(entry.etag)}

    def _entity(self, nsg: str, claim: Claim, outcome: Outcome) -> dict[str, Any]:
        return {
            "PartitionKey": safe_key(nsg),
            "RowKey": safe_key(claim.key),
            "nsg": nsg,
            "claim": checked(self._claims.write(claim)),
            "outcome": checked(self._outcomes.write(outcome)),
        }

    async def acquire(self, nsg: str, holder: str, until: datetime, now: datetime) -> Lease | None:
        """Take the lease if it is free or has run out; None when somebody else has it."""
        table, row = await self._tables.table(_TABLE), _lease_row(nsg, holder, until)
        try:
            with translated("taking a lease"):
                return Lease(nsg, holder, etag_of(await table.create_entity(row)))
        except Conflict:
            pass
        try:
            with translated("taking over a lease"):
                held = await table.get_entity(safe_key(nsg), _LEASE)
                # Our own, when the answer to taking it was lost.
                if held["until"] > now and held["holder"] != holder:
                    return None
                return Lease(
                    nsg, holder, etag_of(await table.update_entity(row, mode="replace", **_unless(etag_of(held))))
                )
        except (Conflict, NotFound):
            return None

    async def renew(self, lease: Lease, until: datetime) -> Lease:
        """Hold on to a lease. Raises Conflict when it was lost."""
        table, row = await self._tables.table(_TABLE), _lease_row(lease.nsg, lease.holder, until)
        try:
            with translated("renewing a lease"):
                return Lease(
                    lease.nsg,
                    lease.holder,
                    etag_of(await table.update_entity(row, mode="replace", **_unless(lease.etag))),
                )
        except NotFound as gone:
            raise Conflict("the lease is gone") from gone

    async def release(self, lease: Lease) -> None:
        """Give a lease back; a lost one is no error."""
        table = await self._tables.table(_TABLE)
        try:
            with translated("giving a lease back"):
                await table.delete_entity(safe_key(lease.nsg), _LEASE, **_unless(lease.etag))
        except NotFound:
            return
        except Conflict:
            await self._release_renewed(lease)

    async def _release_renewed(self, lease: Lease) -> None:
        """Give back a lease that has changed: it is still ours when only the answer to renewing it was lost."""
        table = await self._tables.table(_TABLE)
        try:
            with translated("giving a lease back"):
                held = await table.get_entity(safe_key(lease.nsg), _LEASE)
                if held["holder"] == lease.holder:
                    await table.delete_entity(safe_key(lease.nsg), _LEASE, **_unless(etag_of(held)))
        except (Conflict, NotFound):
            return


def _lease_row(nsg: str, holder: str, until: datetime) -> dict[str, Any]:
    return {"PartitionKey": safe_key(nsg), "RowKey": _LEASE, "holder": holder, "until": until}


def _unless(etag: str) -> dict[str, Any]:
    """The condition that nobody has changed the entity since."""
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}
