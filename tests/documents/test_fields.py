"""The small pieces of documents: ports, prefixes, durations, times; what they take and what they refuse."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from shared.documents.fields import (
    read_duration,
    read_prefix,
    read_protocol,
    read_span,
    read_time,
    write_duration,
    write_span,
    write_time,
)
from shared.domain.rules import Protocol

PORTS = [(22, (22, 22)), ("22", (22, 22)), ("5000-5010", (5000, 5010)), (0, (0, 0)), ("0-65535", (0, 65535))]


@pytest.mark.parametrize(("value", "expected"), PORTS)
def test_a_port_is_a_number_or_a_range(value: object, expected: tuple[int, int]) -> None:
    assert expected == read_span(value)


@pytest.mark.parametrize(
    "value",
    [-1, 65536, "65536", "22-", "-22", "30-20", "22,80", "*", "ssh", "", True, 22.0, None, [], "\uff12\uff12", "1-2-3"],
)
def test_what_is_no_port_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError) as told:
        read_span(value)
    assert told.value.type == "invalidPort"


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_ports_survive_being_written(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert (low, high) == read_span(write_span((low, high)))


PROTOCOLS = [("TCP", Protocol.TCP), ("tcp", Protocol.TCP), ("Udp", Protocol.UDP), ("*", Protocol.ANY)]


@pytest.mark.parametrize(("value", "expected"), PROTOCOLS)
def test_a_protocol_is_read_in_any_case(value: str, expected: Protocol) -> None:
    assert expected is read_protocol(value)


@pytest.mark.parametrize("value", ["ICMP", "all", "", 6, None])
def test_what_has_no_ports_is_no_protocol_here(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        read_protocol(value)


PREFIXES = [
    ("203.0.113.7", "203.0.113.7"),
    (" 203.0.113.7/32 ", "203.0.113.7"),
    ("203.0.113.0/24", "203.0.113.0/24"),
    ("2001:DB8::/32", "2001:db8::/32"),
    ("*", "*"),
]


@pytest.mark.parametrize(("value", "expected"), PREFIXES)
def test_a_prefix_has_one_spelling(value: str, expected: str) -> None:
    assert expected == read_prefix(value)


@pytest.mark.parametrize(
    "value", ["203.0.113.7/24", "203.0.113.300", "0.0.0.0/33", "Internet", "", "10.0.0.0-10.0.0.9", 7, None, "::/129"]
)
def test_what_is_no_prefix_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError) as told:
        read_prefix(value)
    assert told.value.type == "invalidPrefix"


DURATIONS = [
    ("PT3H", timedelta(hours=3)),
    ("PT30M", timedelta(minutes=30)),
    ("PT1H30M", timedelta(minutes=90)),
    ("P1D", timedelta(days=1)),
    ("P1DT1H", timedelta(hours=25)),
    ("PT5S", timedelta(seconds=5)),
    ("PT0.5S", timedelta(seconds=0.5)),
    ("PT180M", timedelta(hours=3)),
]


@pytest.mark.parametrize(("value", "expected"), DURATIONS)
def test_a_duration_is_iso_8601(value: str, expected: timedelta) -> None:
    assert expected == read_duration(value)


@pytest.mark.parametrize("value", ["", "P", "PT", "P1DT", "3H", "PT3", "P1M", "P1Y", "P1W", "-PT1H", "pt3h", 3, None])
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError) as told:
        read_duration(value)
    assert told.value.type == "invalidDuration"


@given(st.integers(0, 86400 * 2).map(lambda seconds: timedelta(seconds=seconds)))
def test_durations_survive_being_written(duration: timedelta) -> None:
    assert duration == read_duration(write_duration(duration))


@pytest.mark.parametrize(
    ("duration", "expected"),
    [(timedelta(hours=24), "PT24H"), (timedelta(minutes=5), "PT5M"), (timedelta(), "PT0S")],
)
def test_durations_are_written_as_azure_writes_them(duration: timedelta, expected: str) -> None:
    assert expected == write_duration(duration)


NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
TIMES = [
    ("2026-11-22T12:00:00Z", NOON),
    ("2026-11-22t12:00:00z", NOON),
    ("2026-11-22T13:00:00+01:00", NOON),
    ("2026-11-22T12:00:00.1234567Z", NOON.replace(microsecond=123456)),
    ("2026-11-22T12:00:00.123456789Z", NOON.replace(microsecond=123456)),
    ("2026-11-22T12:00:00.5Z", NOON.replace(microsecond=500000)),
    ("2024-02-29T12:00:00-00:00", datetime(2024, 2, 29, 12, tzinfo=UTC)),
]


@pytest.mark.parametrize(("value", "expected"), TIMES)
def test_a_time_is_rfc_3339_with_up_to_nine_digits(value: str, expected: datetime) -> None:
    assert expected == read_time(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T12:00:00",
        "2026-11-22",
        "2026-11-22 12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-11-22T24:00:01Z",
        "2026-11-22T12:00:00.Z",
        "2026-11-22T12:00:00.1234567890Z",
        "22/11/2026",
        "2026-11-22T12:00:00+25:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        1795348800,
        None,
    ],
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError) as told:
        read_time(value)
    assert told.value.type == "invalidTime"


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the zone follows.
def test_times_survive_being_written(time: datetime) -> None:
    assert time == read_time(write_time(time))
