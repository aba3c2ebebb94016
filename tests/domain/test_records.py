"""The record as it is read back, and how long each grant's hole stood open by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.findings import What
from shared.domain.people import Person
from shared.domain.records import Record, Stay, stays
from tests.domain.past import ANN, BOB, OTHER_GRANT, about_lock, about_policy, life, logged_as, minute, record
from tests.domain.values import GRANT, OFFICE, STRANGER, machine_id


def stay(*records: Record) -> Stay:
    """The only stay that records tell of."""
    (found,) = stays(records).values()
    return found


def test_a_grant_that_opened_and_expired_stayed_from_one_to_the_other() -> None:
    found = stay(record("grantOpening", 0), record("grantActive", 1), record("grantExpired", 60, by=None))
    assert Stay(GRANT, machine_id(), ANN, (OFFICE,), minute(0), opened=True, over=minute(60)) == found


def test_a_grant_that_is_open_has_no_end() -> None:
    assert (minute(0), True, None) == ((one := stay(*life(0))).began, one.opened, one.over)


@pytest.mark.parametrize("ending", ["grantExpired", "grantRevoked", "grantFailed"])
def test_a_grant_is_over_when_its_rules_were_seen_gone_and_not_before(ending: str) -> None:
    found = stay(*life(0), record("grantClosing", 30), record(ending, 33))
    assert minute(33) == found.over


def test_a_grant_that_opened_before_the_record_at_hand_was_open_from_ever_on() -> None:
    found = stay(record("grantExpired", 60, by=None))
    assert (None, True, minute(60)) == (found.began, found.opened, found.over)
    assert found.covers(logged_as(), OFFICE, minute(-5000))


@pytest.mark.parametrize(
    "kind", ["grantExtended", "grantExtensionAsked", "grantExtensionDenied", "grantExtensionCancelled"]
)
def test_a_grant_of_which_only_an_extension_is_at_hand_is_open(kind: str) -> None:
    found = stay(record(kind, 10))
    assert (None, True, None) == (found.began, found.opened, found.over)


def test_a_grant_that_opened_before_the_record_at_hand_and_was_closed_early_was_open() -> None:
    found = stay(record("grantClosing", 10), record("grantRevoked", 11))
    assert (None, True, minute(11)) == (found.began, found.opened, found.over)


def test_an_opening_that_failed_may_have_let_in_for_a_while_but_was_never_seen_open() -> None:
    found = stay(record("grantOpening", 0), record("grantClosing", 1), record("grantFailed", 2))
    assert (minute(0), False, minute(2)) == (found.began, found.opened, found.over)


@pytest.mark.parametrize("ending", ["Denied", "Cancelled", "Lapsed", "Revoked", "Failed"])
@pytest.mark.parametrize("beginning", ["grantPending", "grantScheduled", "grantApproved"])
def test_a_request_that_never_opened_is_no_stay(beginning: str, ending: str) -> None:
    assert {} == stays([record(beginning, 0), record(f"grant{ending}", 5)])


def test_what_is_not_about_a_grant_is_no_stay() -> None:
    assert {} == stays([about_policy(0), about_lock(1)])


def test_each_grant_has_a_stay_of_its_own() -> None:
    found = stays([*life(0, 60), *life(10, 20, OTHER_GRANT)])
    assert {GRANT: minute(60), OTHER_GRANT: minute(20)} == {grant: one.over for grant, one in found.items()}


RECORDS = [*life(0, 60), *life(10, 20, OTHER_GRANT), record("grantExtended", 30), about_policy(5)]


@given(st.permutations(RECORDS))
def test_the_order_in_which_records_are_at_hand_does_not_matter(records: list[Record]) -> None:
    assert stays(RECORDS) == stays(records)


def test_a_stay_is_its_requestor_s_whoever_changed_it_first() -> None:
    assert Person("ann", "") == stay(record("grantActive", 0, by=BOB)).requestor
    assert Person("ann", "") == stay(record("grantActive", 0, by=None)).requestor


PORTS = [
    (f"22-22/Tcp {OFFICE}", (OFFICE,)),
    ("22-22/Tcp 203.0.113.7 10.0.0.0/24, 3389-3389/Tcp 203.0.113.7", ("10.0.0.0/24", "203.0.113.7")),
    ("22-22/Tcp *", ("*",)),
    ("22-22/Tcp 2001:db8::/32", ("2001:db8::/32",)),
    ("22-22/Tcp", ()),
    ("", ()),
]


@pytest.mark.parametrize(("ports", "expected"), PORTS)
def test_the_sources_of_a_grant_stand_after_each_of_its_ports(ports: str, expected: tuple[str, ...]) -> None:
    assert expected == record("grantActive", 0, ports=ports).sources


LETS_IN = [
    (OFFICE, OFFICE, True),
    (OFFICE, STRANGER, False),
    ("203.0.113.0/24", OFFICE, True),
    ("203.0.113.0/29", "203.0.113.8", False),
    ("*", STRANGER, True),
    ("*", "2001:db8::7", True),
    ("2001:db8::/32", "2001:DB8:0::7", True),
    ("2001:db8::/32", "2001:db9::7", False),
    ("0.0.0.0/0", "2001:db8::7", False),
    ("Internet", OFFICE, False),
    (f"Internet {OFFICE}", OFFICE, True),
    ("*", "somewhere", False),
    ("*", "", False),
]


@pytest.mark.parametrize(("sources", "address", "expected"), LETS_IN)
def test_a_grant_lets_in_the_addresses_that_it_names(sources: str, address: str, expected: bool) -> None:  # noqa: FBT001 - a case.
    assert expected is stay(*life(0, ports=f"22-22/Tcp {sources}")).lets_in(address)


COVERS = [(-6, False), (-5, True), (0, True), (1800, True), (3600, True), (3605, True), (3606, False)]


@pytest.mark.parametrize(("at", "expected"), COVERS)
def test_a_stay_covers_its_time_and_the_seconds_by_which_clocks_differ(at: int, expected: bool) -> None:  # noqa: FBT001 - a case.
    assert expected is stay(*life(0, 60)).covers(logged_as(), OFFICE, minute(at / 60))


@pytest.mark.parametrize(("machine", "source"), [("web-02", OFFICE), ("web-01", STRANGER)])
def test_a_stay_covers_neither_another_machine_nor_another_source(machine: str, source: str) -> None:
    assert not stay(*life(0, 60)).covers(logged_as(machine), source, minute(30))


def test_logs_name_a_machine_by_subscription_group_and_name_in_lower_case() -> None:
    odd = str(machine_id("Web-01")).replace("demo", "Demo")
    assert "11111111-1111-1111-1111-111111111111/demo/web-01" == stay(*life(0, subject=odd)).machine_key


def test_findings_are_those_of_the_closed_set_and_nothing_else_is() -> None:
    assert [True] * len(What) == [about_lock(0, what).is_finding for what in What]
    assert [False, False] == [about_policy(0).is_finding, record("grantActive", 0).is_finding]
