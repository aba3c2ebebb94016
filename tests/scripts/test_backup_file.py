"""A backup as a file: what goes in comes out, and anything less than the whole is told."""

import gzip
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from azure.data.tables import EdmType, EntityProperty
from hypothesis import given
from hypothesis import strategies as st

from scripts.backup import main
from scripts.backup_file import BackupError, check, create, read, to_entity, to_row

TABLES = ("grants", "audit")
ROWS: list[dict[str, Any]] = [
    {"PartitionKey": "a", "RowKey": "1", "body": "Ä\u2028\n"},
    {"PartitionKey": "a", "RowKey": "2", "at": "2026-11-22T13:00:00.1234567Z", "at@odata.type": "Edm.DateTime"},
]
NOWHERE = "https://127.0.0.1:1/account"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    file = tmp_path / "postern.backup"
    with create(file, TABLES) as writer:
        for row in ROWS:
            writer.add("grants", row)
    return file


def lines(file: Path) -> list[bytes]:
    return gzip.decompress(file.read_bytes()).splitlines(keepends=True)


def test_what_was_written_is_read(backup: Path) -> None:
    assert [("grants", row) for row in ROWS] == list(read(backup))


def test_a_whole_backup_tells_how_much_of_each_table_it_has(backup: Path) -> None:
    assert {"grants": 2, "audit": 0} == check(backup).counts


def test_only_its_owner_may_read_the_file(backup: Path) -> None:
    assert 0o600 == backup.stat().st_mode & 0o777


def test_a_file_that_is_there_is_not_written_over(backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(FileExistsError), create(backup, TABLES):
        pass
    assert before == backup.read_bytes()


def test_a_backup_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError), create(tmp_path / "postern.backup", TABLES):
        raise ConnectionError
    assert [] == list(tmp_path.iterdir())


def without(number: int, all_: list[bytes]) -> list[bytes]:
    return [*all_[:number], *all_[number + 1 :]]


@pytest.mark.parametrize("number", range(4))
def test_a_backup_that_lacks_a_line_is_not_whole(backup: Path, number: int) -> None:
    backup.write_bytes(gzip.compress(b"".join(without(number, lines(backup)))))
    with pytest.raises(BackupError):
        check(backup)


def test_a_backup_with_another_word_in_it_is_not_whole(backup: Path) -> None:
    backup.write_bytes(gzip.compress(b"".join(lines(backup)).replace(b'"RowKey":"1"', b'"RowKey":"3"')))
    with pytest.raises(BackupError, match="digest"):
        check(backup)


def test_a_file_that_was_cut_short_is_not_whole(backup: Path) -> None:
    backup.write_bytes(backup.read_bytes()[:-20])
    with pytest.raises(BackupError):
        check(backup)


def test_a_later_version_is_not_guessed_at(backup: Path) -> None:
    first, *rest = lines(backup)
    backup.write_bytes(gzip.compress(b"".join([json.dumps({**json.loads(first), "v": 2}).encode() + b"\n", *rest])))
    with pytest.raises(BackupError, match="version 2"):
        check(backup)


@pytest.mark.parametrize("command", [["check"], ["restore", "--tables", NOWHERE]])
def test_of_a_damaged_file_nothing_is_restored(
    backup: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    backup.write_bytes(gzip.compress(b"".join(lines(backup)[:-1])))
    assert 1 == main([*command, str(backup)])
    assert "its end is missing" in capsys.readouterr().err


VALUES = st.one_of(
    st.text(),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: EntityProperty(number, EdmType.INT64)),
    st.floats(allow_nan=False),
    st.binary(),
    st.uuids(),
)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES))
def test_an_entity_comes_back_with_its_values_and_types(entity: dict[str, Any]) -> None:
    row = json.loads(json.dumps(to_row(entity)))
    found = {name: as_read(value) for name, value in to_entity(row).items()}
    assert [(name, type(value), value) for name, value in entity.items()] == [
        (name, type(value), value) for name, value in found.items()
    ]


def as_read(value: Any) -> object:  # noqa: ANN401 - whatever stands in a property.
    """A value as the SDK would read it back."""
    match value:
        case EntityProperty(inner, EdmType.INT64):
            return EntityProperty(int(inner), EdmType.INT64)
        case EntityProperty(inner, EdmType.GUID):
            return UUID(inner)
        case EntityProperty(inner, EdmType.DOUBLE):
            return float(inner)
        case EntityProperty(inner, EdmType.BINARY):
            return inner
    return value


def test_what_is_no_number_is_kept_by_its_name() -> None:
    assert {"a": "NaN", "a@odata.type": "Edm.Double"} == to_row({"a": math.nan})


def test_a_time_without_the_services_own_text_keeps_what_it_has() -> None:
    at = datetime(2026, 11, 22, 13, 0, 0, 123456, tzinfo=UTC)
    assert "2026-11-22T13:00:00.123456+00:00" == to_row({"at": at})["at"]


def test_a_type_that_tables_do_not_know_is_not_kept_as_something_else() -> None:
    with pytest.raises(TypeError):
        to_row({"a": ["b"]})
