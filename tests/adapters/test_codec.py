"""What is stored is read again by later versions: the form of it is held here by hand."""

import json

import pytest

from shared.adapters.codec import Codec
from shared.adapters.storage import checked, safe_key
from shared.domain.claims import Claim
from shared.domain.grants import Grant
from shared.domain.guarding import Guarded
from shared.domain.machines import Machine
from shared.domain.policies import Policy, default_ports
from tests.adapters.conftest import fresh_grant
from tests.domain.values import GROUP, NOW, endpoint, lock, machine_id, opening

CLAIMS: Codec[Claim] = Codec(Claim)
GRANTS: Codec[Grant] = Codec(Grant)


@pytest.mark.parametrize("claim", [lock(), opening(sources=("*", "2001:db8::/32"))])
def test_a_claim_of_either_kind_survives(claim: Claim) -> None:
    assert claim == CLAIMS.read(CLAIMS.write(claim))


def test_a_stored_grant_has_these_fields() -> None:
    """A field that goes from this list makes grants unreadable that are open while the app is updated."""
    document = json.loads(GRANTS.write(fresh_grant()))
    assert 1 == document["v"]
    assert {
        "id",
        "machine",
        "state",
        "requestor",
        "ports",
        "requested_at",
        "ends_at",
        "occurrence",
        "duration",
        "justification",
        "started_at",
        "rules",
        "reason",
        "detail",
        "nsgs",
    } <= set(document["value"])


def test_a_grant_of_before_a_field_was_added_is_read() -> None:
    grant = fresh_grant()
    document = json.loads(GRANTS.write(grant))
    for name in ("justification", "rules", "reason", "detail", "nsgs", "started_at"):
        del document["value"][name]
    assert grant == GRANTS.read(json.dumps(document))


def test_a_policy_of_before_there_were_collections_is_in_the_default_one() -> None:
    policies: Codec[Guarded] = Codec(Guarded)
    machine = Machine(machine_id(), "westeurope", "Linux", (endpoint("10.0.0.4", GROUP, None),))
    before = Guarded(machine, Policy(default_ports()), 0, NOW, None)
    document = json.loads(policies.write(before))
    del document["value"]["collection"]
    assert (before, "default") == ((read := policies.read(json.dumps(document))), read.collection)


def test_what_another_version_wrote_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="version 2"):
        GRANTS.read('{"v": 2, "value": {}}')


def test_what_does_not_fit_in_a_property_is_refused() -> None:
    assert "x" * 32_000 == checked("x" * 32_000)
    with pytest.raises(ValueError, match="do not fit"):
        checked("x" * 32_001)


@pytest.mark.parametrize("letter", "/\\#?%\t\n\x00\x7f\x9f")
def test_a_key_holds_nothing_that_storage_refuses(letter: str) -> None:
    assert letter not in safe_key(f"a{letter}b")


def test_ids_that_differ_in_case_are_one_key() -> None:
    assert safe_key("/Subscriptions/A") == safe_key("/subscriptions/a")


def test_a_field_of_a_later_version_is_passed_over() -> None:
    grant = fresh_grant()
    document = json.loads(GRANTS.write(grant))
    document["value"]["later"] = {"any": "thing"}
    assert grant == GRANTS.read(json.dumps(document))
