"""The queue of events: what happened goes to those who are to be told. And a look at what nobody could deal with."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import azure.functions as func

from shared.bootstrap import EVENTS, Postern

if TYPE_CHECKING:
    from shared.services.telling import Trouble

_log = logging.getLogger("postern.events")


def blueprint(app: Postern) -> func.Blueprint:
    """The functions of this module."""
    functions = func.Blueprint()

    @functions.function_name("events")
    @functions.queue_trigger("message", queue_name=EVENTS, connection="AzureWebJobsStorage")
    async def events(message: func.QueueMessage) -> None:
        from shared.adapters.queue_events import read_message
        from shared.services.telling import handle

        trouble = await handle(app.post(), read_message(message.get_body().decode()))
        if trouble:
            _tell(trouble)

    return functions


def _tell(trouble: Trouble) -> None:
    """Say in the log what went wrong, without the address."""
    if trouble.given_up:
        _log.error("%s at %s was given up: %s", trouble.receiver, trouble.host, trouble.detail)
    else:
        _log.warning("%s at %s: %s", trouble.receiver or "events", trouble.host or "storage", trouble.detail)
