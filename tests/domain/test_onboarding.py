"""What to do next with a computer, as commands: documented, quoted, and of nothing but plain names."""

import re
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.computers import ArcServer, Computer
from shared.domain.onboarding import Place, Step, cloud_of, faults, next_step, onboarding, tenant_of, usual_place
from shared.domain.readiness import State
from tests.domain.test_computers import BEAT, DC_01, GROUP
from tests.domain.values import SUBSCRIPTION

TENANT = "22222222-2222-2222-2222-222222222222"
PLACE = Place(SUBSCRIPTION, "on(premises)", "westeurope", TENANT)
FLAGS = [
    *("--subscription-id", SUBSCRIPTION, "--resource-group", "on(premises)"),
    *("--location", "westeurope", "--tenant-id", TENANT),
]
POS_07 = replace(DC_01, id=f"{GROUP}/pos-07", system="Linux")


def test_linux_is_onboarded_by_the_documented_steps() -> None:
    step = onboarding("Linux", PLACE)
    load, install, connect = map(shlex.split, step.commands)
    assert ["wget", "https://aka.ms/azcmagent", "-O", "~/Install_linux_azcmagent.sh"] == load
    assert ["sudo", "bash", "~/Install_linux_azcmagent.sh"] == install
    assert ["sudo", "azcmagent", "connect", *FLAGS] == connect
    assert "bash" == step.shell


def test_windows_is_onboarded_by_the_documented_steps() -> None:
    step = onboarding("Windows", PLACE)
    assert "powershell" == step.shell
    assert "-Uri https://aka.ms/AzureConnectedMachineAgent -OutFile" in step.commands[1]
    assert step.commands[2].startswith("Start-Process msiexec.exe -Wait")
    quoted = " ".join(one if one.startswith("--") else f"'{one}'" for one in FLAGS)
    agent = r'& "$env:ProgramW6432\AzureConnectedMachineAgent\azcmagent.exe"'
    assert f"{agent} connect {quoted}" == step.commands[-1]


def test_what_is_not_known_is_left_to_the_agent() -> None:
    bare = onboarding("Linux", replace(PLACE, tenant="")).commands[-1]
    assert ("--tenant-id" in bare, "--cloud" in bare) == (False, False)
    assert "--cloud 'AzureUSGovernment'" in onboarding("Linux", replace(PLACE, cloud="AzureUSGovernment")).commands[-1]


@given(st.text(min_size=1, max_size=20))
def test_whatever_a_name_holds_a_command_has_only_plain_names_or_is_not_there(name: str) -> None:
    server = replace(POS_07, id=f"{GROUP}/x".replace("OnPremises", name.replace("/", "")), status="Expired")
    told = next_step(Computer(server), State.EXPIRED, PLACE).commands
    assert all(re.fullmatch(r"sudo azcmagent \w+( --[a-z-]+ '[-\w.()]+')*", one) for one in told)


@pytest.mark.parametrize("evil", ["a'b", "a;b", "$(id)", "`id`", "a b", "a\nb", "a\u2019b", "", '"', "\\"])
def test_a_place_that_is_more_than_a_name_gets_no_command(evil: str) -> None:
    issues = {one.path for one in faults(Place(SUBSCRIPTION, evil, evil), "Linux", (SUBSCRIPTION,))}
    assert {"resourceGroup", "location"} == issues
    reporter = Computer(None, (BEAT,))
    assert () == next_step(reporter, State.NOT_ONBOARDED, Place(SUBSCRIPTION, evil, "westeurope")).commands


def test_everything_that_is_wrong_with_a_place_is_told_at_once() -> None:
    issues = [one.code for one in faults(Place("mine", "ends.", "West Europe"), "Plan 9", (SUBSCRIPTION,))]
    assert ["unknownValue", "unknownSubscription", "invalidResourceGroup", "invalidLocation"] == issues
    assert [] == list(faults(PLACE, "Windows", (SUBSCRIPTION,)))
    assert ["unknownSubscription"] == [one.code for one in faults(PLACE, "Linux", (TENANT,))]


def step_of(state: State, server: ArcServer | None = POS_07, place: Place = PLACE) -> Step:
    return next_step(Computer(server, (BEAT,)), state, place)


def test_who_has_expired_disconnects_and_connects_to_where_it_was() -> None:
    disconnect, connect = step_of(State.EXPIRED).commands
    assert "sudo azcmagent disconnect" == disconnect
    assert "--resource-name 'pos-07'" in connect
    assert "--resource-group 'OnPremises'" in connect


def test_who_only_reports_goes_where_the_others_are() -> None:
    assert "--resource-group 'on(premises)'" in step_of(State.NOT_ONBOARDED, None).commands[-1]
    nowhere = step_of(State.NOT_ONBOARDED, None, Place())
    assert ((), True) == (nowhere.commands, "resource group and region" in nowhere.text)


def test_an_agent_is_updated_by_what_the_computer_has() -> None:
    assert ["apt", "yum", "zypper"] == [one.split()[2] for one in step_of(State.NEEDS_UPDATE).commands]
    assert "msiexec" in step_of(State.NEEDS_UPDATE, DC_01).commands[-1]


def test_who_is_silent_gets_the_agent_of_the_workspace() -> None:
    [command] = step_of(State.SILENT).commands
    assert "--type AzureMonitorLinuxAgent" in command
    assert "--machine-name 'pos-07'" in command


def test_who_is_away_is_looked_at_and_who_is_ready_is_left_alone() -> None:
    assert ["sudo azcmagent show", "sudo azcmagent check --location 'westeurope'"] == [
        *step_of(State.DISCONNECTED).commands
    ]
    assert () == step_of(State.READY).commands


def test_a_computer_of_unknown_system_gets_words_only() -> None:
    unknown = Computer(None, (replace(BEAT, system=""),))
    assert () == next_step(unknown, State.NOT_ONBOARDED, PLACE).commands


def test_the_usual_place_is_where_most_servers_are() -> None:
    elsewhere = replace(DC_01, id=DC_01.id.replace("OnPremises", "a"))
    assert Place(SUBSCRIPTION, "onpremises", "westeurope") == usual_place([elsewhere, DC_01, POS_07])
    assert Place() == usual_place([])


def test_the_tenant_is_the_first_that_is_one() -> None:
    assert (TENANT, "") == (tenant_of("", "common", TENANT), tenant_of("", "$(id)"))


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://management.azure.com", ""),
        ("https://management.usgovcloudapi.net", "AzureUSGovernment"),
        ("https://management.chinacloudapi.cn", "AzureChinaCloud"),
    ],
)
def test_other_clouds_are_named(endpoint: str, expected: str) -> None:
    assert expected == cloud_of(endpoint)
