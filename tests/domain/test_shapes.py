"""The rules that claims need: names, limits, families."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.grants import GrantPort
from shared.domain.machines import Endpoint
from shared.domain.rules import Access, Protocol
from shared.domain.shapes import belongs_to_grant, keep_rules, lock_rules, open_rules, standing_for_lock
from tests.domain.values import GRANT, TCP, UDP, endpoint, lock, machine_id, opening, rule

NAMES = st.text("aZ9_.-", max_size=63).map("m{}".format)
PEOPLE = st.text(max_size=300)


@given(NAMES, PEOPLE)
def test_names_have_at_most_80_and_descriptions_at_most_140_characters(name: str, person: str) -> None:
    claim = replace(lock(Endpoint("10.0.0.4", probed=True), Endpoint("fd00::4", probed=True)), machine=machine_id(name))
    claim = replace(claim, guarded=((Protocol.ANY, rule("1 x Deny * 0-79,81-65535 from *").ports),))
    open_ = replace(opening(), requestor=person)
    made = (*lock_rules(claim), *keep_rules(claim), *open_rules(open_))
    assert [one.name for one in made if len(one.name) > 80 or len(one.description) > 140] == []
    assert len(made) == len({one.name.lower() for one in made})


def test_a_grant_s_description_names_the_grant_its_end_and_who_asked() -> None:
    [made] = open_rules(opening())
    assert f"Postern grant {GRANT} until 2026-11-22T13:00:00Z for Ann" == made.description


def test_the_same_claim_twice_is_the_same_rule() -> None:
    one, other = opening(sources=("203.0.113.7", "10.0.0.9")), opening(sources=("10.0.0.9", "203.0.113.7"))
    assert [made.name for made in open_rules(one)] == [made.name for made in open_rules(other)]
    assert all(mine.does_the_same_as(theirs) for mine, theirs in zip(open_rules(one), open_rules(other), strict=True))


def test_ports_of_one_protocol_from_the_same_sources_share_a_rule() -> None:
    asked = (GrantPort((22, 22), TCP, ("*",)), GrantPort((80, 90), TCP, ("*",)), GrantPort((53, 53), UDP, ("*",)))
    made = open_rules(replace(opening(), ports=asked))
    assert [("Tcp", 12), ("Udp", 1)] == [(str(one.protocol), len(one.ports)) for one in made]


def test_a_rule_never_mixes_families() -> None:
    both = (endpoint(), endpoint("fd00:db8::4"))
    made = open_rules(opening(*both, sources=("203.0.113.7", "2001:db8::7")))
    assert [(("203.0.113.7",), ("10.0.0.4",)), (("2001:db8::7",), ("fd00:db8::4",))] == [
        (one.sources, one.destinations) for one in made
    ]


def test_everybody_means_everybody_of_each_family() -> None:
    made = open_rules(opening(endpoint(), endpoint("fd00:db8::4"), sources=("*", "203.0.113.7")))
    assert [("*",), ("*",)] == [one.sources for one in made]


def test_probes_are_let_in_only_where_a_load_balancer_sends_them() -> None:
    assert () == keep_rules(lock())
    [made] = keep_rules(lock(replace(endpoint(), probed=True)))
    assert (Access.ALLOW, ("AzureLoadBalancer",), ("10.0.0.4",)) == (made.access, made.sources, made.destinations)


def test_rules_know_whose_they_are_and_prefixes_do_not_deceive() -> None:
    claim = lock()
    [mine] = lock_rules(claim)
    longer = replace(mine, name=f"{mine.name}x")
    shouted = replace(mine, name=mine.name.upper())
    assert [mine, shouted] == list(standing_for_lock((mine, shouted, longer), claim))
    assert belongs_to_grant(rule(f"100 postern-open-{GRANT}-12 Allow Tcp 22 from *"), GRANT)
    assert not belongs_to_grant(rule(f"100 postern-open-{GRANT}2-1 Allow Tcp 22 from *"), GRANT)
