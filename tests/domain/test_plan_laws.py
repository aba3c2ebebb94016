"""The laws of planning, on random groups, claims and packets; the box's packet oracle is the judge."""

from dataclasses import dataclass, replace

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.domain.claims import Claim, LockClaim, OpenClaim
from shared.domain.exposure import leaks
from shared.domain.machines import Endpoint
from shared.domain.planning import Kind, Leave, Plan, plan
from shared.domain.policies import Origin
from shared.domain.rules import OPEN_MARK, Access, Nsg, Protocol
from shared.domain.traffic import Flow
from tests.domain import bridge
from tests.domain.strategies import NEIGHBOUR, STRANGERS, flows, groups, locks, openings, spots
from tests.domain.values import GROUP, LATER, NOW, SUBNET_GROUP, applied, steps


@dataclass(frozen=True, slots=True)
class Scene:
    """A group as it stands, with our rules of an earlier time in it, and what is now claimed of it."""

    nsg: Nsg
    lock: LockClaim
    opens: tuple[OpenClaim, ...]
    leave: Leave
    made: Plan
    after: Nsg  # When the plan has been carried out.

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All claims, the neighbour's lock too."""
        return (self.lock, NEIGHBOUR, *self.opens)


@st.composite
def scenes(draw: st.DrawFn, place: Endpoint | None = None, *, fresh: bool = False) -> Scene:
    """A group that was settled once for other claims, unless it is fresh, and the claims of today."""
    place = place or spots()
    grants = [draw(openings(place, number)) for number in range(3)]
    leave = Leave(frozenset(grant.grant for grant in grants))
    nsg = draw(groups(id_=GROUP))
    if not fresh:
        earlier: tuple[Claim, ...] = (
            draw(locks(place)),
            NEIGHBOUR,
            *draw(st.lists(st.sampled_from(grants), unique=True)),
        )
        nsg = applied(nsg, plan(nsg, earlier, NOW, leave))
        newcomers = draw(groups(id_=GROUP)).rules
        free = [one for one in newcomers if one.priority not in {other.priority for other in nsg.rules}]
        nsg = replace(nsg, rules=(*nsg.rules, *(replace(one, name=f"new-{one.priority}") for one in free)))
    opens = tuple(draw(st.lists(st.sampled_from(grants), unique=True)))
    lock = draw(locks(place))
    made = plan(nsg, (lock, NEIGHBOUR, *opens), NOW, leave)
    return Scene(nsg, lock, opens, leave, made, applied(nsg, made))


SOME = st.lists(flows(), min_size=5, max_size=5)


def guards(lock: LockClaim, flow: Flow) -> bool:
    """Whether a lock is there to stop this flow, by what its policy says."""
    inside = flow.source.startswith(("10.", "168."))
    portless = flow.protocol is Protocol.ICMP
    named = any(
        protocol in {Protocol.ANY, flow.protocol} and (portless or flow.port in ports)
        for protocol, ports in lock.guarded
    )
    return named and not (lock.origin is Origin.INTERNET and inside)


def lets_in(claim: OpenClaim, flow: Flow) -> bool:
    """Whether a grant is there to let this flow in, by the sources of the strategies."""
    sources = {source for port in claim.ports for source in port.sources}
    named = flow.source in sources or "*" in sources
    office = "203.0.113.0/24" in sources and flow.source.startswith("203.0.113.")
    (low, high) = claim.ports[0].span
    return flow.protocol is Protocol.TCP and low <= flow.port <= high and (named or office)


@given(scenes())
def test_foreign_rules_stay_as_they_are(scene: Scene) -> None:
    assert sorted(map(repr, scene.nsg.foreign)) == sorted(map(repr, scene.after.foreign))


@given(scenes())
def test_priorities_are_unique_and_within_azure_s_bounds(scene: Scene) -> None:
    numbers = [one.priority for one in scene.after.rules]
    assert len(numbers) == len(set(numbers))
    assert all(100 <= number <= 4096 for number in numbers)


@given(scenes())
def test_planning_again_only_ends_moves_and_takes_better_numbers_that_were_set_free(scene: Scene) -> None:
    second = applied(scene.after, plan(scene.after, scene.claims, NOW, scene.leave))
    third = applied(second, plan(second, scene.claims, NOW, scene.leave))
    assert () == plan(third, scene.claims, NOW, scene.leave).changes


@given(scenes(), SOME)
def test_guarded_packets_are_denied_unless_a_leak_is_told(scene: Scene, some: list[Flow]) -> None:
    told = leaks(scene.lock, {GROUP.lower(): scene.after})
    found = [bridge.verdict((scene.after,), flow) for flow in some if guards(scene.lock, flow)]
    assert told or not [one.rule for one in found if one.passes and not (one.rule or "").startswith("postern-")]


@given(scenes(), SOME)
def test_our_allow_rules_let_in_only_what_was_granted(scene: Scene, some: list[Flow]) -> None:
    verdicts = [(flow, bridge.verdict((scene.after,), flow)) for flow in some]
    by_us = [flow for flow, found in verdicts if (found.rule or "").startswith(OPEN_MARK)]
    assert [flow for flow in by_us if not any(lets_in(claim, flow) for claim in scene.opens)] == []


@given(scenes())
def test_a_granted_packet_passes_unless_an_obstacle_is_told(scene: Scene) -> None:
    packets = [
        (claim, Flow(source, claim.ports[0].span[0]))
        for claim in scene.opens
        for source in ("203.0.113.7", "203.0.113.9", "10.0.0.9")
    ]
    free = [(claim, flow) for claim, flow in packets if claim.key not in scene.made.obstacles]
    stopped = [flow for claim, flow in free if lets_in(claim, flow) and not bridge.passes(scene.after, flow)]
    assert stopped == []


@given(scenes(fresh=True), st.lists(STRANGERS, min_size=5, max_size=5))
def test_nobody_passes_because_of_us_who_was_not_granted(scene: Scene, some: list[Flow]) -> None:
    newly = [flow for flow in some if bridge.passes(scene.after, flow) and not bridge.passes(scene.nsg, flow)]
    assert [flow for flow in newly if not any(lets_in(claim, flow) for claim in scene.opens)] == []


@given(scenes(fresh=True), SOME)
def test_a_neighbour_without_a_lock_notices_nothing(scene: Scene, some: list[Flow]) -> None:
    before, after = ([bridge.verdict((nsg,), flow, "10.0.0.6") for flow in some] for nsg in (scene.nsg, scene.after))
    assert before == after


@given(scenes(), SOME)
def test_no_order_of_changes_lets_in_what_passes_neither_before_nor_after(scene: Scene, some: list[Flow]) -> None:
    between = steps(scene.nsg, scene.made)
    closed = [flow for flow in some if not any(bridge.passes(nsg, flow) for nsg in (scene.nsg, scene.after))]
    assert [flow for flow in closed if any(bridge.passes(nsg, flow) for nsg in between)] == []


@given(scenes())
def test_without_leave_no_allow_rule_is_made(scene: Scene) -> None:
    made = plan(scene.nsg, scene.claims, NOW)
    grown = [one for one in made.changes if one.kind is Kind.CREATE and one.rule.name.startswith(OPEN_MARK)]
    assert grown == []


@given(scenes())
def test_closing_needs_no_policy_and_no_lock(scene: Scene) -> None:
    closed = applied(scene.after, plan(scene.after, (), NOW))
    assert [one for one in closed.ours if one.access is Access.ALLOW and one.name.startswith(OPEN_MARK)] == []
    assert [one for one in scene.after.ours if not one.name.startswith(OPEN_MARK)] == list(closed.ours)


@given(scenes())
def test_when_time_is_up_a_grant_s_rules_go_whatever_the_leave(scene: Scene) -> None:
    closed = applied(scene.after, plan(scene.after, scene.claims, LATER, scene.leave))
    assert [one.name for one in closed.rules if one.name.startswith(OPEN_MARK)] == []


@given(scenes())
def test_names_and_descriptions_keep_to_azure_s_limits(scene: Scene) -> None:
    ours = scene.after.ours
    assert all(len(one.name) <= 80 and len(one.description) <= 140 and one.description for one in ours)


@given(scenes(spots(GROUP, SUBNET_GROUP), fresh=True), groups(id_=SUBNET_GROUP), flows())
def test_a_grant_through_two_groups_passes_both_or_tells_why(scene: Scene, subnet: Nsg, flow: Flow) -> None:
    made = (plan(subnet, scene.opens, NOW, scene.leave), plan(scene.nsg, scene.claims, NOW, scene.leave))
    both = (applied(subnet, made[0]), applied(scene.nsg, made[1]))
    granted = [claim for claim in scene.opens if lets_in(claim, flow)]
    stuck = any(claim.key in one.obstacles for one in made for claim in granted)
    assert not granted or stuck or bridge.verdict(both, flow).passes


@given(scenes(spots(GROUP, SUBNET_GROUP), fresh=True), groups(id_=SUBNET_GROUP), flows())
def test_a_leak_through_two_groups_is_told(scene: Scene, subnet: Nsg, flow: Flow) -> None:
    assume(guards(scene.lock, flow))
    after = scene.after
    told = leaks(scene.lock, {GROUP.lower(): after, SUBNET_GROUP.lower(): subnet})
    found = bridge.verdict((subnet, after), flow)
    ours = (found.rule or "").startswith("postern-")
    assert not found.passes or ours or told
