"""How long a queue's listener waits before it looks again.

Knows Azure's randomized exponential back-off: 100 ms after a find, then longer and longer up to the setting
`maxPollingInterval`. Refuses to wait itself. Source: `RandomizedExponentialBackoffStrategy` of the storage extension;
"Azure Queue storage trigger", polling algorithm.
"""

from collections.abc import Callable
from datetime import timedelta

SHORTEST = timedelta(milliseconds=100)


class Backoff:
    """The waits of one listener. `jitter` gives a factor around 1, between 0.8 and 1.2 on Azure."""

    def __init__(self, longest: timedelta, jitter: Callable[[], float]) -> None:
        self._longest, self._jitter = longest, jitter
        self._exponent = 0

    def reset(self) -> None:
        """Something was found: begin again with the shortest wait."""
        self._exponent = 0

    def next(self) -> timedelta:
        """Nothing was found: how long to wait now."""
        # Doubling stops where any interval Azure allows has long been reached.
        growth = (1 << min(self._exponent - 1, 30)) * self._jitter() if self._exponent else 0
        self._exponent += 1
        return min(self._longest, SHORTEST + SHORTEST * growth)
