"""Addresses and prefixes as numbers, and what service tags surely and possibly mean."""

import pytest

from shared.domain.addresses import (
    ALL_ADDRESSES,
    NO_ADDRESSES,
    Bound,
    canonical_prefix,
    parse_address,
    parse_prefix,
    parse_prefixes,
    sources_of,
)

NETWORK = parse_prefix("10.0.0.0/24")


def may_be(address: str, prefix: str, bound: Bound) -> bool:
    return parse_address(address) in sources_of(prefix, NETWORK, bound)


@pytest.mark.parametrize(
    "text", ["", "web", "10.0.0.1/24", "10.0.0.0/33", "300.0.0.1", "10.0.0", "10.0.0.0/24 ", "::g"]
)
def test_what_is_no_prefix_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_prefix(text)


def test_a_prefix_holds_its_first_and_last_address_and_no_other() -> None:
    held = parse_prefix("203.0.113.8/29")
    numbers = [parse_address(f"203.0.113.{last}") in held for last in (7, 8, 15, 16)]
    assert [False, True, True, False] == numbers


def test_both_families_stand_side_by_side_on_one_line() -> None:
    assert not parse_prefix("0.0.0.0/0") & parse_prefix("::/0")
    assert ALL_ADDRESSES == parse_prefix("0.0.0.0/0") | parse_prefix("::/0")
    assert ALL_ADDRESSES == parse_prefix("*")


def test_several_prefixes_are_one_set() -> None:
    assert parse_prefix("10.0.0.0/24") == parse_prefixes(("10.0.0.0/25", "10.0.0.128/25"))


SPELLINGS = [
    ("203.0.113.7/32", "203.0.113.7"),
    ("203.0.113.0/24", "203.0.113.0/24"),
    ("2001:DB8::1/128", "2001:db8::1"),
    ("2001:DB8:0:0::/64", "2001:db8::/64"),
    ("*", "*"),
    ("0.0.0.0/0", "0.0.0.0/0"),
]


@pytest.mark.parametrize(("text", "expected"), SPELLINGS)
def test_each_prefix_has_one_spelling(text: str, expected: str) -> None:
    assert expected == canonical_prefix(text)


# What is meant: surely, possibly. Source: "Virtual network service tags".
TAGS = [
    ("203.0.113.7", "Internet", True, True),
    ("10.0.0.9", "Internet", False, False),
    ("10.0.0.9", "VirtualNetwork", True, True),
    ("10.1.0.9", "VirtualNetwork", False, True),
    ("203.0.113.7", "VirtualNetwork", False, False),
    ("168.63.129.16", "AzureLoadBalancer", True, True),
    ("168.63.129.16", "Internet", False, False),
    ("203.0.113.7", "AzureLoadBalancer", False, False),
    ("203.0.113.7", "Storage.WestEurope", False, True),
    ("203.0.113.7", "internet", True, True),
    ("203.0.113.7", "0.0.0.0/0", True, True),
    ("2001:db8::7", "0.0.0.0/0", False, False),
    ("2001:db8::7", "*", True, True),
]


@pytest.mark.parametrize(("address", "tag", "surely", "possibly"), TAGS)
def test_a_tag_means_surely_at_least_and_possibly_at_most(
    address: str, tag: str, *, surely: bool, possibly: bool
) -> None:
    assert surely is may_be(address, tag, Bound.LOWER)
    assert possibly is may_be(address, tag, Bound.UPPER)


def test_the_tag_virtual_network_may_mean_the_address_that_probes_come_from() -> None:
    """By "Virtual network service tags", VirtualNetwork also holds the virtual public address of the host."""
    assert may_be("168.63.129.16", "VirtualNetwork", Bound.UPPER)


def test_an_unknown_tag_means_surely_nothing_and_possibly_everything() -> None:
    assert NO_ADDRESSES == sources_of("SomethingNew", NETWORK, Bound.LOWER)
    assert ALL_ADDRESSES == sources_of("SomethingNew", NETWORK, Bound.UPPER)
