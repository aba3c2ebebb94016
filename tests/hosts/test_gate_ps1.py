"""The gate of Windows: what its script consists of, and that the lists which it is given mean what the rules mean.

There is no Windows here. The script is parsed and held to what it may do; a model of Windows Firewall judges the lists.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tree_sitter import Language, Node, Parser
from tree_sitter_powershell import language

from shared.domain.firewalls import System, write
from shared.domain.rules import ALL_PORTS, WITHOUT_PORTS, Access, Protocol, Rule
from shared.domain.shapes import deadline_of
from shared.domain.traffic import Flow, Spot, evaluate
from tests.domain.test_firewalls import LOCK, granted, hosted
from tests.domain.values import GRANT, LATER, NOW, rule
from tests.hosts.windows import Packet, is_allowed, is_blocked

SCRIPT = Path(__file__).parents[2] / "shared/hosts/gate.ps1"
CMDLETS = """
    ConvertFrom-Json ConvertTo-Json Copy-Item ForEach-Object Get-Content Get-NetFirewallAddressFilter
    Get-NetFirewallPortFilter Get-NetFirewallProfile Get-NetFirewallRule Get-ScheduledTask Join-Path New-Item
    New-NetFirewallRule New-Object New-ScheduledTaskAction New-ScheduledTaskPrincipal New-ScheduledTaskSettingsSet
    New-ScheduledTaskTrigger New-TimeSpan Register-ScheduledTask Remove-Item Remove-NetFirewallRule Select-Object
    Set-Acl Set-Content Set-StrictMode Sort-Object Start-Sleep Test-Path Unregister-ScheduledTask Where-Object
    Write-Error
"""
PEOPLE = {"10.0.0.4": ("203.0.113.7", "203.0.113.8", "10.9.9.9", "0.0.0.0", "255.255.255.255"),  # noqa: S104 - data.
          "2001:db8::9": ("2001:db8::7", "2001:db8:1::1", "::ffff:192.0.2.1", "::", "ffff::1")}  # fmt: skip


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def texts(kind: str) -> list[str]:
    return [node.text.decode() for node in NODES if node.type == kind and node.text]


NODES = tuple(walk(Parser(Language(language())).parse(SCRIPT.read_bytes()).root_node))


def test_the_script_is_what_the_language_knows() -> None:
    assert [] == [node.start_point for node in NODES if node.is_error or node.is_missing]


def test_the_commands_are_known_ones_and_its_own_functions() -> None:
    called = set(texts("command_name"))
    assert set(CMDLETS.split()) == called - set(texts("function_name"))


def test_every_function_is_called() -> None:
    assert set(texts("function_name")) <= set(texts("command_name"))


@pytest.mark.parametrize(
    "word", ["Invoke-", "iex", "DownloadString", "http", "Start-Process", "Add-Type", "Disable-", "::new("]
)
def test_nothing_is_run_that_is_not_written_there(word: str) -> None:
    assert [] == [
        name for name in texts("command") if re.search(rf"\b{re.escape(word)}", name) and name != "Invoke-Gate"
    ]


def test_rules_of_others_are_neither_read_nor_removed() -> None:
    asked = [text for text in texts("command") if text.startswith(("Get-NetFirewallRule", "New-NetFirewallRule"))]
    assert 6 < len(asked)
    assert [] == [text for text in asked if "-Group $Group" not in text]
    assert ["'Postern'"] == re.findall(r"^\$Group = (.*)$", SCRIPT.read_text("utf-8"), re.MULTILINE)


def test_nothing_is_removed_but_what_was_found_in_the_group() -> None:
    removing = [text for text in texts("pipeline") if text.endswith("| Remove-NetFirewallRule")]
    assert 3 == len(removing)
    assert [] == [text for text in removing if not text.startswith("Get-NetFirewallRule -Group $Group")]


def test_no_block_or_allow_is_made_anywhere_but_inbound() -> None:
    made = [text for text in texts("command") if text.startswith("New-NetFirewallRule")]
    assert 2 == len(made)
    assert [] == [text for text in made if "-Direction Inbound -Profile Any -Enabled True" not in text]


def test_every_parameter_of_an_order_is_one_of_the_script_with_a_pattern() -> None:
    found = re.findall(r"\[ValidatePattern\('(.*)'\)\] \[string\] \$(\w+)", SCRIPT.read_text("utf-8"))
    by_name = {name: pattern for pattern, name in found}
    order = write((LOCK, granted()), System.WINDOWS, NOW, 7)
    assert set(order) | {"POSTERN_BEFORE", "POSTERN_BEFORE_NOTES", "POSTERN_TARGETS"} == set(by_name)
    plain = {name: pattern.replace(r"\A", "").replace(r"\z", "") for name, pattern in by_name.items()}
    assert [] == [name for name, value in order.items() if not re.fullmatch(plain[name], value)]


@pytest.mark.parametrize(("form", "name"), [("RuleForm", "POSTERN_WISH"), ("WallForm", "POSTERN_WALLS")])
@given(hosted())
def test_every_order_has_the_form_that_the_script_asks_for(form: str, name: str, rules: tuple[Rule, ...]) -> None:
    word = write(rules, System.WINDOWS, NOW, 7)[name]
    lines = [] if word == "none" else word.split("+")
    assert [] == [line for line in lines if not re.fullmatch(read_form(form), line)]


def read_form(name: str) -> str:
    """A pattern of the script, put together as PowerShell would; Python reads it alike but for the anchors."""
    made: dict[str, str] = {}
    source = SCRIPT.read_text("utf-8").replace("+\n    ", "+ ")
    for variable, value in re.findall(r"^\$(V4|V6|Prefix|Span|Ports|RuleForm|WallForm) = (.*)$", source, re.MULTILINE):
        parts = re.findall(r"'([^']*)'|\"([^\"]*)\"|\$(\w+)", value)
        made[variable] = "".join(
            plain or made.get(other, "") or re.sub(r"\$\{?(\w+)\}?", lambda found: made[found[1]], filled)
            for plain, filled, other in parts
        )
    return made[name].replace(r"\A", "").replace(r"\z", "")


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    target = draw(st.sampled_from(tuple(PEOPLE)))
    protocol = draw(st.sampled_from(("tcp", "tcp", "udp", "icmp", "esp", "ah")))
    port = draw(st.sampled_from((0, 22, 23, 80, 443, 68, 546, 65535))) if protocol in {"tcp", "udp"} else 0
    return Packet(draw(st.sampled_from(PEOPLE[target])), target, protocol, port)


def judge(rules: tuple[Rule, ...], packet: Packet, at: int) -> Access | None:
    """What the domain says of this packet at this time; None: it is left to the computer's other rules."""
    protocol = Protocol(packet.protocol.capitalize())
    live = [one for one in rules if (end := deadline_of(one)) is None or end.timestamp() > at]
    if protocol in WITHOUT_PORTS:
        # A rule with ports only possibly means these, and on a computer it does not.
        live = [one for one in live if one.ports == ALL_PORTS]
    found = evaluate(live, Flow(packet.source, packet.port, protocol), Spot(packet.target))
    return found.access if found else None


@given(hosted(), packets(), st.sampled_from((-3600, 0, 1, 2, 4)))
@example((LOCK, granted()), Packet("203.0.113.7", "10.0.0.4", "tcp", 22), -1)
@example((LOCK, granted()), Packet("203.0.113.7", "10.0.0.4", "tcp", 22), 0)
@example((LOCK, granted()), Packet("203.0.113.8", "10.0.0.4", "tcp", 22), -1)
def test_windows_does_with_the_lists_what_the_rules_say(rules: tuple[Rule, ...], packet: Packet, after: int) -> None:
    order = write(rules, System.WINDOWS, NOW, 7)
    at = int((LATER + timedelta(seconds=after)).timestamp())
    said = judge(rules, packet, at)
    assert (said is Access.DENY) is is_blocked(order, packet, at)
    assert (said is Access.ALLOW) is (is_allowed(order, packet, at) and not is_blocked(order, packet, at))


@given(hosted(), packets(), st.integers(-5, 5))
def test_no_wall_comes_down_as_time_goes_on(rules: tuple[Rule, ...], packet: Packet, after: int) -> None:
    order = write(rules, System.WINDOWS, NOW, 7)
    at = int(LATER.timestamp()) + after
    assert is_blocked(order, packet, at) <= is_blocked(order, packet, at + 1)


def test_walls_are_written_as_documented() -> None:
    order = write((rule("200 postern-lock-ports Deny Tcp 22,3389 from *"), granted()), System.WINDOWS, NOW, 7)
    assert [
        "0_tcp_0.0.0.0-203.0.113.6@203.0.113.8-255.255.255.255@::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff_any_22@3389_any",
        "0_tcp_203.0.113.7_any_3389_any",
        "1795352400_tcp_203.0.113.7_any_22_any",
    ] == sorted(order["POSTERN_WALLS"].split("+"))


@pytest.mark.parametrize(("source", "port"), [("203.0.113.", 22), ("2001:db8::", 22)])
def test_exactly_the_granted_addresses_have_a_gap(source: str, port: int) -> None:
    prefix = f"{source}4/{30 if '.' in source else 126}"
    order = write((LOCK, granted(f"150 postern-open-{GRANT}-1 Allow Tcp 22 from {prefix}")), System.WINDOWS, NOW, 7)
    target = "10.0.0.4" if "." in source else "2001:db8::9"
    everybody = [f"{source}{number}" for number in range(10)]
    passed = [one for one in everybody if not is_blocked(order, Packet(one, target, "tcp", port), 0)]
    assert [f"{source}{number}" for number in (4, 5, 6, 7)] == passed


@pytest.mark.parametrize(("port", "server"), [(68, 67), (546, 547)])
def test_the_answers_of_dhcp_servers_pass_a_lock_and_nothing_else_to_their_ports(port: int, server: int) -> None:
    order = write((LOCK,), System.WINDOWS, NOW, 7)
    from_ports = [0, server - 1, server, server + 1, 50000]
    passed = [one for one in from_ports if not is_blocked(order, Packet("10.9.9.9", "10.0.0.4", "udp", port, one), 0)]
    assert [server] == passed


def test_a_lock_of_everything_stops_tunnels_too() -> None:
    assert is_blocked(write((LOCK,), System.WINDOWS, NOW, 7), Packet("10.9.9.9", "10.0.0.4", "other", 0), 0)


def test_no_rules_are_no_walls() -> None:
    assert "none" == write((), System.WINDOWS, NOW, 7)["POSTERN_WALLS"]
