"""The activity as a table: read back with `csv` it is all there, and no cell is a formula, whoever wrote it."""

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.documents.activity import write_entry, write_looking_back
from shared.documents.answers.activity import ActivityAnswer
from shared.documents.sheets import harmless, write_sheet
from shared.domain.evidence import Evidence, Gap, Lack
from shared.domain.people import Person
from shared.domain.records import Record
from tests.domain.past import about_lock, alerted, edited, failed, folded, life, minute, record, signed_in, tried
from tests.domain.values import GRANT, OFFICE, STRANGER, machine_id

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
ATTACKS = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "   @x", "\uff1d1+1", " \uff0d1"),
    *("=cmd|' /C calc'!A0", '=HYPERLINK("http://192.0.2.1","x")', "|x", "%0a"),
)
HEADER = (
    "at", "kind", "what", "machines", "text", "by", "source", "grant", "attempts", "denied", "became", "country",
    "ports", "users", "justification", "ticket", "reason",
)  # fmt: skip


def document(records: list[Record], evidence: Evidence, *gaps: Gap) -> ActivityAnswer:
    entries = [write_entry(entry, {}, {}) for entry in folded(records, evidence, minute(-60))]
    return {**write_looking_back(minute(0), minute(60), evidence, gaps), "value": entries, "nextPageToken": None}


def lines(records: list[Record], evidence: Evidence = Evidence(), *gaps: Gap) -> list[dict[str, str]]:  # noqa: B008 - it is frozen.
    """The table as a reader of CSV has it."""
    return list(csv.DictReader(io.StringIO(write_sheet(document(records, evidence, *gaps)), newline="")))


def cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]


def is_formula(cell: str) -> bool:
    return cell.lstrip(" ").startswith(DANGEROUS)


def test_a_table_has_a_header_and_a_line_for_each_entry_and_each_gap() -> None:
    evidence = Evidence(
        (tried(STRANGER, 4),), sign_ins=(signed_in(OFFICE, 5),), alerts=(alerted(1),), edits=(edited(2),)
    )
    text = write_sheet(document([*life(0, 30), about_lock(3)], evidence, Gap(Lack.STALE, "flows", "Old.")))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert HEADER == tuple(rows[0])
    assert [17] * 10 == [len(row) for row in rows]
    kinds = ["grant", "attack", "signIn", "finding", "ruleEdit", "alert", "grant", "grant", "gap"]
    assert kinds == [row[1] for row in rows[1:]]


def test_a_record_is_told_in_its_columns() -> None:
    [line] = lines(
        [record("grantOpening", 5, by=Person("ann", "Ann", OFFICE), justification="Why", ticket="T1", reason="x")]
    )
    assert {
        "at": "2026-11-22T12:05:00Z", "kind": "grant", "what": "grantOpening", "machines": str(machine_id()),
        "text": "Ann has 22/TCP on web-01 opened. Why.", "by": "Ann", "source": OFFICE, "grant": GRANT, "attempts": "",
        "denied": "", "became": "", "country": "", "ports": f"22-22/Tcp {OFFICE}", "users": "",
        "justification": "Why", "ticket": "T1", "reason": "x",
    } == line  # fmt: skip


def test_an_attack_is_told_in_its_columns() -> None:
    source = tried(STRANGER, 4, country="nl", ports=(22, 3389))
    [line] = lines([], Evidence(sources=(source,), failures=(failed(STRANGER, 3),)))
    known = {"attempts": "7", "denied": "4", "became": "reached", "country": "nl", "ports": "22 3389", "users": "root"}
    assert {**known, "source": STRANGER, "kind": "attack", "what": "", "by": ""}.items() <= line.items()


def test_a_sign_in_names_its_user() -> None:
    [line] = lines([], Evidence(sign_ins=(signed_in(OFFICE, 5),)))
    assert ("azureuser", "", OFFICE) == (line["users"], line["grant"], line["source"])


def test_a_gap_is_told_at_the_end_of_the_time() -> None:
    [line] = lines([], Evidence(), Gap(Lack.PARTIAL, "ports", "Not whole."))
    assert ("2026-11-22T13:00:00Z", "gap", "partial", "Not whole.") == (
        line["at"],
        line["kind"],
        line["what"],
        line["text"],
    )


@pytest.mark.parametrize("text", ATTACKS)
def test_what_could_be_a_formula_becomes_a_text_and_nothing_is_lost(text: str) -> None:
    assert f"'{text}" == harmless(text)


@pytest.mark.parametrize(
    "text", ["", " ", "plain", "a=b", "1-2", "'=1", "2026-11-22", "\u00e9", '"quoted"', '","=1+1', '"\r\n=1']
)
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert text == harmless(text)


HOSTILE = st.text(st.sampled_from("=+-@\t\r\n \uff1d\uff0b\uff0d\uff20'\",;|%a1")) | st.text()


@given(HOSTILE)
def test_no_text_is_a_formula_and_nothing_of_it_is_lost(text: str) -> None:
    made = harmless(text)
    assert not is_formula(made)
    assert bare(text) == bare(made)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
@example("=1+1", "\r\n=1+1", '","=1+1', " @x")
def test_whatever_people_write_no_cell_is_a_formula_and_all_of_it_is_there(
    name: str, justification: str, ticket: str, user: str
) -> None:
    line = record("grantOpening", 5, by=Person("eve", name), justification=justification, ticket=ticket)
    evidence = Evidence(sign_ins=(signed_in(OFFICE, 6, user=user),))
    text = write_sheet(document([line], evidence))
    assert [] == [cell for cell in cells(text) if is_formula(cell)]
    sign_in, opening = csv.DictReader(io.StringIO(text, newline=""))
    written = (opening["by"], opening["justification"], opening["ticket"], sign_in["users"])
    assert [bare(one) for one in (name, justification, ticket, user)] == [bare(cell) for cell in written]


def bare(text: str) -> str:
    """A text without apostrophes, which may have been put in."""
    return text.replace("'", "")


@pytest.mark.parametrize("text", ['x;=HYPERLINK("http://e/");y', "x; =1", 'x;"=1', "x;+1"])
def test_no_cell_is_a_formula_where_semicolons_part_them(text: str) -> None:
    parted = [cell.strip('" ') for cell in harmless(text).split(";")]
    assert [] == [cell for cell in parted if is_formula(cell)]


@pytest.mark.parametrize("text", [*ATTACKS, '","=1+1', '"\r\n=1+1'])
def test_what_logs_and_gaps_say_is_as_harmless(text: str) -> None:
    evidence = Evidence(
        sources=(tried(text, 4, country=text, machines=(f"{text}/x/y",)),), sign_ins=(signed_in(text, 1, user=text),),
        edits=(replace(edited(2), caller=text, address=text),), alerts=(replace(alerted(1), name=text),),
    )  # fmt: skip
    sheet = write_sheet(document([about_lock(3)], evidence, Gap(Lack.FAILED, "x", text)))
    assert [] == [cell for cell in cells(sheet) if is_formula(cell)]


def test_the_table_can_be_written_as_a_file() -> None:
    assert b'"\xc3\xa9"' in write_sheet(document([record("grantActive", 0, ticket="\u00e9")], Evidence())).encode()
