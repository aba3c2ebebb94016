"""Where collections are, what is in them, and how a request falls into grants."""

from datetime import timedelta

import pytest

from shared.domain.collections import AskedEntry, Collection, Place, Portion, collected, named_location, portions
from shared.domain.decisions import AskedPort
from shared.domain.guarding import Guarded
from shared.domain.issues import Issue
from shared.domain.machines import Machine, MachineId
from shared.domain.policies import Policy
from tests.domain.values import GROUP, NOW, SUBSCRIPTION, endpoint, machine_id

HOUR = timedelta(hours=1)
HERE = Place(SUBSCRIPTION, "demo", "westeurope", "default")


def guarded(
    name: str = "web-01", location: str = "westeurope", collection: str = "default", group: str = "demo"
) -> Guarded:
    id_ = MachineId(str(machine_id(name)).replace("/demo/", f"/{group}/"))
    machine = Machine(id_, location, "Linux", (endpoint("10.0.0.4", GROUP, None),))
    return Guarded(machine, Policy(()), 0, NOW, None, collection=collection)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (guarded(), True),
        (guarded(location="West Europe", collection="DEFAULT", group="Demo"), True),
        (guarded(location="northeurope"), False),
        (guarded(collection="team-b"), False),
        (guarded(group="other"), False),
    ],
)
def test_a_place_holds_what_is_named_alike_in_any_case(one: Guarded, expected: bool) -> None:  # noqa: FBT001 - a table.
    assert expected is HERE.holds(one)


def test_a_place_that_says_less_holds_more() -> None:
    far = guarded(location="northeurope", collection="team-b", group="other")
    assert [True, False] == [Place(SUBSCRIPTION).holds(far), Place("2" * 36).holds(far)]


@pytest.mark.parametrize("text", ["westeurope", "West Europe", "WESTEUROPE", " west europe "])
def test_a_region_has_one_name(text: str) -> None:
    assert "westeurope" == named_location(text)


@pytest.mark.parametrize(
    ("one", "code"),
    [(guarded(group="other"), "otherResourceGroup"), (guarded(location="northeurope"), "otherLocation")],
)
def test_a_machine_of_elsewhere_is_misplaced(one: Guarded, code: str) -> None:
    assert [code] == [issue.code for issue in HERE.misplaced(one.machine.id, one.machine)]


def test_where_a_machine_is_in_azure_is_not_guessed_from_its_id() -> None:
    assert () == HERE.misplaced(machine_id(), None)
    assert () == HERE.misplaced(machine_id(), guarded(location="West Europe").machine)


def test_machines_are_collected_by_group_location_and_name_in_any_case() -> None:
    some = [guarded("b"), guarded("a", collection="Default"), guarded("c", "northeurope"), guarded("d", group="other")]
    assert [("northeurope", ["c"]), ("westeurope", ["a", "b"]), ("westeurope", ["d"])] == [
        (one.location, [each.machine.id.name for each in one.machines]) for one in collected(some)
    ]
    assert "Default" == Collection((some[1], some[0])).name


def entry(number: int, duration: timedelta | None = HOUR, name: str = "web-01") -> AskedEntry:
    return AskedEntry(machine_id(name), AskedPort((number, number)), duration, None, f"here[{number}]")


def test_what_ends_together_is_one_portion_and_machines_in_any_case_are_one() -> None:
    found = portions([entry(22), entry(80, HOUR * 2), entry(3389, name="WEB-01"), entry(22, name="app-01")], "why")
    assert [("web-01", [22, 3389]), ("web-01", [80]), ("app-01", [22])] == [
        (one.machine.name, [port.span[0] for port in one.wish.ports]) for one in found
    ]
    assert {"why"} == {one.wish.justification for one in found}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("ports[1]", "there[1]"),
        ("ports[0].number", "here[0].number"),
        ("duration", "here[0].duration"),
        ("justification", "justification"),
        ("", "here[0]"),
    ],
)
def test_an_issue_is_told_where_its_port_stands(path: str, expected: str) -> None:
    [first] = portions([entry(22)], "")
    portion = Portion(first.machine, first.wish, ("here[0]", "there[1]"))
    assert Issue("x", expected, "") == portion.placed(Issue("x", path, ""))
