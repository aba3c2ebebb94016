"""Who calls, by what App Service Authentication says; and from where, by what App Service's front end says."""

import base64
import json

import pytest

from shared.domain.people import Person
from shared.triggers.callers import Caller, Role, address_of, caller_of

OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
ID = "AAAAAAAA-0000-0000-0000-00000000000a"


def principal(*claims: tuple[str, str]) -> dict[str, str]:
    """The header as App Service writes it."""
    document = {"auth_typ": "aad", "claims": [{"typ": kind, "val": value} for kind, value in claims]}
    return {"x-ms-client-principal": base64.b64encode(json.dumps(document).encode()).decode()}


def raw(document: object) -> dict[str, str]:
    """A header that holds any JSON."""
    return {"x-ms-client-principal": base64.b64encode(json.dumps(document).encode()).decode()}


def test_a_person_has_an_id_in_lower_case_a_name_and_roles() -> None:
    caller = caller_of(principal((OID, ID), ("name", "Rika"), ("roles", "Postern.Reader"), (ROLE, "Other")))
    assert Caller(Person(ID.lower(), "Rika"), frozenset({"Postern.Reader", "Other"})) == caller


@pytest.mark.parametrize("kind", [OID, "oid"])
def test_the_object_id_is_known_under_both_its_names(kind: str) -> None:
    assert Person(ID.lower(), ID.lower()) == getattr(caller_of(principal((kind, ID))), "person", None)


def test_a_pipeline_without_a_name_is_called_by_its_id() -> None:
    caller = caller_of(principal((OID, ID), ("roles", "Postern.Requestor")))
    assert caller is not None
    assert ID.lower() == caller.person.name


def test_the_display_name_is_preferred_to_the_sign_in_name() -> None:
    caller = caller_of(principal((OID, ID), ("preferred_username", "rika@example.com"), ("name", "Rika")))
    assert caller is not None
    assert "Rika" == caller.person.name


def test_a_name_holds_nothing_that_could_forge_a_line_of_a_log_and_is_short() -> None:
    caller = caller_of(principal((OID, ID), ("name", "Rika\r\nroot\u202e" + "x" * 200)))
    assert caller is not None
    assert ("Rikaroot", 80) == (caller.person.name[:8], len(caller.person.name))


@pytest.mark.parametrize("kind", ["http://schemas.microsoft.com/identity/claims/tenantid", "tid"])
def test_the_tenant_that_gave_the_token_is_known_under_both_its_names(kind: str) -> None:
    caller = caller_of(principal((OID, ID), (kind, "BBBB")))
    assert caller is not None
    assert "bbbb" == caller.tenant


def test_groups_stand_for_the_caller_too() -> None:
    caller = caller_of(principal((OID, ID), ("groups", "BBBB"), ("groups", "cccc")))
    assert caller is not None
    assert {ID.lower(), "bbbb", "cccc"} == caller.ids


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ms-client-principal": ""},
        {"x-ms-client-principal": "%%%"},
        {"x-ms-client-principal": "e30"},
        {"x-ms-client-principal": base64.b64encode(b"\xff\xfe").decode()},
        {"x-ms-client-principal-id": ID, "x-ms-client-principal-name": "administrator"},
        raw([]),
        raw({"claims": None}),
        raw({"claims": [{"typ": OID}]}),
        raw({"claims": ["oid"]}),
        raw({"userId": ID, "userRoles": ["Postern.Administrator"]}),
        principal(("roles", "Postern.Administrator"), ("name", "Nobody")),
    ],
)
def test_a_header_that_names_nobody_is_nobody(headers: dict[str, str]) -> None:
    assert caller_of(headers) is None


def test_a_caller_has_a_role_only_when_it_is_written_exactly_so() -> None:
    caller = caller_of(principal((OID, ID), ("roles", "postern.administrator"), ("roles", "Postern.Reader")))
    assert caller is not None
    assert (False, True) == (caller.has_any([Role.ADMINISTRATOR]), caller.has_any([Role.ADMINISTRATOR, Role.READER]))


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:50123", "203.0.113.7"),
        (" 203.0.113.7:50123 ", "203.0.113.7"),
        ("192.0.2.66, 203.0.113.7:50123", "203.0.113.7"),
        ("192.0.2.66,192.0.2.67,203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:0DB8:0:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:50123", "2001:db8::7"),
        ("192.0.2.66, [2001:db8::7]:50123", "2001:db8::7"),
    ],
)
def test_the_address_is_the_last_one_that_was_added(forwarded: str, address: str) -> None:
    assert address == address_of({"x-forwarded-for": forwarded})


@pytest.mark.parametrize("forwarded", ["", "unknown", "203.0.113.7,", "203.0.113.7, unknown", "203.0.113.256:1",
                                       "203.0.113.7:1:2", "*", "0.0.0.0/0"])  # fmt: skip
def test_where_the_last_one_is_no_address_none_is_known(forwarded: str) -> None:
    assert address_of({"x-forwarded-for": forwarded}) is None


def test_without_the_header_no_address_is_known() -> None:
    assert address_of({"x-real-ip": "203.0.113.7"}) is None


def test_an_ipv4_address_written_as_ipv6_is_the_ipv4_address() -> None:
    assert "203.0.113.7" == address_of({"x-forwarded-for": "[::ffff:203.0.113.7]:50123"})
