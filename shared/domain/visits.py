"""Sign-ins, each with the grant that let it in, where one did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.domain.evidence import Failures, SignIn
from shared.domain.records import Stay


@dataclass(frozen=True, slots=True)
class Visit:
    """A sign-in, and the grant that let it in; None: none did."""

    sign_in: SignIn
    stay: Stay | None


class Stays:
    """The stays that are known, found by their machine."""

    def __init__(self, known: Iterable[Stay]) -> None:
        self._by_machine: dict[str, list[Stay]] = {}
        for stay in known:
            self._by_machine.setdefault(stay.machine_key, []).append(stay)

    def visit(self, one: SignIn) -> Visit:
        """A sign-in with the grant that covers it; of several the one that was asked for last."""
        near = self._by_machine.get(one.machine, ())
        covering = [stay for stay in near if stay.covers(one.machine, one.source, one.at)]
        return Visit(one, max(covering, key=lambda stay: stay.grant, default=None))

    def cover(self, failed: Failures) -> bool:
        """Whether somebody who could not sign in had come by a grant, the first time and the last."""
        near, times = self._by_machine.get(failed.machine, ()), (failed.first, failed.last)
        return all(any(stay.covers(failed.machine, failed.source, at) for stay in near) for at in times)


def visits(sign_ins: Iterable[SignIn], known: Iterable[Stay]) -> Iterator[Visit]:
    """Each sign-in with the grant that covers it."""
    stays = Stays(known)
    return (stays.visit(one) for one in sign_ins)


def outside(sign_ins: Iterable[SignIn], known: Iterable[Stay]) -> Iterator[SignIn]:
    """The sign-ins that no grant covers."""
    return (visit.sign_in for visit in visits(sign_ins, known) if visit.stay is None)
