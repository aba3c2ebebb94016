"""Schedules are read as Azure reads them."""

from datetime import UTC, datetime

import pytest

from emulator.functions import ncrontab
from emulator.functions.ncrontab import ScheduleError

AFTER = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)  # A Friday.


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * * *", "2026-11-20 12:34:57"),
        ("0 * * * * *", "2026-11-20 12:35:00"),
        ("* * * * *", "2026-11-20 12:35:00"),
        ("*/10 * * * * *", "2026-11-20 12:35:00"),
        ("57/10 * * * * *", "2026-11-20 12:34:57"),
        ("5/10 * * * * *", "2026-11-20 12:35:05"),
        ("0 */5 * * * *", "2026-11-20 12:35:00"),
        ("0 0 * * * *", "2026-11-20 13:00:00"),
        ("0 0 */2 * * *", "2026-11-20 14:00:00"),
        ("0 0 9-17 * * *", "2026-11-20 13:00:00"),
        ("0 30 9 * * *", "2026-11-21 09:30:00"),
        ("0 30 9 * * 1-5", "2026-11-23 09:30:00"),
        ("0 30 9 * * Mon-Fri", "2026-11-23 09:30:00"),
        ("0 0 0 * * 0", "2026-11-22 00:00:00"),
        ("0 0 0 * * Sunday", "2026-11-22 00:00:00"),
        ("0 0 0 * * sat", "2026-11-21 00:00:00"),
        ("0 0 0 13 * 5", "2027-08-13 00:00:00"),
        ("0 0 0 * * 0,6", "2026-11-21 00:00:00"),
        ("0 5,35 * * * *", "2026-11-20 12:35:00"),
        ("0 30 9 * Jan Mon", "2027-01-04 09:30:00"),
        ("0 0 0 1 January *", "2027-01-01 00:00:00"),
        ("0 0 0 29 2 *", "2028-02-29 00:00:00"),
        ("0 0 0 31 * *", "2026-12-31 00:00:00"),
        ("0 0 0 1-7 * 1", "2026-12-07 00:00:00"),
        ("0 0 0 1-31/10 * *", "2026-11-21 00:00:00"),
        ("59 59 23 31 12 *", "2026-12-31 23:59:59"),
        ("0 0 5 1 3-5 *", "2027-03-01 05:00:00"),
        ("0 10-20/5,40 * * * *", "2026-11-20 12:40:00"),
        ("  0   0  0  *  *  *  ", "2026-11-21 00:00:00"),
        ("00 05 09 * * *", "2026-11-21 09:05:00"),
    ],
)
def test_the_next_occurrence_is_the_one_azure_would_take(expression: str, expected: str) -> None:
    found = ncrontab.parse(expression).next(AFTER)
    assert expected == found.strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "* * * * * * *",
        "60 * * * * *",
        "0 60 * * * *",
        "0 0 24 * * *",
        "0 0 0 0 * *",
        "0 0 0 32 * *",
        "0 0 0 * 13 *",
        "0 0 0 * * 7",
        "0 0 0 L * *",
        "0 0 0 * * 5#2",
        "0 0 0 ? * *",
        "0 0 0 15W * *",
        "0 */0 * * * *",
        "0 5-1 * * * *",
        "0 -1 * * * *",
        "@daily",
        "00:05:00",
        "0 0 0 31 2 *",
        "0 0 0 * Mon *",
    ],
)
def test_what_azure_would_not_take_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleError):
        ncrontab.parse(expression)


def test_an_occurrence_is_never_now() -> None:
    noon = AFTER.replace(hour=12, minute=0, second=0)
    assert noon.replace(minute=1) == ncrontab.parse("0 * * * * *").next(noon)


@pytest.mark.parametrize(("expression", "expected"), [("*/30 * * * * *", True), ("0 * * * * *", False)])
def test_more_than_once_a_minute_is_told_apart(expression: str, *, expected: bool) -> None:
    assert expected is ncrontab.parse(expression).runs_within_a_minute(AFTER)
