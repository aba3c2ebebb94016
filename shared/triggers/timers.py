"""The sweep, the starts, the repair, the watch over the logs, and the reminders that make closing punctual."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import azure.functions as func

from shared.bootstrap import Postern
from shared.domain.keys import is_grant_id
from shared.domain.lifecycle import Reason
from shared.ports import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.domain.evidence import Evidence
    from shared.domain.findings import Found
    from shared.services.sweeping import Report

_PATIENCE = 10  # seconds
_log = logging.getLogger("postern.timers")


def blueprint(app: Postern) -> func.Blueprint:
    """The functions of this module."""
    timers = func.Blueprint()

    @timers.function_name("sweep")
    @timers.timer_trigger("timer", schedule="0 * * * * *")
    async def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's form.
        from shared.services.sweeping import sweep as run

        _tell("sweep", await run(app.world()))
        await _look_for_poison(app)

    @timers.function_name("starts")
    @timers.timer_trigger("timer", schedule="0 * * * * *")
    async def starts(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's form.
        from shared.services.starting import start_due

        for error in await start_due(app.world()):
            _log.error("starts: %s", error, exc_info=error)

    @timers.function_name("repair")
    @timers.timer_trigger("timer", schedule="30 */10 * * * *")
    async def repair(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's form.
        from shared.services.repairing import repair as run

        _tell("repair", await run(app.world()))

    @timers.function_name("watch")
    @timers.timer_trigger("timer", schedule="15 */10 * * * *")
    async def watch(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's form.
        from shared.services.alarming import watch as run

        _tell_alarms(*await run(app.world()))

    @timers.function_name("closings")
    @timers.queue_trigger("message", queue_name="closings", connection="AzureWebJobsStorage")
    async def closings(message: func.QueueMessage) -> None:
        from shared.services.sweeping import remind

        grant = message.get_body().decode(errors="replace")
        if not is_grant_id(grant):
            raise ValueError("a message on the queue of deadlines names no grant")
        report = await remind(app.world(), grant)
        _tell("closings", report)
        if report.problems:
            # The queue brings the message again; should it give up, the sweep still closes the grant.
            raise report.problems[0]

    return timers


async def _look_for_poison(app: Postern) -> None:
    """Say in the log where messages lie that nobody could deal with. Not being able to look fails no sweep."""
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await app.poison()
    except (Unavailable, TimeoutError) as error:
        _log.warning("the poison queues could not be looked at: %s", error)
        return
    for queue, messages in found.items():
        if messages:
            _log.warning("about %d messages lie in %s-poison; see docs/operations.md", messages, queue)


def _tell_alarms(found: Iterable[Found], evidence: Evidence, errors: Iterable[Exception]) -> None:
    """Say in the log what the watch found, and what it could not see."""
    for one in found:
        _log.warning("%s: %s %s", one.what, one.subject, one.detail)
    for gap in evidence.gaps:
        _log.warning("watch: %s", gap.text)
    for error in errors:
        _log.error("watch: %s", error, exc_info=error)


def _tell(what: str, report: Report) -> None:
    """Say in the log what a pass did, if it did anything."""
    for grant in report.closed:
        late = (grant.occurrence.at - grant.ends_at).total_seconds()
        told = f", {late:.1f} seconds after its end" if grant.reason is Reason.DEADLINE else ""
        _log.info("%s closed %s%s", what, grant.id, told)
    for machine, leaks in report.exposed:
        _log.warning("%s is exposed through %s", machine, ", ".join(str(leak.rule) for leak in leaks))
    for error in report.problems:
        _log.error("%s: %s", what, error, exc_info=error)
