"""Whether grants were used: by what came through their rules, and by who signed in."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.evidence import Evidence, Part, Passed, SignIn
from shared.domain.records import Record, stays
from shared.domain.rules import grant_of
from shared.domain.usage import Usage, usage
from tests.domain.past import OTHER_GRANT, life, logged_as, minute, passed, signed_in
from tests.domain.values import GRANT, OFFICE, STRANGER

RULE = f"postern-open-{GRANT}-1"


def used(record: list[Record], unlogged: frozenset[str] = frozenset(), **parts: Any) -> Usage:  # noqa: ANN401  # As the fields'.
    """How the first grant was used."""
    return usage(stays(record), Evidence(**parts), minute(-60), unlogged)[GRANT]


def until(number: float, table: str = "NTANetAnalytics") -> dict[str, datetime]:
    return {table: minute(number)}


def test_a_grant_s_usage_counts_connections_sign_ins_addresses_and_times() -> None:
    uses = (passed(RULE, OFFICE, 3, (10, 20)), passed(f"postern-open-{GRANT}-2", "203.0.113.8", 4, (5, 15)))
    expected = Usage(frozenset({OFFICE, "203.0.113.8"}), 7, 1, minute(5), minute(50), used=True)
    assert expected == used(life(0, 60), uses=uses, sign_ins=(signed_in(OFFICE, 50),))


def test_a_sign_in_alone_shows_that_a_grant_was_used() -> None:
    found = used(life(0, 60), sign_ins=(signed_in(OFFICE, 10),), newest=until(90))
    assert (True, 0, 1) == (found.used, found.connections, found.sign_ins)


@pytest.mark.parametrize("table", ["NTANetAnalytics", "AzureNetworkAnalytics_CL"])
def test_a_grant_was_never_used_when_flows_are_told_beyond_its_end_and_none_came_by_it(table: str) -> None:
    others = (passed(f"postern-open-{OTHER_GRANT}-1", OFFICE, 3, (10, 20)), passed("allow-ssh", STRANGER, 1, (1, 2)))
    signs = (signed_in(STRANGER, 10), signed_in(OFFICE, 61))
    assert Usage(used=False) == used(life(0, 60), uses=others, sign_ins=signs, newest=until(120.1, table))


UNTOLD: dict[str, tuple[list[Record], dict[str, Any]]] = {
    "a grant that is open": (life(0), {"newest": until(600)}),
    "no flow at all": (life(0, 60), {}),
    "flows up to an hour after its end": (life(0, 60), {"newest": until(120)}),
    "flows before its end": (life(0, 60), {"newest": until(59)}),
    "only other tables": (life(0, 60), {"newest": until(600, "Syslog")}),
    "flows that are not whole": (life(0, 60), {"newest": until(600), "lacking": frozenset({Part.USES})}),
    "a machine without logs": (life(0, 60), {"newest": until(600), "unlogged": frozenset({logged_as()})}),
}


@pytest.mark.parametrize("name", UNTOLD)
def test_where_the_logs_cannot_tell_nothing_is_said(name: str) -> None:
    record, known = UNTOLD[name]
    assert used(record, **known).used is None


@pytest.mark.parametrize("name", UNTOLD)
def test_what_came_by_a_grant_is_told_even_so(name: str) -> None:
    record, known = UNTOLD[name]
    assert used(record, uses=(passed(RULE, OFFICE, 1, (10, 20)),), **known).used is True


def test_another_machine_without_logs_does_not_matter() -> None:
    assert used(life(0, 60), frozenset({logged_as("web-02")}), newest=until(130)).used is False


def test_the_newest_of_both_tables_of_flows_counts() -> None:
    assert used(life(0, 60), newest=until(30) | until(130, "AzureNetworkAnalytics_CL")).used is False


RULES = [
    (RULE, GRANT),
    (f"postern-open-{GRANT}", GRANT),
    (f"Postern-Open-{GRANT}-1", GRANT),
    ("postern-open-01ud8abcdefgh0123456789z-1", ""),
    ("postern-open-01hd8abcdefgh0123456789z-1", "01hd8abcdefgh0123456789z"),
    ("postern-open-0", ""),
    ("postern-lock-abc", ""),
    (GRANT, ""),
    ("allow-ssh", ""),
    ("", ""),
]


@pytest.mark.parametrize(("rule", "expected"), RULES)
def test_a_rule_s_name_tells_its_grant(rule: str, expected: str) -> None:
    assert expected == grant_of(rule)


TIMES = st.integers(-30, 120)
USES = st.lists(
    st.builds(
        lambda grant, at, lasts: passed(f"postern-open-{grant}-1", OFFICE, 1, (at, at + lasts)),
        st.sampled_from([GRANT, OTHER_GRANT, "2" * 24]),
        TIMES,
        st.integers(0, 10),
    )
)
SIGNS = st.lists(st.builds(signed_in, st.sampled_from([OFFICE, STRANGER]), TIMES))
NEWEST = st.dictionaries(st.sampled_from(["NTANetAnalytics", "AzureNetworkAnalytics_CL", "Syslog"]), TIMES.map(minute))


@given(USES, SIGNS, NEWEST, st.none() | st.integers(0, 60))
def test_never_used_is_never_said_where_the_logs_do_not_reach_beyond_the_end(
    uses: list[Passed], signs: list[SignIn], newest: dict[str, datetime], over: int | None
) -> None:
    evidence = Evidence(uses=tuple(uses), sign_ins=tuple(signs), newest=newest)
    reach = [at for table, at in newest.items() if table != "Syslog"]
    for grant, found in usage(stays([*life(0, over), *life(10, 20, OTHER_GRANT)]), evidence, minute(-60)).items():
        end = {GRANT: None if over is None else minute(over), OTHER_GRANT: minute(20)}[grant]
        if found.used is False:
            assert end is not None
            assert max(reach) > end
            assert (0, 0, frozenset()) == (found.connections, found.sign_ins, found.addresses)


@given(USES, SIGNS)
def test_every_use_of_a_known_grant_is_counted_once(uses: list[Passed], signs: list[SignIn]) -> None:
    evidence = Evidence(uses=tuple(uses), sign_ins=tuple(signs))
    found = usage(stays([*life(0, 60), *life(10, 20, OTHER_GRANT)]), evidence, minute(-60))
    known = [one for one in uses if one.rule[13:37] in {GRANT, OTHER_GRANT}]
    inside = [one for one in signs if one.source == OFFICE and minute(0) <= one.at <= minute(60)]
    assert len(known) == sum(one.connections for one in found.values())
    assert len(inside) == sum(one.sign_ins for one in found.values())
