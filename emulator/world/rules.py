"""Security rules in one line: how the worlds write them.

`300 allow-web Allow Tcp 80,8000-8010 from Internet to 10.0.0.4 -- why` becomes a member of `securityRules`. A place
that begins with `asg:` is an application security group. The notation is only ours; what comes out is checked like
any PUT.
"""

from collections.abc import Callable
from typing import Any

from emulator.arm.errors import Json

_FIELDS = 5


def read(line: str, asg_id: Callable[[str], str]) -> Json:
    """The rule that a line describes; `asg_id` turns the name of an application security group into its id."""
    text, _, description = line.partition(" -- ")
    words = text.split()
    priority, name, access, protocol, ports = words[:_FIELDS]
    places = dict(zip(words[_FIELDS::2], words[_FIELDS + 1 :: 2], strict=True))
    properties: dict[str, Any] = {
        "access": access,
        "protocol": protocol,
        "direction": "Inbound",
        "priority": int(priority),
        "sourcePortRange": "*",
        **_ports(ports),
        **_side("source", places["from"], asg_id),
        **_side("destination", places.get("to", "*"), asg_id),
    }
    if description:
        properties["description"] = description
    return {"name": name, "properties": properties}


def _ports(text: str) -> Json:
    return {"destinationPortRanges": text.split(",")} if "," in text else {"destinationPortRange": text}


def _side(side: str, text: str, asg_id: Callable[[str], str]) -> Json:
    if text.startswith("asg:"):
        return {f"{side}ApplicationSecurityGroups": [{"id": asg_id(text.removeprefix("asg:"))}]}
    if "," in text:
        return {f"{side}AddressPrefixes": text.split(",")}
    return {f"{side}AddressPrefix": text}
