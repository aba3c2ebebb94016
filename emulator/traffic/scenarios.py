"""Who tries what, where and when: each scenario is an endless stream of attempts, drawn from one seed.

It knows actors and their habits. It refuses to know whether an attempt gets through.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from typing import Final, NamedTuple

from emulator.oracle.matching import PROBE
from emulator.traffic import addresses
from emulator.traffic.targets import Target

SSH: Final = 22
RDP: Final = 3389
ADMINISTRATOR: Final = "azureuser"

_SSH_USERS = ("root", "admin", "oracle", "ubuntu", "test", "postgres", "git", "pi", "ftpuser", "jenkins", ADMINISTRATOR)
_RDP_USERS = ("administrator", "admin", "user", "test", "guest", "backup", "scanner", "support", "sql", ADMINISTRATOR)
_LIST_LENGTH = 4
_SCANNED = (21, 22, 23, 25, 80, 110, 135, 139, 443, 445, 1433, 1521, 2375, 3306, 3389, 5432, 5900, 5985, 6379, 8080)
# Most bots try once and come back another day; some try several times, or meet others of their cell.
_WAVES = (1, 1, 1, 1, 1, 2, 2, 3, 4)
_WAVE_SECONDS = 20
_SSH_SHARE = 0.6
# Of their connections, these only see whether somebody answers.
_KNOCK_SHARE = 0.5


class Attempt(NamedTuple):
    """One connection that somebody tries to open.

    `at` is in seconds since 1970; `user` is empty where nobody wants to sign in; `trusted` says that the machine
    knows this user's key or password.
    """

    at: float
    source: str
    target: Target
    port: int
    user: str = ""
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a scenario plays: on which machines, for how long before `until` (both in seconds), from which user."""

    targets: Sequence[Target]
    until: float
    seconds: float
    user: str = addresses.USER

    def moment(self, random: Random) -> float:
        """Any time of the scene, to the millisecond, as logs have it."""
        return _whole(self.until - self.seconds * (1 - random.random()))


type Play = Callable[[Scene, Random], Iterator[Attempt]]


def draw(scenario: str, scene: Scene, count: int, seed: int) -> list[Attempt]:
    """That many attempts, in order of time; none where the scenario finds nobody to act on."""
    random = Random(seed)  # noqa: S311 - repeatable on purpose, and guards nothing.
    drawn = islice(PLAYS[scenario](scene, random), count)
    return sorted(drawn, key=lambda one: one.at)


def _whole(seconds: float) -> float:
    return int(seconds * 1000) / 1000


def _pick[T](items: Sequence[T], random: Random) -> T:
    """As random.choice, in a third of its time: it is called for each of a million flows."""
    return items[int(random.random() * len(items))]


def _users(source: str, port: int) -> tuple[str, ...]:
    names = _SSH_USERS if port == SSH else _RDP_USERS
    first = int(source.rsplit(".", 1)[1]) % len(names)
    return (*names, *names)[first : first + _LIST_LENGTH]


_LISTS: Mapping[tuple[str, int], tuple[str, ...]] = {
    (bot, port): _users(bot, port) for cell in addresses.BOTNET for bot in cell for port in (SSH, RDP)
}


def _brute_force(scene: Scene, random: Random) -> Iterator[Attempt]:
    """A botnet tries user names on SSH and RDP, whatever runs there; some cells are far busier than others."""
    while scene.targets:
        cell = addresses.BOTNET[int(random.random() ** 2 * len(addresses.BOTNET))]
        target, start = _pick(scene.targets, random), scene.moment(random)
        port = SSH if random.random() < _SSH_SHARE else RDP
        for _ in range(_pick(_WAVES, random)):
            bot = _pick(cell, random)
            at = _whole(start + random.random() * min(_WAVE_SECONDS, scene.until - start))
            user = "" if random.random() < _KNOCK_SHARE else _pick(_LISTS[bot, port], random)
            yield Attempt(at, bot, target, port, user)


def _scanners(scene: Scene, random: Random) -> Iterator[Attempt]:
    """A few addresses knock at many ports and never sign in."""
    while scene.targets:
        source, target = _pick(addresses.SCANNERS, random), _pick(scene.targets, random)
        yield Attempt(scene.moment(random), source, target, _pick(_SCANNED, random))


def _user(scene: Scene, random: Random) -> Iterator[Attempt]:
    """One user connects to each machine in turn and signs in."""
    for target in cycle(scene.targets):
        yield Attempt(scene.moment(random), scene.user, target, target.sign_in_port, ADMINISTRATOR, trusted=True)


def _office(scene: Scene, random: Random) -> Iterator[Attempt]:
    """Colleagues behind one network use web pages and now and then sign in."""
    while scene.targets:
        source, target = _pick(addresses.OFFICE, random), _pick(scene.targets, random)
        if random.random() < 1 / 2:
            yield Attempt(scene.moment(random), source, target, 443)
        else:
            yield Attempt(scene.moment(random), source, target, target.sign_in_port, ADMINISTRATOR, trusted=True)


def _probes(scene: Scene, random: Random) -> Iterator[Attempt]:
    """The host asks the machines behind load balancers whether they are well."""
    probed = [(target, port) for target in scene.targets for port in target.probed]
    for target, port in cycle(probed):
        yield Attempt(scene.moment(random), str(PROBE), target, port)


def _mixed(scene: Scene, random: Random) -> Iterator[Attempt]:
    """All of them at once, each with its share; a scenario that finds nobody to act on is left out."""
    streams = {name: PLAYS[name](scene, random) for name in _SHARES}
    names = [name for name, share in _SHARES.items() for _ in range(share)]
    while names:
        name = _pick(names, random)
        attempt = next(streams[name], None)
        if attempt is None:
            names = [one for one in names if one != name]
        else:
            yield attempt


_SHARES = {"brute-force": 80, "scanners": 11, "user": 2, "office": 4, "probes": 3}

PLAYS: Final[Mapping[str, Play]] = {
    "brute-force": _brute_force,
    "scanners": _scanners,
    "user": _user,
    "office": _office,
    "probes": _probes,
    "mixed": _mixed,
}

RATES: Final[Mapping[str, float]] = {
    "brute-force": 5.0,
    "scanners": 1.0,
    "user": 1 / 60,
    "office": 1 / 10,
    "probes": 1 / 5,
    "mixed": 6.0,
}
"""Attempts per second where a call does not say how many."""
