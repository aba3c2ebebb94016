"""The verdict on a packet: first match in each group, every group on the way must allow.

Source: "How network security groups filter network traffic": inbound, the subnet's group first, then the interface's;
rules in order of priority, the lowest number first, the first match ends it; no group at all lets everything through.
"""

from emulator.oracle.matching import matches
from emulator.oracle.packets import Group, Packet, Verdict, Way


def judge(packet: Packet, way: Way) -> Verdict:
    """What happens to an inbound packet on this way."""
    verdict = Verdict(passes=True)
    for group in way.groups:
        verdict = judge_in(group, packet, way)
        if not verdict.passes:
            return verdict
    return verdict


def judge_in(group: Group, packet: Packet, way: Way) -> Verdict:
    """What one group on the way does with an inbound packet."""
    for rule in sorted(group.rules, key=lambda one: int(one["properties"]["priority"])):
        if matches(rule, packet, way):
            return Verdict(rule["properties"]["access"] == "Allow", rule["name"], group.id)
    message = f"No rule of {group.id} matches {packet}; its default rules are missing."
    raise LookupError(message)
