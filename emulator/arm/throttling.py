"""ARM's token buckets and Resource Graph's quota: how many calls one principal may make.

It knows the buckets of "Understand how Azure Resource Manager throttles requests" (reads 250 refilled by 25 a second,
writes and deletes 200 by 10 each, per subscription and principal) and of Microsoft.Network (1,000 writes in five
minutes), and the quota of "Guidance for throttled requests in Azure Resource Graph" (15 queries in each window of five
seconds, per principal). It always counts; it refuses calls only when switched on.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limit:
    """How many calls a bucket holds and how many come back each second."""

    size: int
    refill: float


READS = Limit(250, 25.0)
WRITES = Limit(200, 10.0)
DELETES = Limit(200, 10.0)
NETWORK_WRITES = Limit(1000, 1000 / 300)


@dataclass(slots=True)
class Bucket:
    """One bucket, full at first."""

    limit: Limit
    at: float
    tokens: float

    def refill(self, now: float) -> None:
        """Put back what the time since the last look has earned."""
        self.tokens = min(self.limit.size, self.tokens + (now - self.at) * self.limit.refill)
        self.at = now

    def wait(self) -> int:
        """Whole seconds until a call is possible, 0 if it is now."""
        return 0 if self.tokens >= 1 else max(1, math.ceil((1 - self.tokens) / self.limit.refill))


@dataclass(frozen=True, slots=True)
class Admission:
    """What the buckets say to a call: seconds to wait (0: go on), and name and content of the remaining-header."""

    wait: int
    header: tuple[str, str]


QUERIES = 15
WINDOW_SECONDS = 5.0


@dataclass(slots=True)
class Window:
    """One principal's queries: how many are left until the window ends."""

    ends: float
    left: int = QUERIES


@dataclass(frozen=True, slots=True)
class Ration:
    """What the quota says to a query: seconds to wait (0: go on), queries left, seconds until there are all again."""

    wait: int
    left: int
    resets: int


@dataclass(slots=True)
class Throttle:
    """All buckets of all principals."""

    clock: Callable[[], float]
    on: bool = False
    _buckets: dict[tuple[str, str, str], Bucket] = field(default_factory=dict)
    _windows: dict[str, Window] = field(default_factory=dict)

    def admit(self, principal: str, subscription: str, *, method: str, network: bool) -> Admission:
        """Take the call's tokens, unless one bucket is empty and throttling is on."""
        name, limit = _BY_METHOD.get(method, ("writes", WRITES))
        buckets = [self._bucket((principal, subscription, name), limit)]
        if network and method not in ("GET", "HEAD"):
            buckets.append(self._bucket((principal, subscription, "network"), NETWORK_WRITES))
        wait = max(bucket.wait() for bucket in buckets) if self.on else 0
        if wait == 0:
            for bucket in buckets:
                bucket.tokens = max(0.0, bucket.tokens - 1)
        return Admission(wait, (f"x-ms-ratelimit-remaining-subscription-{name}", str(int(buckets[0].tokens))))

    def admit_query(self, principal: str) -> Ration:
        """Take a query from the principal's window, unless none is left and throttling is on."""
        now = self.clock()
        window = self._windows.get(principal)
        if window is None or window.ends <= now:
            window = self._windows[principal] = Window(now + WINDOW_SECONDS)
        resets = math.ceil(window.ends - now)
        wait = resets if self.on and not window.left else 0
        window.left = max(0, window.left - 1)
        return Ration(wait, window.left, resets)

    def _bucket(self, key: tuple[str, str, str], limit: Limit) -> Bucket:
        now = self.clock()
        bucket = self._buckets.setdefault(key, Bucket(limit, now, float(limit.size)))
        bucket.refill(now)
        return bucket


_BY_METHOD = {"GET": ("reads", READS), "HEAD": ("reads", READS), "DELETE": ("deletes", DELETES)}
