"""Rules as orders for the firewalls inside computers: what is written is read back, and nothing else is believed."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.addresses import parse_address
from shared.domain.firewalls import Gate, System, Trouble, fits, read, verifying, write
from shared.domain.firewalls_windows import write_span
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, WITHOUT_PORTS, Access, Protocol, Rule, in_order
from shared.domain.shapes import deadline_of, open_rules
from tests.domain.values import GRANT, LATER, NOW, opening, ports, rule

LOCK = rule("200 postern-lock-all Deny * * from *")
SAFE = re.compile("[0-9a-zA-Z.:/@_+-]+")
SIDES = st.lists(
    st.sampled_from(("*", "203.0.113.7", "10.0.0.0/8", "2001:db8::7", "2001:db8::/32", "::ffff:192.0.2.1")),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)
PORTS = st.sampled_from(("*", "22", "0-21,23-65535", "80,443,8000-9000")).map(ports)


def granted(line: str = f"150 postern-open-{GRANT}-1 Allow Tcp 22 from 203.0.113.7", end: datetime = LATER) -> Rule:
    made = rule(line)
    return replace(made, description=f"Postern grant {made.name[13:37]} until {end:%Y-%m-%dT%H:%M:%SZ} for Ann")


def report(parameters: Mapping[str, str], **told: object) -> str:
    """What the script prints when it has carried out an order."""
    said = {"version": 1, "status": "applied", "serial": int(parameters["POSTERN_SERIAL"]), "rules": 100, "skew": 3}
    said["issued"] = int(parameters["POSTERN_ISSUED"])
    said |= {"digest": parameters["POSTERN_DIGEST"], "missing": [], "edited": [], "persists": True, "firewall": "nft 1"}
    return f"a warning\nPOSTERN-GATE {json.dumps(said | told)}\n"


@st.composite
def hosted(draw: st.DrawFn) -> tuple[Rule, ...]:
    """Rules that fit, of both kinds, in any order."""
    made = []
    for number in draw(st.lists(st.integers(100, 4096), unique=True, max_size=5)):
        allows = draw(st.booleans())
        protocol = draw(st.sampled_from(Protocol))
        name = f"postern-open-{number:024}-1" if allows else f"postern-lock-{number}"
        end = LATER + timedelta(seconds=draw(st.integers(0, 3)))
        made.append(
            replace(
                granted(f"{number} {name} Allow Tcp 22 from *", end)
                if allows
                else rule(f"{number} {name} Deny * * from *"),
                protocol=protocol,
                sources=draw(SIDES),
                destinations=draw(st.just(("*",)) | SIDES),
                ports=ALL_PORTS if protocol in WITHOUT_PORTS else draw(PORTS),
            )
        )
    return tuple(one for one in made if not fits((one,)))


@given(hosted(), st.sampled_from(System))
def test_what_is_written_is_read_back(rules: tuple[Rule, ...], system: System) -> None:
    parameters = write(rules, system, NOW, 7)
    gate = read(parameters, report(parameters), NOW)
    assert Gate(in_order(rules), skew=3, persists=True, firewall="nft 1") == gate


@given(hosted(), st.sampled_from(System), st.text())
def test_nothing_in_an_order_means_anything_to_a_shell(rules: tuple[Rule, ...], system: System, person: str) -> None:
    named = tuple(replace(one, description=f"{one.description}{person}") for one in rules)
    parameters = write(named, system, NOW, 7)
    assert [] == [name for name, value in parameters.items() if not SAFE.fullmatch(value)]


def test_an_order_is_written_as_documented() -> None:
    wish = f"postern-open-{GRANT}-1_150_a_tcp_203.0.113.7_any_22_1795352400+postern-lock-all_200_d_any_any_any_any_0"
    parameters = write((LOCK, granted()), System.LINUX, NOW, 7)
    assert {"1", "apply", "7", "1795348800", wish} <= set(parameters.values())


def test_an_order_to_look_again_differs_in_mode_and_time_only() -> None:
    parameters = write((LOCK,), System.LINUX, NOW, 7)
    again = verifying(parameters, LATER)
    changed = {name: again[name] for name in again if again[name] != parameters[name]}
    assert {"POSTERN_MODE": "verify", "POSTERN_ISSUED": "1795352400"} == changed


def test_a_rule_whose_time_is_over_is_gone() -> None:
    parameters = write((LOCK, granted()), System.LINUX, NOW, 7)
    assert (LOCK,) == read(parameters, report(parameters, rules=1), LATER).rules


def test_what_was_mended_is_told() -> None:
    parameters = write((LOCK,), System.LINUX, NOW, 7)
    told = report(parameters, missing=["postern-lock-all", "<b>"], edited=["table", 7])
    gate = read(parameters, told, NOW)
    assert (("postern-lock-all",), ("table",)) == (gate.missing, gate.edited)


@pytest.mark.parametrize(
    ("told", "trouble"),
    [
        ({"status": "stale"}, Trouble.STALE),
        ({"status": "skew"}, Trouble.SKEW),
        ({"status": "refused"}, Trouble.REFUSED),
        ({"status": "unsupported"}, Trouble.UNSUPPORTED),
        ({"status": "failed"}, Trouble.FAILED),
        ({"status": "splendid"}, Trouble.UNREADABLE),
        ({"version": 2}, Trouble.OTHER_VERSION),
        ({"serial": 6}, Trouble.OTHER_ORDER),
        ({"digest": "0" * 64}, Trouble.OTHER_ORDER),
        ({"rules": 0}, Trouble.FAILED),
        ({"rules": True}, Trouble.FAILED),
    ],
)
def test_a_report_that_is_not_about_success_of_this_order_is_not_believed(
    told: dict[str, object], trouble: Trouble
) -> None:
    parameters = write((LOCK,), System.LINUX, NOW, 7)
    gate = read(parameters, report(parameters, **told), NOW)
    assert (None, trouble) == (gate.rules, gate.trouble)


@pytest.mark.parametrize(
    "output", ["POSTERN-GATE {", "POSTERN-GATE []", "bash: not found", "POSTERN-GATE " + "[" * 9999]
)
def test_output_without_a_report_is_unreadable(output: str) -> None:
    assert Trouble.UNREADABLE is read(write((LOCK,), System.LINUX, NOW, 7), output, NOW).trouble


def test_no_output_yet_is_never_ran() -> None:
    assert Trouble.NEVER_RAN is read(write((LOCK,), System.LINUX, NOW, 7), "\n", NOW).trouble


def test_only_the_last_report_counts() -> None:
    parameters = write((LOCK,), System.LINUX, NOW, 7)
    told = report(parameters) + report(parameters, status="stale")
    assert Trouble.STALE is read(parameters, told, NOW).trouble


@pytest.mark.parametrize("name", ["POSTERN_WISH", "POSTERN_WALLS", "POSTERN_NOTES", "POSTERN_DIGEST"])
def test_an_order_that_somebody_changed_is_unreadable(name: str) -> None:
    parameters = write((LOCK, granted()), System.WINDOWS, NOW, 7)
    changed = {**parameters, name: parameters[name].replace("0", "1").replace("W", "X")}
    assert Trouble.UNREADABLE is read(changed, report(parameters), NOW).trouble


def test_a_computer_s_words_are_cut_and_printable() -> None:
    parameters = write((LOCK,), System.LINUX, NOW, 7)
    gate = read(parameters, report(parameters, status="failed", detail="a\x1b[2J" + "b" * 999), NOW)
    assert "a[2J" + "b" * 196 == gate.detail


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        ({"sources": ("Internet",)}, "prefix"),
        ({"sources": ("10.0.0.1/8",)}, "prefix"),
        ({"sources": ("fe80::1%eth0",)}, "prefix"),
        ({"sources": ()}, "prefix"),
        ({"destinations": ("VirtualNetwork",)}, "prefix"),
        ({"sources": ("10.0.0.9",), "destinations": ("fd00::1",)}, "families"),
        ({"source_groups": ("asg-web",)}, "securityGroup"),
        ({"destination_groups": ("asg-web",)}, "securityGroup"),
        ({"source_ports": Ranges.of((1, 2))}, "sourcePorts"),
        ({"ports": Ranges.of((22, 22)), "protocol": Protocol.ICMP}, "ports"),
        ({"ports": Ranges.of((22, 70000))}, "ports"),
        ({"name": "allow-ssh"}, "name"),
        ({"name": "postern-lock-all\n"}, "name"),
        ({"priority": 99}, "priority"),
        ({"access": Access.ALLOW}, "noDeadline"),
    ],
)
def test_a_rule_that_a_computer_cannot_express_is_refused(odd: dict[str, object], code: str) -> None:
    strange = replace(LOCK, **odd)  # type: ignore[arg-type]
    assert [code] == [issue.code for issue in fits((strange,))]
    with pytest.raises(ValueError, match=r"rules\[0\]"):
        write((strange,), System.LINUX, NOW, 7)


def test_rules_that_share_a_name_or_a_number_are_refused() -> None:
    assert ["duplicate", "duplicate"] == [issue.code for issue in fits((LOCK, LOCK))]


def test_more_than_a_command_line_holds_is_refused() -> None:
    many = tuple(replace(LOCK, name=f"postern-lock-{number}", priority=number) for number in range(100, 600))
    assert ["tooLong"] == [issue.code for issue in fits(many)]


@pytest.mark.parametrize(("at", "serial"), [(NOW, 0), (NOW, 10**15), (NOW.replace(tzinfo=None), 7)])
def test_an_order_without_a_sensible_serial_and_time_is_refused(at: datetime, serial: int) -> None:
    with pytest.raises(ValueError, match="serial"):
        write((LOCK,), System.LINUX, at, serial)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.text(max_size=200))  # noqa: DTZ001
def test_the_end_of_a_grant_is_read_from_its_rule(end: datetime, person: str) -> None:
    [made] = open_rules(replace(opening(), ends_at=end, requestor=person))
    assert end.replace(microsecond=0) == deadline_of(made)


@pytest.mark.parametrize(
    "description",
    [
        "",
        "for Ann",
        f"Postern grant {GRANT} until 2026-13-22T13:00:00Z for Ann",
        granted().description.replace("0" * 9, "1" * 9),
    ],
)
def test_a_rule_that_does_not_say_when_it_ends_has_no_deadline(description: str) -> None:
    assert deadline_of(replace(granted(), description=description)) is None


@given(
    st.sampled_from(("203.0.113.0", "255.255.255.240", "0.0.0.0", "2001:db8::", "ffff:" * 7 + "fff0")),  # noqa: S104 - data.
    st.sets(st.integers(0, 15)),
)
def test_spans_hold_exactly_their_addresses(first: str, chosen: set[int]) -> None:
    start = parse_address(first)
    wanted = {str(ip_address(first) + number) for number in chosen}
    spelled = write_span(Ranges.of(*((start + number, start + number) for number in chosen)))
    found = [one.partition("-") for one in spelled.split("@") if one]
    inside = {
        str(ip_address(first) + number)
        for number in range(16)
        for low, _, high in found
        if int(ip_address(low)) <= int(ip_address(first)) + number <= int(ip_address(high or low))
    }
    assert wanted == inside
