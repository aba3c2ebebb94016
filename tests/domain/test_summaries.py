"""The activity in numbers, counted by hand."""

import pytest

from shared.domain.attacks import Became
from shared.domain.evidence import Counts, Evidence, Hour, Target, TriedName, TriedPort
from shared.domain.records import Record, stays
from shared.domain.summaries import Grants, Summary, summarize
from shared.domain.usage import usage
from tests.domain.past import OTHER_GRANT, failed, life, logged_as, minute, passed, reached, record, signed_in, tried
from tests.domain.values import GRANT, OFFICE, STRANGER

NEWEST = {"NTANetAnalytics": minute(600)}


def summed(evidence: Evidence, record: list[Record] | None = None) -> Summary:
    known = stays(record or [])
    return summarize(evidence, known, usage(known, evidence, minute(-120)), minute(0))


def test_flows_are_the_sum_of_the_hours() -> None:
    hours = (Hour(minute(0), Counts(6, 1, 2)), Hour(minute(60), Counts(3, 0, 4)))
    found = summed(Evidence(hours=hours))
    assert (Counts(9, 1, 6), 9 / 16, hours) == (found.counts, found.denied_share, found.hours)


def test_of_no_flows_no_share_was_denied() -> None:
    assert summed(Evidence()).denied_share is None
    assert 0 == summed(Evidence(hours=(Hour(minute(0), Counts(0, 0, 1)),))).denied_share


def test_sign_ins_that_failed_are_summed_over_machines_and_sources() -> None:
    failures = (failed(STRANGER, 3), failed(STRANGER, 4, machine="web-02"), failed(OFFICE, 1))
    assert 8 == summed(Evidence(failures=failures)).failures


def test_sources_are_counted_by_what_became_of_them_and_none_twice() -> None:
    evidence = Evidence(
        sources=(tried("192.0.2.1", 5), tried("192.0.2.2", 5), tried("192.0.2.3", 5, 0, 1), tried("192.0.2.4", 5, 1)),
        reached=(reached("allow-ssh", "192.0.2.5"), reached("allow-ssh", "192.0.2.1")),
        failures=(failed("192.0.2.6", 1),),
        sign_ins=(signed_in("192.0.2.6", 5), signed_in("192.0.2.7", 5)),
    )
    expected = {"signedIn": 1, "reached": 2, "granted": 1, "elsewhere": 1, "denied": 1}
    found = summed(evidence).became
    assert (expected, set(Became)) == ({str(one): number for one, number in found.items()}, set(found))


def test_only_those_who_tried_most_are_shown_and_all_are_counted() -> None:
    sources = tuple(tried(f"192.0.2.{number}", number) for number in range(1, 31))
    found = summed(Evidence(sources=sources))
    assert [f"192.0.2.{number}" for number in range(30, 10, -1)] == [one.source for one in found.sources]
    assert 30 == found.became[Became.DENIED]


def test_twenty_ports_and_names_are_shown_and_every_machine() -> None:
    ports = tuple(TriedPort(number, "TCP", Counts(1), 1) for number in range(25))
    names = tuple(TriedName(f"user-{number}", 1, 1) for number in range(25))
    targets = tuple(Target(logged_as(f"web-{number}"), Counts(1), 1, minute(0)) for number in range(25))
    found = summed(Evidence(ports=ports, names=names, targets=targets))
    assert (ports[:20], names[:20], targets) == (found.ports, found.names, found.targets)


USE = passed(f"postern-open-{GRANT}-1", OFFICE, 2, (5, 6))
THIRD, FOURTH = "2" * 24, "3" * 24
RECORD = [*life(-5, 30), *life(1, 20, OTHER_GRANT), *life(2, None, THIRD), *life(-90, -1, FOURTH)]


def test_grants_that_were_open_in_the_time_are_used_never_used_or_unknown() -> None:
    assert Grants(3, 1, (OTHER_GRANT,), 1) == summed(Evidence(uses=(USE,), newest=NEWEST), RECORD).grants


def test_without_logs_no_grant_was_never_used() -> None:
    assert Grants(3, 0, (), 3) == summed(Evidence(), RECORD).grants


@pytest.mark.parametrize("ending", ["grantFailed", "grantRevoked"])
def test_a_grant_that_was_never_seen_open_is_not_counted(ending: str) -> None:
    failed_opening = [record("grantOpening", 1), record("grantClosing", 2), record(ending, 3)]
    assert Grants(0, 0, (), 0) == summed(Evidence(newest=NEWEST), failed_opening).grants


def test_a_grant_that_ended_when_the_time_began_was_open_in_it() -> None:
    assert 1 == summed(Evidence(newest=NEWEST), life(-60, 0)).grants.open
