"""What seeing computers outside Azure needs of the outside world. As `shared.ports`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.domain.computers import ArcServers


class Servers(Protocol):
    """The servers that are onboarded to Azure Arc. They come from an index that lags."""

    async def servers(self, subscriptions: Sequence[str]) -> ArcServers:
        """Every server of some subscriptions; those that Postern may not see are not there. Raises Unavailable."""
        ...


class Watched(Protocol):
    """Gates that tell nothing by themselves of what somebody does behind them."""

    async def empty(self, nsg: str) -> None:
        """Make sure that nothing of ours stands behind a gate, and forget the gate. Raises as `Network.apply`."""
        ...

    async def look_again(self, nsg: str) -> tuple[str, ...]:
        """Have a gate looked at anew and mended; what was wrong with it, in sentences. Raises as `Network.apply`."""
        ...
