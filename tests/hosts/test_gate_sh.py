"""The gate of Linux for real: the script as it is shipped, the kernel's own firewall, and connections over wires."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from shared.domain.firewalls import System, Trouble, read, verifying, write
from shared.domain.rules import Rule
from tests.domain.test_firewalls import granted
from tests.domain.values import GRANT, rule
from tests.hosts.client import Computer, Run
from tests.packets.hosts import OFFICE, STRANGER

LOCK = rule("200 postern-lock-all Deny * * from *")
OPEN = f"postern-open-{GRANT}-1"
UNITS = "/etc/systemd/system"
EVERYBODY = {*OFFICE.addresses, *STRANGER.addresses}
OTHERS = "table ip theirs {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n}\n"


def now() -> datetime:
    """The kernel's timers run by real time, and so do these tests."""
    return datetime.now(UTC)


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def grant(seconds: float = 300, line: str = f"150 {OPEN} Allow Tcp 22 from {OFFICE.v4}") -> Rule:
    return granted(line, now() + timedelta(seconds=seconds))


def order(computer: Computer, *rules: Rule, serial: int = 1, age: int = 0) -> Run:
    """An order that was given `age` seconds ago."""
    return computer.order(write(rules, System.LINUX, now() - timedelta(seconds=age), serial))


def until(condition: Callable[[], bool], patience: float) -> bool:
    """Whether something comes true within some seconds."""
    last = time.monotonic() + patience
    while not condition():
        if time.monotonic() > last:
            return False
    return True


def test_an_open_computer_lets_everybody_in(computer: Computer) -> None:
    assert EVERYBODY == computer.who_gets_in()


def test_a_lock_keeps_everybody_out(computer: Computer) -> None:
    done = order(computer, LOCK)
    assert (0, "applied", 1) == (done.code, done.report["status"], done.report["rules"])
    assert set() == computer.who_gets_in() | computer.who_gets_in(80) | computer.who_gets_in(22, "udp")


def test_a_grant_lets_in_one_address_to_one_port(computer: Computer) -> None:
    order(computer, LOCK, grant())
    assert {OFFICE.v4} == computer.who_gets_in()
    assert set() == computer.who_gets_in(80) | computer.who_gets_in(22, "udp")


def test_a_grant_over_ipv6_and_for_udp(computer: Computer) -> None:
    line = f"150 {OPEN} Allow Udp 20-23 from 2001:db8::/64"
    order(computer, LOCK, grant(line=line))
    assert {OFFICE.v6} == computer.who_gets_in(22, "udp")
    assert set() == computer.who_gets_in()


def test_ports_that_are_kept_open_stay_open(computer: Computer) -> None:
    order(computer, rule("200 postern-lock-ports Deny * 0-79,81-65535 from *"))
    assert (set(), EVERYBODY) == (computer.who_gets_in(), computer.who_gets_in(80))


def test_a_rule_for_an_address_of_the_computer_is_for_that_address(computer: Computer) -> None:
    order(computer, rule("200 postern-lock-all Deny * * from * to 10.0.0.4"))
    assert {OFFICE.v6, STRANGER.v6} == computer.who_gets_in()


def test_the_lower_number_decides(computer: Computer) -> None:
    order(computer, grant(), rule(f"140 postern-lock-office Deny Tcp * from {OFFICE.v4}"), LOCK)
    assert set() == computer.who_gets_in()


def test_the_kernel_closes_at_the_deadline_by_itself(computer: Computer) -> None:
    order(computer, LOCK, grant(seconds=4))
    assert {OFFICE.v4} == computer.who_gets_in()
    assert until(lambda: not computer.who_gets_in(), patience=5)


def test_a_grant_that_is_over_is_not_opened(computer: Computer) -> None:
    done = order(computer, LOCK, grant(seconds=-1))
    assert (0, 1, set()) == (done.code, done.report["rules"], computer.who_gets_in())


def test_a_session_goes_on_when_its_grant_is_over(computer: Computer) -> None:
    order(computer, LOCK, grant())
    computer.hold(OFFICE.v4, 22)
    order(computer, LOCK, serial=2)
    assert (True, set()) == (computer.speak(), computer.who_gets_in())


def test_a_port_that_is_published_from_a_container_is_behind_the_lock(computer: Computer) -> None:
    publish = "type nat hook prerouting priority dstnat; tcp dport 8443 redirect to :22;"
    computer.nft("-f -", f"table inet theirs {{\n\tchain publish {{\n{publish}\n\t}}\n}}\n")
    assert EVERYBODY == computer.who_gets_in(8443)
    order(computer, LOCK, grant())
    assert ({OFFICE.v4}, set()) == (computer.who_gets_in(), computer.who_gets_in(8443))


def test_what_others_have_is_not_touched(computer: Computer) -> None:
    computer.nft("-f -", OTHERS)
    before = computer.nft("list ruleset")
    order(computer, LOCK, grant())
    assert before == computer.nft("list table ip theirs")


def test_others_still_decide_about_what_the_gate_lets_through(computer: Computer) -> None:
    computer.nft("-f -", OTHERS.replace("policy accept", "policy drop"))
    order(computer, LOCK, grant())
    assert set() == computer.who_gets_in()


def test_an_empty_wish_leaves_all_as_it_was(computer: Computer) -> None:
    computer.nft("-f -", OTHERS)
    before = (computer.nft("list ruleset"), computer.files())
    order(computer, LOCK, grant())
    done = order(computer, serial=2)
    assert (0, before) == (done.code, (computer.nft("list ruleset"), computer.files()))


def test_the_same_order_twice_is_the_same_table(computer: Computer) -> None:
    parameters = write((LOCK, grant()), System.LINUX, now(), 1)
    computer.order(parameters)
    before = computer.nft("-s list ruleset")
    assert (0, before) == (computer.order(parameters).code, computer.nft("-s list ruleset"))


def test_an_order_that_waited_too_long_locks_and_opens_nothing(computer: Computer) -> None:
    done = order(computer, LOCK, grant(), age=700)
    assert (3, "stale", set()) == (done.code, done.report["status"], computer.who_gets_in())


def test_an_order_that_waited_too_long_takes_no_lock_away(computer: Computer) -> None:
    order(computer, LOCK, grant())
    late = order(computer, rule("200 postern-lock-ports Deny Tcp 80 from *"), serial=2, age=700)
    assert ("stale", set()) == (late.report["status"], computer.who_gets_in())


@pytest.mark.parametrize(("serial", "status"), [(2, "applied"), (1, "stale")])
def test_only_a_newer_order_for_nothing_is_carried_out_however_late(
    computer: Computer, serial: int, status: str
) -> None:
    order(computer, LOCK, age=800)
    done = order(computer, serial=serial, age=700)
    assert (status, status == "applied") == (done.report["status"], bool(computer.who_gets_in()))


def test_what_somebody_changed_is_told_also_after_a_deadline_has_passed(computer: Computer) -> None:
    parameters = write((LOCK, grant(2)), System.LINUX, now(), 1)
    computer.order(parameters)
    assert until(lambda: computer.again().report["rules"] == 1, patience=5)
    computer.nft("delete table inet postern")
    report = computer.order(verifying(parameters, now())).report
    assert ["table", LOCK.name] == sorted(report["missing"], reverse=True)


def test_an_order_that_waited_too_long_still_ends_a_grant(computer: Computer) -> None:
    order(computer, LOCK, grant())
    order(computer, LOCK, serial=2, age=700)
    assert set() == computer.who_gets_in()


def test_an_order_from_the_future_opens_nothing(computer: Computer) -> None:
    done = order(computer, LOCK, grant(), age=-400)
    assert (3, "skew", set()) == (done.code, done.report["status"], computer.who_gets_in())


def test_a_clock_that_is_a_little_behind_makes_no_grant_longer(computer: Computer) -> None:
    order(computer, LOCK, grant(seconds=123), age=-120)
    assert {"1s", "2s", "3s"} > set(re.findall(r"timeout (\w+)", computer.nft("list ruleset")))


def test_an_order_before_the_last_one_changes_nothing(computer: Computer) -> None:
    order(computer, LOCK, serial=5)
    before = computer.nft("list ruleset")
    done = order(computer, LOCK, grant(), serial=4)
    assert (3, "stale", before) == (done.code, done.report["status"], computer.nft("list ruleset"))


@pytest.mark.parametrize("damage", ["delete table inet postern", "flush table inet postern", "flush ruleset"])
def test_to_look_again_mends_what_was_taken_away(computer: Computer, damage: str) -> None:
    parameters = write((LOCK, grant()), System.LINUX, now(), 1)
    computer.order(parameters)
    computer.nft(damage)
    done = computer.order(verifying(parameters, now()))
    assert {"postern-lock-all", OPEN, "table"} >= set(done.report["missing"]) >= {"postern-lock-all", OPEN}
    assert {OFFICE.v4} == computer.who_gets_in()


def test_to_look_again_ends_what_somebody_made_longer(computer: Computer) -> None:
    parameters = write((LOCK, grant()), System.LINUX, now(), 1)
    computer.order(parameters)
    computer.nft("delete element inet postern until_1 { ipv4 }")
    computer.nft("add element inet postern until_1 { ipv4 timeout 9d }")
    done = computer.order(verifying(parameters, now()))
    assert (["table"], False) == (done.report["edited"], "9d" in computer.nft("list ruleset"))


def test_to_look_again_tells_what_somebody_added(computer: Computer) -> None:
    parameters = write((LOCK,), System.LINUX, now(), 1)
    computer.order(parameters)
    computer.nft("insert rule inet postern gate accept")
    done = computer.order(verifying(parameters, now()))
    assert (["table"], set()) == (done.report["edited"], computer.who_gets_in())


def test_to_look_again_changes_nothing_where_all_stands(computer: Computer) -> None:
    parameters = write((LOCK, grant()), System.LINUX, now(), 1)
    computer.order(parameters)
    before = computer.nft("-a list ruleset").split("expires")[0], computer.nft("-a -s list ruleset")
    done = computer.order(verifying(parameters, now()))
    assert ([], [], 2) == (done.report["missing"], done.report["edited"], done.report["rules"])
    assert before == (computer.nft("-a list ruleset").split("expires")[0], computer.nft("-a -s list ruleset"))


def test_a_grant_that_ended_by_itself_is_no_difference(computer: Computer) -> None:
    parameters = write((LOCK, grant(seconds=3)), System.LINUX, now(), 1)
    computer.order(parameters)
    assert until(lambda: "elements" not in computer.nft("list ruleset"), patience=5)
    assert until(lambda: computer.order(verifying(parameters, now())).report["rules"] == 1, patience=5)
    done = computer.order(verifying(parameters, now()))
    assert ([], []) == (done.report["missing"], done.report["edited"])


def test_what_the_computer_says_is_what_postern_reads(computer: Computer) -> None:
    parameters = write((LOCK, made := grant()), System.LINUX, now(), 1)
    gate = read(parameters, computer.order(parameters).output, now())
    assert ((made, LOCK), None) == (gate.rules, gate.trouble)
    late = write((LOCK,), System.LINUX, now() - timedelta(seconds=700), 2)
    assert Trouble.STALE is read(late, computer.order(late).output, now()).trouble
    assert Trouble.OTHER_ORDER is read(parameters, computer.order(late).output, now()).trouble
