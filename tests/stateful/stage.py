"""Where the model and the product meet: something is done to both, and they are compared.

What the product keeps is read only to see what became of each grant, as a caller would by asking for it; what the
network lets through is told by the emulator's oracle.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from shared.domain.approvals import Approval, Question, Verdict
from shared.domain.grants import Grant
from shared.domain.guarding import Stage as PolicyStage
from shared.domain.machines import MachineId
from shared.domain.policies import Lock, Policy, PolicyPort, Scope
from shared.domain.rules import Protocol, Rule
from shared.ports import Conflict, NotFound, Unavailable
from shared.services.world import World
from tests.domain.values import STRANGER
from tests.services.cloud import Trouble
from tests.services.process import Crash, Process
from tests.services.town import BARE, WEB_01, WEB_02, WEB_03, Town
from tests.stateful.acts import Act, Kind
from tests.stateful.model import HOLDING, WAITING, Life, Model, Paths, Wait, heard, opening, reachable
from tests.stateful.staying import stay
from tests.stateful.terms import ANYWHERE, TICKET, Asked, Terms

MACHINES: dict[str, tuple[MachineId, str]] = {
    "web-01": (WEB_01, "10.0.0.4"),
    "web-02": (WEB_02, "10.0.0.5"),
    "web-03": (WEB_03, "10.0.0.6"),
    "bare-01": (BARE, "10.0.0.7"),
}
PORTS, SOURCES = (22, 3389), ("203.0.113.7", "203.0.113.77", STRANGER)
FIRST = 100  # The priority number that nothing comes before.
PICTURE = (Path(__file__).parents[2] / "docs/architecture.md").read_text("utf-8")
ARROWS = frozenset(re.findall(r"^    (\w+|\[\*\]) --> (\w+)", PICTURE, re.MULTILINE))


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong in the course of an act."""

    process: Process = field(default_factory=Process)
    troubles: tuple[Trouble, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing does."""
        return not (self.troubles or self.process.errors or self.process.away or self.process.dies_at)


@dataclass(slots=True)
class Stage:
    """The product in its town, the model, and what is known of the groups."""

    town: Town = field(default_factory=Town)
    model: Model = field(default_factory=Model)
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    locked: set[str] = field(default_factory=set)  # Machines whose lock is known to stand.
    foreign: dict[str, dict[str, Rule]] = field(default_factory=dict)  # What customers wrote, by group.
    calm: bool = True  # No failure since the last pass that met none.
    sound: bool = True  # The last comparison went well.
    _passes: dict[tuple[object, ...], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.foreign = {key: {one.name: one for one in nsg.rules} for key, nsg in self.town.cloud.groups.items()}

    def act(self, act: Act, do: Callable[[World], Awaitable[object]], fault: Fault, asked: Asked | None = None) -> None:
        """Do something, and hold what came of it against the model. `act` is filled in with the time that it took."""
        self.town.cloud.troubles.extend(fault.troubles)
        before, answer, self.sound = self.town.clock.now(), None, False
        with suppress(*(() if fault.clean else (Crash, Unavailable)), Conflict, NotFound):
            answer = self.runner.run(self.town.live(do, fault.process))
        self.town.cloud.troubles.clear()
        act = replace(act, before=before, after=self.town.clock.now(), clean=fault.clean)
        self._see_policy(act)
        self.calm = (self.calm or act.kind is Kind.REPAIR) and act.clean
        assert not act.clean or not getattr(answer, "problems", ())
        self.compare(act, asked)
        self.sound = True

    def compare(self, act: Act, asked: Asked | None) -> None:
        """Everything that has to hold after each step."""
        self._see_born(act, asked)
        for life in self.model.lives.values():
            self._see_life(life, act)
        self._see_records(act)
        self._see_groups()
        self._see_packets(act)

    def _see_born(self, act: Act, asked: Asked | None) -> None:
        """A grant comes only of a request that the policy allows, and begins as the policy says."""
        born = self.town.shelf.grants.keys() - self.model.lives.keys()
        first = self.model.answer(asked, act.before) if asked and not act.grant else None
        assert len(born) <= (first is not None), "a grant that nobody may have"
        assert born or first is None or not act.clean, "no grant, though it may be had"
        for id_ in born:
            assert asked
            assert first
            seen, terms = self.town.grant(id_), self.model.terms[asked.machine]
            needs = first == "pending"
            life = Life(id_, asked, first, needs, act.before, seen.ends_at)
            life.asked_as = asked.who.ids & terms.requestors
            if needs and terms.approval:
                latest = act.before + terms.approval.pending_for
                life.lapses_at = min(latest, asked.ends_at or latest)
            ways: Paths = [(first, *rest) for rest in opening(self.model, life)] if first == "opening" else [(first,)]
            assert seen.state in set(reachable(ways, act.clean)), f"{seen.state} is not what comes of asking"
            self.model.lives[id_] = life
            self._see_end(life, seen, act)
            life.state, life.ends_at = str(seen.state), seen.ends_at

    def _see_life(self, life: Life, act: Act) -> None:
        """Each grant is where the act may have left it, with the voices that the model heard, and ends in time."""
        seen = self.town.grant(life.id)
        allowed = set(reachable(self.model.paths(life, act), act.clean))
        assert str(seen.state) in allowed, f"{life.state} -> {seen.state} by {act}; {sorted(allowed)} may be"
        self._see_voices(life, seen, act)
        self._see_stay(life, seen, act)
        if life.state in WAITING and seen.state == "opening":
            life.begun = max(act.before, life.asked.starts_at or act.before)
        life.state, life.ends_at, life.reason = str(seen.state), seen.ends_at, str(seen.reason or "")

    def _see_voices(self, life: Life, seen: Grant, act: Act) -> None:
        """Nobody is heard about a request of their own, nobody counts twice, and none is made up."""
        assert life.asked.who.name not in {one.by.id for one in seen.decisions}
        said = [one.by.id for one in seen.decisions if (one.about, one.verdict) == (Question.REQUEST, Verdict.APPROVED)]
        new = frozenset(said) - life.agreed
        assert len(said) == len(set(said)), "somebody counts twice"
        wanted = {act.who.name} if heard(self.model, life, act) else set()
        assert new in ([wanted] if act.clean else [wanted, set()]), f"{sorted(new)} were heard, not {sorted(wanted)}"
        if life.state == "pending" and seen.state not in {"pending", *("denied", "cancelled", "lapsed", "revoked")}:
            terms = self.model.terms[life.asked.machine]
            counted = terms.counted(life.agreed, life.named) | new
            assert len(counted) >= terms.needed, "opened without enough approvals"
        self._keep_names(life, new, act)
        life.agreed |= new

    def _keep_names(self, life: Life, new: frozenset[str], act: Act) -> None:
        """As whom the policy named those who were just heard."""
        terms = self.model.terms.get(life.asked.machine)
        if new and terms:
            life.named[act.who.name] = act.who.ids & (terms.approval.names if terms.approval else frozenset())

    def _see_stay(self, life: Life, seen: Grant, act: Act) -> None:
        if (life.state, seen.state) != ("active", "active"):
            life.wait = None
            self._see_end(life, seen, act)
            return
        wanted = stay(self.model, life, act)
        possible = [wanted] if act.clean else [wanted, (life.ends_at, life.wait)]
        about = seen.decisions[seen.extension.said_before :] if seen.extension else ()
        agreed = [one.by.id for one in about if (one.about, one.verdict) == (Question.EXTENSION, Verdict.APPROVED)]
        assert len(agreed) == len(set(agreed)), "somebody counts twice"
        found = (seen.ends_at, _wait(seen, frozenset(agreed)))
        assert found in possible, f"{found} is not one of {possible} after {act}"
        before, life.wait = life.wait, found[1]
        self._keep_names(life, frozenset(agreed) - (before.agreed if before else frozenset()), act)

    def _see_end(self, life: Life, seen: Grant, act: Act) -> None:
        """The end is what was asked for, and a duration counts from no later than when it was seen open."""
        asked = life.asked
        assert seen.extension is None
        if life.state not in {*WAITING, "opening"}:
            assert seen.ends_at == life.ends_at
        elif asked.ends_at:
            assert seen.ends_at == asked.ends_at
        elif asked.duration and seen.state in {"opening", "active"}:
            begins = max(act.before, asked.starts_at or act.before)
            earliest = begins if life.state in WAITING else life.begun
            assert earliest + asked.duration <= seen.ends_at <= max(act.after, begins) + asked.duration

    def _see_records(self, act: Act) -> None:
        """Each change is on record once, in the order of the picture; the last may be missing when somebody died."""
        records = sorted((id_, number, one.state) for (_, id_, number), one in self.town.shelf.records.items())
        assert [] == [key for key, times in Counter(one[:2] for one in records).items() if times > 1]
        told: dict[str, list[str]] = {}
        for id_, number, state in records:
            assert number == len(told.setdefault(id_, [])), f"a record of {id_} is missing"
            told[id_].append(str(state))
        for id_, life in self.model.lives.items():
            line, last = told.get(id_, []), self.town.grant(id_).occurrence.number
            missing = last - (len(line) - 1)
            assert missing == 0 or (missing == 1 and (not act.clean or life.unrecorded == last)), "a record is missing"
            life.unrecorded = last if missing else None
            assert set(zip(["[*]", *line], line, strict=False)) <= ARROWS
            assert len(line) - 1 < last or not line or line[-1] == life.state

    def _see_groups(self) -> None:
        """What customers wrote stands as they wrote it."""
        for key, nsg in self.town.cloud.groups.items():
            assert self.foreign.get(key, {}) == {one.name: one for one in nsg.foreign}
        assert self.town.cloud.offences == []

    def _see_packets(self, act: Act) -> None:
        """Nothing passes without a grant; what is granted passes when nothing has gone wrong."""
        for name, (id_, address) in MACHINES.items():
            terms = self.model.terms.get(name)
            guarded = [port for port in PORTS if terms and terms.guards(port)]
            for port, source in ((port, source) for port in guarded for source in SOURCES):
                lives = [one for one in self.model.lives.values() if one.asked.machine == name]
                about = [one for one in lives if one.asked.is_about(port, source)]
                passes = self._does_pass(id_, address, port, source)
                if name in self.locked:
                    assert not passes or any(one.state in HOLDING for one in about), (
                        f"{source} gets in to {name}:{port}"
                    )
                if self.calm and name not in self.model.obstructed and any(_is_open(one, act) for one in about):
                    assert passes, f"{source} does not get in to {name}:{port}"

    def _does_pass(self, id_: MachineId, address: str, port: int, source: str) -> bool:
        groups = [self.town.cloud.groups[nsg.lower()] for nsg in self.town.cloud.machines[id_].nsgs]
        key = (address, port, source, *((nsg.id, nsg.etag) for nsg in groups))
        if key not in self._passes:
            self._passes[key] = self.town.passes(port, source, address)
        return self._passes[key]

    def _see_policy(self, act: Act) -> None:
        """A machine is under the policy that was written; when that failed it may be under the one before."""
        if act.kind is Kind.REPAIR and act.clean:
            self.locked = {name for name in self.model.terms if not self.is_outranked(name)}
        if act.kind not in {Kind.EDIT, Kind.DISABLE}:
            return
        self.locked.discard(act.machine)
        if act.clean and act.kind is Kind.EDIT and not self.is_outranked(act.machine):
            self.locked.add(act.machine)
        stored = self.town.shelf.policies.get(MACHINES[act.machine][0])
        seen = stored.value.policy if stored and stored.value.stage is PolicyStage.GUARDED else None
        before = self.model.terms.pop(act.machine, None)
        possible = {act.terms} if act.clean else {act.terms, before, None}
        [terms] = [one for one in possible if (translate(one) if one else None) == seen]
        if terms:
            self.model.terms[act.machine] = terms

    def is_outranked(self, name: str) -> bool:
        """Whether a customer's rule lets traffic in before any lock could stop it."""
        return any(rule.priority == FIRST for group in self.ways(name) for rule in self.foreign.get(group, {}).values())

    def ways(self, name: str) -> list[str]:
        """The groups on the way to a machine."""
        return [nsg.lower() for nsg in self.town.cloud.machines[MACHINES[name][0]].nsgs]


def _is_open(life: Life, act: Act) -> bool:
    return life.state == "active" and act.after < life.ends_at and not life.tampered


def _wait(seen: Grant, agreed: frozenset[str]) -> Wait | None:
    if not seen.extension:
        return None
    wanted = seen.extension.duration or seen.extension.ends_at
    assert wanted
    return Wait(wanted, seen.extension.lapses_at, agreed)


def translate(terms: Terms) -> Policy:
    """A policy in the product's words."""
    sources = ("*",) if terms.sources == ANYWHERE else (terms.sources,)
    asks = terms.approval
    return Policy(
        tuple(PolicyPort((port, port), Protocol.TCP, sources, terms.longest) for port in sorted(terms.ports)),
        Lock(Scope.ALL if terms.guards_all else Scope.PORTS),
        terms.justification,
        tuple(sorted(terms.requestors)),
        Approval(bool(asks), tuple(sorted(asks.names)), asks.count, asks.pending_for) if asks else Approval(),
        TICKET if terms.ticket else "",
        terms.break_glass,
    )
