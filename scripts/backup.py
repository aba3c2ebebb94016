"""Keep everything that Postern knows in one file, and put it back.

    python -m scripts.backup save <file> --tables https://<account>.table.core.windows.net
    python -m scripts.backup check <file>
    python -m scripts.backup restore <file> --tables https://<account>.table.core.windows.net

Run it in the folder of the app, with `requirements.txt` installed and a sign-in to Azure (`az login`, a managed
identity, or what else DefaultAzureCredential finds) that has Storage Table Data Reader to save and Storage Table Data
Contributor to restore.

The file holds secrets: the addresses of receivers in `policies` and `subscriptions`. Only its owner may read it (0600).

What was still open when the backup was made may have been revoked since, and nobody can tell: so a restore ends every
grant that was not over, and whoever needs one asks again. It opens nothing, and it brings no claim (`inbox`) back: the
repair makes those anew from the policies. Into tables that hold something it goes only with `--merge`, and then what is
there stays as it is, because what is there was written later than what is in the file. So an interrupted restore is
gone on with by `--merge`, and may be repeated. The exit status is 0 only when all went well.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import batched, groupby
from pathlib import Path
from typing import Final

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableTransactionError
from azure.data.tables.aio import TableClient, TableServiceClient
from azure.identity.aio import DefaultAzureCredential

from scripts.backup_file import BackupError, Row, Summary, Writer, check, create, read, to_entity, to_row
from shared.adapters.codec import Codec
from shared.adapters.storage import Tables
from shared.adapters.table_dues import TableDues
from shared.domain.grants import Grant
from shared.domain.lifecycle import Reason, State
from shared.ports import Due

TABLES: Final = ("policies", "grants", "listings", "due", "idempotency", "subscriptions", "inbox", "audit")
"""All tables, in the order in which they are saved while the app works on: what points to a grant is read after the
grants, so that none of these is without its place in the lists, and the audit is read last, so that it knows all of
them."""

NOT_RESTORED: Final = frozenset({"inbox"})
"""Claims and leases are about the moment; the repair makes those claims anew that the policies stand for."""

_SETTING: Final = "AzureWebJobsStorage__tableServiceUri"
_AT_ONCE: Final = 8
# Of one partition at most 100 entities and 4 MiB go in one transaction; how long a line is tells about how much it is.
_MOST, _LARGEST = 100, 2 * 1024 * 1024
_GRANTS: Final[Codec[Grant]] = Codec(Grant)


class NotEmptyError(Exception):
    """There is something in the tables that are to be restored."""


async def save(service: TableServiceClient, writer: Writer) -> None:
    """Write every entity to the file. Raises AzureError, also when no table of Postern is there."""
    present = {table.name async for table in service.list_tables()} & {*TABLES}
    if not present:
        raise ResourceNotFoundError("there is no table of Postern in this storage account")
    for name in (name for name in TABLES if name in present):
        async for entity in service.get_table_client(name).list_entities():
            writer.add(name, to_row(entity))


async def restore(service: TableServiceClient, path: Path, summary: Summary, *, merge: bool) -> Counter[str]:
    """Put a backup that was checked back; how much was put, `kept` and `ended`. Raises NotEmptyError, AzureError."""
    tables = Tables(service)
    clients = {name: await tables.table(name) for name in TABLES}
    if not merge and (full := [name for name in summary.counts if await _holds_something(clients, name)]):
        raise NotEmptyError(f"there is something in {', '.join(full)}; to add what is missing there, say --merge")
    told: Counter[str] = Counter()
    restoring = _Restoring(tables, summary.at, told)
    for groups in batched(_groups(read(path)), _AT_ONCE, strict=False):
        await asyncio.gather(*(restoring.put(clients[name], rows) for name, rows in groups))
    return told


async def _holds_something(clients: dict[str, TableClient], name: str) -> bool:
    if name in NOT_RESTORED:
        return False
    async for _ in clients[name].list_entities(results_per_page=1, select=["PartitionKey"]):
        return True
    return False


def _groups(entities: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, list[Row]]]:
    """What may be put together: of one table and partition, and not too much. Only so much is held in memory."""
    wanted = (one for one in entities if one[0] not in NOT_RESTORED)
    for (name, _), members in groupby(wanted, key=lambda one: (one[0], one[1]["PartitionKey"])):
        rows: list[Row] = []
        size = 0
        for _, row in members:
            length = len(str(row))
            if rows and (len(rows) == _MOST or size + length > _LARGEST):
                yield name, rows
                rows, size = [], 0
            rows.append(row)
            size += length
        yield name, rows


class _Restoring:
    """Puts entities back, and ends what was not over."""

    def __init__(self, tables: Tables, saved_at: datetime, told: Counter[str]) -> None:
        self._dues = TableDues(tables)
        self._saved_at = saved_at
        self._told = told

    async def put(self, table: TableClient, rows: Sequence[Row]) -> None:
        """Put rows of one partition, all at once where nothing stands in the way."""
        if table.table_name == "grants":
            rows = [await self._over(row) for row in rows]
        try:
            await table.submit_transaction([("create", to_entity(row)) for row in rows])
            self._told[table.table_name] += len(rows)
        except (TableTransactionError, ResourceExistsError):
            for row in rows:
                await self._put_one(table, row)

    async def _put_one(self, table: TableClient, row: Row) -> None:
        try:
            await table.create_entity(to_entity(row))
            self._told[table.table_name] += 1
        except ResourceExistsError:
            self._told["kept"] += 1

    async def _over(self, row: Row) -> Row:
        """A grant as it is put back. That there is something to do about it is noted before, as everywhere."""
        grant = _GRANTS.read(row["body"])
        if not grant.unfinished:
            return row
        now = datetime.now(UTC)
        await self._dues.add(Due(now, grant.id))
        self._told["ended"] += 1
        if grant.state is State.CLOSING:
            return row
        detail = (
            f"Restored from the backup of {self._saved_at:%Y-%m-%dT%H:%M:%SZ}; what became of it since is not known."
        )
        ended = grant.ended(now, Reason.REVOKED, detail=detail)
        return {**row, "state": str(ended.state), "body": _GRANTS.write(ended)}


@asynccontextmanager
async def storage(endpoint: str) -> AsyncIterator[TableServiceClient]:
    """The tables behind an endpoint, with the operator's own sign-in."""
    async with DefaultAzureCredential() as credential, TableServiceClient(endpoint, credential=credential) as service:
        yield service


async def _save(given: argparse.Namespace, writer: Writer) -> None:
    async with storage(given.tables) as service:
        await save(service, writer)


async def _restore(given: argparse.Namespace, summary: Summary) -> Counter[str]:
    async with storage(given.tables) as service:
        return await restore(service, given.file, summary, merge=given.merge)


def run(given: argparse.Namespace) -> str:
    """Do what the command line says; what there is to tell. Raises BackupError, NotEmptyError, AzureError, OSError."""
    if given.command == "save":
        with create(given.file, TABLES) as writer:
            asyncio.run(_save(given, writer))
        return f"Saved {_listed(writer.counts)}. The file holds secrets: only its owner may read it."
    summary = check(given.file)
    if given.command == "check":
        return f"Whole, of {summary.at:%Y-%m-%d %H:%M:%S} UTC: {_listed(summary.counts)}."
    told = asyncio.run(_restore(given, summary))
    put = {name: told[name] for name in TABLES if name not in NOT_RESTORED}
    return (
        f"Put back {_listed(put)}; {told['kept']} were there and stay as they are.\n"
        f"{told['ended']} grants were not over when this was saved: they end now. Start the app, then look at its next "
        "repair: docs/backup.md."
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} of {name}" for name, number in counts.items())


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="backup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = made.add_subparsers(dest="command", required=True)
    for name, does in (
        ("save", "write all tables to a new file"),
        ("check", "tell whether a file is whole"),
        ("restore", "put a file back into empty tables"),
    ):
        command = commands.add_parser(name, help=does)
        command.add_argument("file", type=Path)
        if name != "check":
            where = os.environ.get(_SETTING)
            told = f"the storage account's table endpoint; the setting {_SETTING} unless told"
            command.add_argument("--tables", default=where, required=not where, metavar="ENDPOINT", help=told)
        if name == "restore":
            command.add_argument("--merge", action="store_true", help="add what is missing, and change nothing else")
    return made


def main(arguments: Sequence[str]) -> int:
    """Read the command line and run."""
    given = parser().parse_args(arguments)
    try:
        print(run(given))
    except (BackupError, NotEmptyError, AzureError, OSError) as error:
        print(f"Nothing was saved or restored in full: {str(error).partition('\n')[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
