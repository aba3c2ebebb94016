"""Where a computer outside Azure stands: what stands in the way soonest decides, and every check says what it saw."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.computers import Computer
from shared.domain.readiness import Look, State, checks, state
from tests.domain.test_computers import BEAT, DC_01, GROUP
from tests.domain.values import NOW

LOOK, DEAF = Look(NOW), Look(NOW, "No workspace is set.")
OLD, LATE = "1.32.9999.1", NOW - timedelta(minutes=30, seconds=1)
HEARD, UNHEARD = (BEAT,), ()


def standing(status: str = "Connected", agent: str = DC_01.agent, *, heard: bool = True, look: Look = LOOK) -> State:
    """Where a server stands."""
    return state(Computer(replace(DC_01, status=status, agent=agent), HEARD if heard else UNHEARD), look)


@pytest.mark.parametrize(
    ("status", "agent", "heard", "expected"),
    [
        ("Connected", "1.33.0.1", True, "ready"),
        ("connected", "2.0", True, "ready"),
        ("Connected", "1.58.1.1", False, "onboardedButSilent"),
        ("Connected", OLD, True, "needsAgentUpdate"),
        ("Connected", OLD, False, "needsAgentUpdate"),
        ("Connected", "", True, "needsAgentUpdate"),
        ("Connected", "latest", True, "needsAgentUpdate"),
        ("Disconnected", OLD, False, "disconnected"),
        ("Error", "1.58.1.1", True, "disconnected"),
        ("", "1.58.1.1", True, "disconnected"),
        ("Expired", OLD, False, "expired"),
    ],
)
def test_what_stands_in_the_way_soonest_is_the_state(status: str, agent: str, heard: bool, expected: str) -> None:  # noqa: FBT001 - a case.
    assert expected == standing(status, agent, heard=heard)


def test_who_only_reports_has_to_be_onboarded() -> None:
    assert State.NOT_ONBOARDED is state(Computer(None, (BEAT,)), LOOK)


def test_that_nobody_listens_makes_nobody_silent() -> None:
    assert State.READY is standing(heard=False, look=DEAF)


@pytest.mark.parametrize(("last", "expected"), [(LATE, "onboardedButSilent"), (NOW - timedelta(minutes=30), "ready")])
def test_after_half_an_hour_without_a_heartbeat_a_server_is_silent(last: object, expected: str) -> None:
    computer = Computer(DC_01, (replace(BEAT, last=last),))  # type: ignore[arg-type]  # A time.
    assert expected == state(computer, LOOK)


def verdicts(computer: Computer, look: Look = LOOK) -> dict[str, str]:
    return {one.code: one.verdict for one in checks(computer, look)}


def test_a_server_that_is_ready_has_nothing_missing() -> None:
    fine = dict.fromkeys(("onboarded", "connected", "agent", "heartbeat"), "fine")
    assert fine == verdicts(Computer(DC_01, HEARD))


def test_what_cannot_be_told_is_neither_fine_nor_missing() -> None:
    found = checks(Computer(replace(DC_01, agent=""), UNHEARD, namesakes=1), DEAF)
    assert ["agent", "heartbeat", "namesakes"] == [one.code for one in found if one.verdict == "unknown"]
    assert "No workspace is set." in next(one.message for one in found if one.code == "heartbeat")


def test_who_reports_as_a_server_that_is_not_shown_may_be_one() -> None:
    ghost = Computer(None, (replace(BEAT, resource=f"{GROUP}/gone".lower()),))
    assert {"onboarded": "unknown", "heartbeat": "fine"} == verdicts(ghost)
    assert {"onboarded": "missing", "heartbeat": "fine"} == verdicts(Computer(None, HEARD))


@pytest.mark.parametrize("status", ["Disconnected", "Expired", "Error", ""])
def test_a_connection_that_is_gone_is_missing_and_said_by_its_name(status: str) -> None:
    computer = Computer(replace(DC_01, status=status, agent=OLD))
    expected = {"onboarded": "fine", "connected": "missing", "agent": "missing", "heartbeat": "missing"}
    assert expected == verdicts(computer)
