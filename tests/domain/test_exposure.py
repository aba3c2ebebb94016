"""The truth about a lock: what leaks, and through which rule."""

from collections.abc import Iterable

from shared.domain.claims import OpenClaim
from shared.domain.exposure import Leak, leaks
from shared.domain.planning import plan
from shared.domain.policies import Origin
from shared.domain.rules import Nsg
from tests.domain.values import GROUP, NOW, SUBNET_GROUP, applied, endpoint, group, lock, opening

CLAIM = lock()


def told(*groups: Nsg, claim: object = None, opened: Iterable[OpenClaim] = ()) -> list[tuple[str | None, int | None]]:
    place = CLAIM if claim is None else claim
    assert isinstance(place, type(CLAIM))
    seen = {nsg.id.lower(): nsg for nsg in groups}
    return [(leak.rule, leak.priority) for leak in leaks(place, seen, opened)]


def locked(*lines: str) -> Nsg:
    return applied(group(*lines), plan(group(*lines), [CLAIM], NOW))


def test_without_a_lock_every_rule_that_lets_somebody_in_is_told() -> None:
    expected = [("allow-ssh", 310), ("AllowVnetInBound", 65000), ("AllowAzureLoadBalancerInBound", 65001)]
    assert set(told(group("310 allow-ssh Allow Tcp 22 from *"))) >= set(expected[:2])


def test_with_a_lock_nothing_is_told() -> None:
    assert [] == told(locked("310 allow-ssh Allow Tcp 22 from *"))


def test_a_rule_that_no_lock_can_outrank_is_named() -> None:
    assert [("first", 100)] == told(locked("100 first Allow Tcp 22 from *"))


def test_an_open_grant_is_no_leak() -> None:
    nsg = locked("310 allow-ssh Allow Tcp 22 from *")
    rule = f"200 postern-open-{opening().grant}-1 Allow Tcp 22 from 203.0.113.7 to 10.0.0.4"
    seen = Nsg(nsg.id, "", (*nsg.rules, group(rule).rules[0]), nsg.defaults)
    assert [] == told(seen, opened=[opening()])
    assert [(f"postern-open-{opening().grant}-1", 200)] == told(seen)


def test_a_rule_with_our_mark_that_nobody_meant_is_a_leak() -> None:
    nsg = locked()
    wide = group("100 postern-keep-x Allow * * from *").rules[0]
    assert ("postern-keep-x", 100) in told(Nsg(nsg.id, "", (wide, *nsg.rules), nsg.defaults))


def test_without_any_group_everything_leaks() -> None:
    claim = lock(endpoint(nic=None))
    assert (Leak("10.0.0.4", None, None, None),) == leaks(claim, {})


def test_what_the_subnet_s_group_stops_does_not_leak() -> None:
    claim = lock(endpoint(GROUP and "10.0.0.4", GROUP, SUBNET_GROUP))
    subnet = group("100 deny-all Deny * * from *", id_=SUBNET_GROUP)
    assert [] == told(subnet, group("100 first Allow Tcp 22 from *"), claim=claim)


def test_a_lock_against_the_internet_does_not_speak_of_the_virtual_network() -> None:
    claim = lock(origin=Origin.INTERNET)
    nsg = group("100 inside Allow * * from VirtualNetwork", "110 outside Allow Tcp 22 from Internet")
    assert [("outside", 110)] == told(nsg, claim=claim)


def test_a_port_that_is_kept_open_is_no_leak() -> None:
    claim = lock(guarded="0-442,444-65535")
    nsg = group("300 allow-web Allow Tcp 443 from *")
    assert [] == told(applied(nsg, plan(nsg, [claim], NOW)), claim=claim)
