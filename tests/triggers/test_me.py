"""The caller is told whom the app takes it for."""

import json

import azure.functions as func

from shared.bootstrap import Postern
from shared.domain.people import Person
from shared.triggers.callers import Caller
from shared.triggers.http import Call
from shared.triggers.me import show


async def told(caller: Caller) -> object:
    """What a caller is told; the app has no settings, so that it can call nobody."""
    answer = await show(Postern({}), Call(func.HttpRequest("GET", "/api/me", body=b""), caller))
    assert isinstance(answer, func.HttpResponse)
    return json.loads(answer.get_body())


async def test_a_person_is_told_its_name_and_those_roles_that_mean_something_here() -> None:
    roles = frozenset({"Postern.Requestor", "Postern.Reader", "Other.Role"})
    expected = {"id": "r1", "name": "Rika", "roles": ["Postern.Reader", "Postern.Requestor"], "tenant": "t1"}
    assert expected == await told(Caller(Person("r1", "Rika"), roles, tenant="t1"))


async def test_a_caller_whose_token_names_no_tenant_is_told_none() -> None:
    expected = {"id": "f1", "name": "f1", "roles": ["Postern.Relay"], "tenant": None}
    assert expected == await told(Caller(Person("f1", "f1"), frozenset({"Postern.Relay"})))
