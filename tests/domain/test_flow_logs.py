"""Whether flows to a machine are logged, and what to do where they are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.evidence import Gap, Lack
from shared.domain.flow_logs import Attachment, FlowLog, Logged, flow_log_gaps, logged, unlogged

HERE, THERE = "aaaaaaaa-0000-0000-0000-000000000000", "bbbbbbbb-0000-0000-0000-000000000000"
NETWORK, SUBNET, NIC = "/x/virtualnetworks/vnet-1", "/x/virtualnetworks/vnet-1/subnets/a", "/x/networkinterfaces/nic-1"
WEB = Attachment("web-01", frozenset({NETWORK, SUBNET, NIC}), NETWORK)
ON = {target: FlowLog(target, enabled=True, workspace=HERE) for target in (NETWORK, SUBNET, NIC)}
OFF = FlowLog(NETWORK, enabled=False, workspace=HERE)
PLAIN = FlowLog(NETWORK, enabled=True)
ELSEWHERE = FlowLog(NETWORK, enabled=True, workspace=THERE)


@pytest.mark.parametrize("target", [NETWORK, SUBNET, NIC])
def test_a_flow_log_of_the_network_the_subnet_or_the_interface_is_enough(target: str) -> None:
    assert Logged.YES is logged(WEB, [ON[target]], HERE)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (OFF, "switchedOff"),
        (PLAIN, "withoutAnalytics"),
        (ELSEWHERE, "elsewhere"),
        (FlowLog("/x/virtualnetworks/vnet-10", enabled=True, workspace=HERE), "not"),
    ],
)
def test_a_flow_log_may_be_there_in_vain(log: FlowLog, expected: str) -> None:
    assert expected == logged(WEB, [log], HERE)


def test_without_any_flow_log_there_is_none() -> None:
    assert Logged.NOT is logged(WEB, [], HERE)


def test_the_workspace_is_the_same_whatever_the_case() -> None:
    assert Logged.YES is logged(WEB, [ON[NETWORK]], HERE.upper())


def test_a_flow_log_that_is_on_but_has_no_workspace_is_nobody_s() -> None:
    assert Logged.WITHOUT_ANALYTICS is logged(WEB, [PLAIN], "")


@given(st.permutations([OFF, PLAIN, ELSEWHERE, ON[NIC]]), st.integers(0, 4))
def test_of_several_flow_logs_the_best_counts(logs: list[FlowLog], number: int) -> None:
    ranks = {OFF: "switchedOff", PLAIN: "withoutAnalytics", ELSEWHERE: "elsewhere", ON[NIC]: "yes"}
    order = ["not", "switchedOff", "withoutAnalytics", "elsewhere", "yes"]
    best = max((order.index(ranks[log]) for log in logs[:number]), default=0)
    assert order[best] == logged(WEB, logs[:number], HERE)


def test_only_what_is_not_logged_is_missing() -> None:
    other = Attachment("web-02", frozenset({"/x/virtualnetworks/vnet-2"}), "/x/virtualnetworks/vnet-2")
    assert {other: Logged.NOT} == unlogged([WEB, other], [ON[SUBNET]], HERE)


TO_DO = {
    Logged.NOT: "the network vnet-1 has no flow log. "
    "Make one for its virtual network, with Traffic Analytics into this workspace.",
    Logged.SWITCHED_OFF: "the network vnet-1 has a flow log that is switched off. Switch it on.",
    Logged.WITHOUT_ANALYTICS: "the network vnet-1 has a flow log without Traffic Analytics. "
    "Switch that on, into this workspace.",
    Logged.ELSEWHERE: "the network vnet-1 has a flow log whose Traffic Analytics writes to another workspace. "
    "Name that one, or change it.",
}


@pytest.mark.parametrize("state", TO_DO)
def test_each_thing_that_is_missing_says_what_to_do(state: Logged) -> None:
    text = f"Who tried to reach web-01 is not known: {TO_DO[state]}"
    assert [Gap(Lack.NO_FLOW_LOG, NETWORK, text)] == list(flow_log_gaps({WEB: state}))


def test_machines_of_a_network_share_a_gap_and_each_network_has_its_own() -> None:
    there = "/x/virtualnetworks/vnet-0"
    missing = [Attachment(f"web-0{number}", frozenset(), NETWORK) for number in range(1, 6)]
    gaps = list(flow_log_gaps({**dict.fromkeys(missing, Logged.NOT), Attachment("db", frozenset(), there): Logged.NOT}))
    assert [there, NETWORK] == [gap.subject for gap in gaps]
    assert "reach db is not known: the network vnet-0 " in gaps[0].text
    assert "reach web-01, web-02, web-03 and 2 more is not known: the network vnet-1 " in gaps[1].text


def test_a_machine_in_no_network_that_is_known_is_told_as_well() -> None:
    [gap] = flow_log_gaps({Attachment("web-01", frozenset(), ""): Logged.NOT})
    assert "the network unknown has no flow log." in gap.text
