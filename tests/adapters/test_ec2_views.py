"""What locks leave of permissions, and how what was written is noted in tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.ec2_records import read_records, tags_of, write_record
from shared.adapters.ec2_rules import Permission, Source, describe
from shared.adapters.ec2_views import left, permissions_of
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Access, Protocol, Rule
from tests.domain.values import rule

ANYBODY = Source("CidrIpv4", "0.0.0.0/0")
GROUP = Source("GroupId", "sg-1", "123456789012")
LIST = Source("PrefixListId", "pl-1")
SSH = rule("100 postern-lock-ports-1 Deny Tcp 22 from * to 10.0.0.4")
SSH_FROM_OUTSIDE = rule("100 postern-lock-ports-1-internet Deny Tcp 22 from Internet to 10.0.0.4")
ALL = rule("100 postern-lock-all Deny * * from * to 10.0.0.4")


def tcp(first: int, last: int, source: Source = ANYBODY) -> Permission:
    return Permission("tcp", first, last, source)


@pytest.mark.parametrize(
    ("stands", "lock", "rests"),
    [
        (tcp(443, 443), SSH, [tcp(443, 443)]),
        (tcp(22, 22), SSH, []),
        (tcp(20, 25), SSH, [tcp(20, 21), tcp(23, 25)]),
        (Permission("udp", 22, 22, ANYBODY), SSH, [Permission("udp", 22, 22, ANYBODY)]),
        (Permission("47", -1, -1, ANYBODY), SSH, [Permission("47", -1, -1, ANYBODY)]),
        (Permission("47", -1, -1, ANYBODY), ALL, []),
        (Permission("-1", -1, -1, ANYBODY), ALL, []),
        (tcp(22, 22, GROUP), SSH, []),
        (tcp(22, 22, GROUP), SSH_FROM_OUTSIDE, [tcp(22, 22, GROUP)]),
        (tcp(22, 22, LIST), SSH_FROM_OUTSIDE, []),
        (tcp(22, 22, Source("CidrIpv6", "::/0")), SSH_FROM_OUTSIDE, [tcp(22, 22, Source("CidrIpv6", "fc00::/7"))]),
    ],
)
def test_a_lock_leaves_what_it_does_not_stop(stands: Permission, lock: Rule, rests: list[Permission]) -> None:
    assert rests == list(left(stands, [lock], {GROUP: ("10.0.0.9",)}))


def test_all_protocols_are_split_into_those_that_have_names() -> None:
    rests = left(Permission("-1", -1, -1, ANYBODY), [SSH], {})
    named = {(one.protocol, one.first, one.last) for one in rests}
    without = {("50", -1, -1), ("51", -1, -1), ("icmp", -1, -1)}
    assert {("tcp", 0, 21), ("tcp", 23, 65535), ("udp", 0, 65535), *without} == named


def test_a_group_whose_members_cannot_be_told_counts_as_everybody() -> None:
    assert () == left(tcp(22, 22, GROUP), [SSH_FROM_OUTSIDE], {})


@pytest.mark.parametrize(
    ("line", "address", "wanted"),
    [
        (
            "1 x Allow Tcp 22,80-90 from 203.0.113.7",
            "10.0.0.4",
            ["tcp 22-22 203.0.113.7/32", "tcp 80-90 203.0.113.7/32"],
        ),
        ("1 x Allow Tcp 22 from *", "10.0.0.4", ["tcp 22-22 0.0.0.0/0"]),
        ("1 x Allow Tcp 22 from *", "fd00::4", ["tcp 22-22 ::/0"]),
        ("1 x Allow * * from 10.0.0.0/8", "10.0.0.4", ["-1 -1--1 10.0.0.0/8"]),
        ("1 x Allow * 22 from 10.0.0.0/8", "10.0.0.4", ["tcp 22-22 10.0.0.0/8", "udp 22-22 10.0.0.0/8"]),
        ("1 x Allow Icmp * from fd00::/8", "fd00::4", ["icmpv6 -1--1 fd00::/8"]),
    ],
)
def test_a_grant_needs_one_permission_for_each_source_and_span(line: str, address: str, wanted: list[str]) -> None:
    found = permissions_of(rule(line), address)
    assert wanted == [f"{one.protocol} {one.first}-{one.last} {one.source.name}" for one in found]


_PORTS = st.integers(0, 65535)
_SPANS = st.lists(
    st.builds(lambda one, other: (min(one, other), max(one, other)), _PORTS, _PORTS), min_size=1, max_size=60
)
_ADDRESSES = st.lists(st.ip_addresses().map(str), min_size=1, max_size=40, unique=True).map(tuple)
_RULES = st.builds(
    Rule,
    st.sampled_from(["postern-lock-all", "postern-open-0-1"]),
    st.integers(100, 4096),
    st.sampled_from(Access),
    st.sampled_from(Protocol),
    _ADDRESSES | st.just(("*",)) | st.just(("Internet",)),
    _ADDRESSES,
    _SPANS.map(lambda spans: Ranges.of(*spans)) | st.just(ALL_PORTS),
)


@given(_RULES)
def test_what_is_noted_is_read_as_it_was_written_and_fits_into_tags(noted: Rule) -> None:
    tags = write_record(noted)
    assert {noted.name: noted} == read_records(tags.items())
    assert all(len(value) <= 256 and value == value.strip() for value in tags.values())
    assert sorted(tags) == sorted(tags_of(noted.name, tags.items()))


@pytest.mark.parametrize(
    "spoilt", ["", "1: nonsense", "2: 100 Deny any", "1: 100 Deny any ports 9-1 from any to 10.0.0.4"]
)
def test_a_note_that_says_nothing_sensible_is_none(spoilt: str) -> None:
    assert {} == read_records([("postern-lock-all", spoilt)])


def test_a_note_of_which_a_part_is_missing_is_none() -> None:
    many = tuple(f"10.0.0.{number}" for number in range(60))
    tags = write_record(Rule("postern-lock-all", 100, Access.DENY, destinations=many))
    for name in tags:
        assert {} == read_records([(key, value) for key, value in tags.items() if key != name])


def test_a_description_has_only_what_ec2_allows() -> None:
    assert "postern-open-1 for Ann_ M_ller_" == describe("postern-open-1 for Ann% Müller\n")
    assert 255 == len(describe("x" * 300))
