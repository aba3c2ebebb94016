"""What ARM accepts as a security rule, and what it says to the rest."""

from typing import Any

import pytest

from emulator.arm import rules
from emulator.arm.errors import ArmError
from tests.emulator.conftest import rule

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n/securityRules/r"
ASG = {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationSecurityGroups/a"}


def normalise(**changes: object) -> dict[str, Any]:
    return rules.normalise(ID, rule(**changes)["properties"])


REFUSED = [
    ({"priority": 99}, "SecurityRuleInvalidPriority"),
    ({"priority": 4097}, "SecurityRuleInvalidPriority"),
    ({"priority": None}, "SecurityRuleInvalidPriority"),
    ({"priority": "200"}, "InvalidRequestFormat"),
    ({"priority": True}, "InvalidRequestFormat"),
    ({"protocol": None}, "SecurityRuleParameterMissing"),
    ({"protocol": "Any"}, "InvalidRequestFormat"),
    ({"access": "Block"}, "InvalidRequestFormat"),
    ({"direction": None}, "SecurityRuleParameterMissing"),
    ({"destinationPortRange": None}, "SecurityRuleParametersMissing"),
    ({"sourcePortRange": ""}, "SecurityRuleParametersMissing"),
    ({"destinationPortRange": "65536"}, "SecurityRuleInvalidPortRange"),
    ({"destinationPortRange": "30-20"}, "SecurityRuleInvalidPortRange"),
    ({"destinationPortRange": "22,23"}, "SecurityRuleInvalidPortRange"),
    ({"destinationPortRange": " 22"}, "SecurityRuleInvalidPortRange"),
    ({"destinationPortRange": "-1"}, "SecurityRuleInvalidPortRange"),
    ({"destinationPortRange": 22}, "InvalidRequestFormat"),
    ({"destinationPortRanges": ["23"]}, "InvalidRequestFormat"),
    ({"destinationPortRange": None, "destinationPortRanges": ["*"]}, "SecurityRuleParameterContainsUnsupportedValue"),
    ({"destinationPortRange": None, "destinationPortRanges": ["20-30", "25"]}, "SecurityRuleInvalidPortRange"),
    ({"sourceAddressPrefix": None}, "SecurityRuleParametersMissing"),
    ({"sourceAddressPrefix": "10.0.0.4/24"}, "SecurityRuleInvalidAddressPrefix"),
    ({"sourceAddressPrefix": "10.0.0.0/33"}, "SecurityRuleInvalidAddressPrefix"),
    ({"sourceAddressPrefix": "any"}, "SecurityRuleInvalidAddressPrefix"),
    ({"sourceAddressPrefix": "VIRTUAL_NETWORK"}, "SecurityRuleInvalidAddressPrefix"),
    ({"sourceAddressPrefix": "10.0.0.1-10.0.0.9"}, "SecurityRuleInvalidAddressPrefix"),
    ({"sourceAddressPrefixes": ["192.0.2.1"]}, "InvalidRequestFormat"),
    ({"sourceAddressPrefix": None, "sourceAddressPrefixes": ["*"]}, "SecurityRuleParameterContainsUnsupportedValue"),
    (
        {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["Internet", "AzureCloud"]},
        "SecurityRuleParameterContainsUnsupportedValue",
    ),
    (
        {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["192.0.2.0/24", "192.0.2.9"]},
        "OverlappingSubnetsNotPermittedInSecurityRule",
    ),
    (
        {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["192.0.2.9", "192.0.2.9/32"]},
        "OverlappingSubnetsNotPermittedInSecurityRule",
    ),
    (
        {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["192.0.2.1", "2001:db8::1"]},
        "SecurityRuleInvalidAddressPrefix",
    ),
    ({"sourceAddressPrefix": "2001:db8::1"}, "SecurityRuleInvalidAddressPrefix"),
    ({"sourceApplicationSecurityGroups": [ASG]}, "InvalidRequestFormat"),
    ({"sourceAddressPrefix": None, "sourceApplicationSecurityGroups": [{}]}, "InvalidRequestFormat"),
    ({"description": "x" * 141}, "InvalidRequestFormat"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED, ids=[f"{code}-{changes}" for changes, code in REFUSED])
def test_a_wrong_rule_is_refused_with_arms_code(changes: dict[str, object], code: str) -> None:
    with pytest.raises(ArmError) as caught:
        normalise(**changes)
    assert code == caught.value.code
    assert caught.value.status == HTTP_BAD_REQUEST


HTTP_BAD_REQUEST = 400

ACCEPTED = [
    {"priority": 100},
    {"priority": 4096},
    {"destinationPortRange": "0-65535"},
    {"destinationPortRange": "0"},
    {"destinationPortRange": None, "destinationPortRanges": ["22", "3389", "5000-5010"]},
    {"sourceAddressPrefix": "0.0.0.0/0"},
    {"sourceAddressPrefix": "Storage.WestEurope"},
    {"sourceAddressPrefix": None, "sourceAddressPrefixes": ["192.0.2.0/25", "192.0.2.128/25"]},
    {"sourceAddressPrefix": None, "sourceApplicationSecurityGroups": [ASG]},
    {"sourceAddressPrefix": "2001:db8::/32", "destinationAddressPrefix": "*"},
    {"description": "x" * 140},
    {"protocol": "*", "destinationPortRange": "*"},
]


@pytest.mark.parametrize("changes", ACCEPTED, ids=str)
def test_a_right_rule_is_accepted(changes: dict[str, object]) -> None:
    assert normalise(**changes)["direction"] == "Inbound"


@pytest.mark.parametrize("name", ["", "-a", ".a", "a-", "a.", "a b", "a/b", "x" * 81, "é"])
def test_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(ArmError) as caught:
        rules.check_name(name)
    assert caught.value.code == "InvalidResourceName"


@pytest.mark.parametrize("name", ["a", "a_", "_", "postern-open-01-22", "a.b", "x" * 80])
def test_a_right_name_is_accepted(name: str) -> None:
    assert name == rules.check_name(name)


def test_known_words_are_read_whatever_their_case_and_written_as_arm_does() -> None:
    found = normalise(protocol="TCP", access="deny", direction="inbound", sourceAddressPrefix="virtualnetwork")
    assert [found[name] for name in ("protocol", "access", "direction", "sourceAddressPrefix")] == [
        "Tcp",
        "Deny",
        "Inbound",
        "VirtualNetwork",
    ]


def test_lists_are_always_present_and_an_empty_singular_is_left_out() -> None:
    found = normalise(sourceAddressPrefix="", sourceAddressPrefixes=["192.0.2.1"])
    assert found["destinationAddressPrefixes"] == []
    assert found["sourceAddressPrefixes"] == ["192.0.2.1"]
    assert "sourceAddressPrefix" not in found


def test_an_unknown_property_survives() -> None:
    assert normalise(futureProperty={"deep": [1]})["futureProperty"] == {"deep": [1]}
