"""What the calls of the activity take and give, in words and types."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from shared.documents.answers.activity import ActivityAnswer, ActivitySummaryAnswer
from shared.domain.activity import Kind
from shared.triggers.operations import PAGE_SIZE, PAGE_TOKEN, Operation, Outcome, Parameter

_OK, _BAD = HTTPStatus.OK, HTTPStatus.BAD_REQUEST
_TIME: Final = {"type": "string", "format": "date-time"}
_FILTERS: Final = (
    Parameter("machine", "Only these machines, by their resource ids, separated by commas."),
    Parameter("from", "From this time on; a day before `to` if it is not given.", _TIME),
    Parameter("to", "Until before this time; now if it is not given. At most 90 days after `from`.", _TIME),
    Parameter(
        "kind",
        "Only entries of these kinds, separated by commas.",
        {"type": "string", "pattern": f"^(({'|'.join(Kind)})(,|$))*$"},
    ),
    Parameter("q", "A part of a name, an address, a rule or a text.", {"type": "string", "maxLength": 200}),
)

ACTIVITY_OPERATIONS: Final[Mapping[str, Operation]] = {
    "listActivity": Operation(
        "List activity",
        "Grants and decisions, attempts on attack, sign-ins, changes of rules by others, findings and alerts, the "
        "newest first. Requestors get what is about their own grants. `gaps` says what cannot be told, and why.",
        (Outcome(_OK, "A page of the activity.", (ActivityAnswer,)),),
        (_BAD,),
        parameters=(*_FILTERS, PAGE_SIZE, PAGE_TOKEN),
    ),
    "exportActivity": Operation(
        "Export activity",
        "The activity as a table for spreadsheets, which take nothing in it for a formula.",
        (Outcome(_OK, "The table.", (str,), media="text/csv"),),
        (_BAD,),
        parameters=_FILTERS,
    ),
    "summarizeActivity": Operation(
        "Summarize activity",
        "Attempts by hour, machine, source, port and user name, and whether grants were used.",
        (Outcome(_OK, "The numbers.", (ActivitySummaryAnswer,)),),
        (_BAD,),
        parameters=_FILTERS[:3],
    ),
}
