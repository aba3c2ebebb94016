"""What the operator says about the logs."""

import pytest

from shared.log_settings import LogSettings, log_faults, read_log_settings
from shared.settings import SettingsError, check_settings, read_settings
from tests.triggers.test_settings import GOOD

WORKSPACE = "33333333-3333-3333-3333-333333333333"
US = "https://api.loganalytics.us"
WRONG = {
    "POSTERN_WORKSPACE": "logs",
    "POSTERN_LOGS_ENDPOINT": "http://api.loganalytics.io",
    "POSTERN_IDENTITY": f"{WORKSPACE},postern",
    "POSTERN_ATTEMPTS": "0",
}


def test_without_a_workspace_there_are_no_logs() -> None:
    assert None is read_log_settings({})
    assert () == log_faults({})


def test_what_is_not_said_has_its_default() -> None:
    expected = LogSettings(WORKSPACE, "https://api.loganalytics.io", (), 50)
    assert expected == read_log_settings({"POSTERN_WORKSPACE": WORKSPACE.upper()})


def test_everything_that_is_said_is_read() -> None:
    said = {"POSTERN_LOGS_ENDPOINT": f"{US}/", "POSTERN_IDENTITY": f" {WORKSPACE} ,", "POSTERN_ATTEMPTS": "7"}
    assert LogSettings(WORKSPACE, US, (WORKSPACE,), 7) == read_log_settings({"POSTERN_WORKSPACE": WORKSPACE, **said})


@pytest.mark.parametrize("name", WRONG)
def test_each_fault_is_named_alone(name: str) -> None:
    [fault] = log_faults({"POSTERN_WORKSPACE": WORKSPACE, name: WRONG[name]})
    assert fault.startswith(f"{name} must hold ")


@pytest.mark.parametrize("number", ["", "-1", "1.5", "many", "٣", "1000000000"])
def test_the_number_of_attempts_is_a_plain_number(number: str) -> None:
    assert 1 == len(log_faults({"POSTERN_WORKSPACE": WORKSPACE, "POSTERN_ATTEMPTS": number}))


def test_the_health_check_names_all_faults_at_once() -> None:
    with pytest.raises(SettingsError) as told:
        check_settings({**GOOD, **WRONG})
    assert [] == [name for name in WRONG if name not in str(told.value)]


def test_a_slip_in_them_keeps_no_grant_from_being_closed() -> None:
    assert None is read_settings({**GOOD, **WRONG}).logs
