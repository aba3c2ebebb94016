"""Where no workspace is set: nothing is asked, and that is told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from shared.domain.evidence import Evidence, Gap, Lack, Part, Scope

_TEXT = "No workspace of Log Analytics is set (POSTERN_WORKSPACE): who tried to get in is not known."


class NoLogs:
    """The `Logs` port of a deployment without logs."""

    workspace = ""

    async def tell(
        self,
        scope: Scope,  # noqa: ARG002 - the port's form.
        about: Collection[Part],
        patience: timedelta | None = None,  # noqa: ARG002 - the port's form.
    ) -> Evidence:
        """Nothing, and why."""
        return Evidence(lacking=frozenset(about), gaps=(Gap(Lack.NO_WORKSPACE, "POSTERN_WORKSPACE", _TEXT),))
