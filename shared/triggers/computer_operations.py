"""What the calls about computers outside Azure, and about costs, take and give, in words and types."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from shared.documents.answers.computers import ComputersAnswer, CostsAnswer, OnboardingAnswer
from shared.domain.onboarding import SYSTEMS
from shared.domain.readiness import State
from shared.triggers.operations import PAGE_SIZE, PAGE_TOKEN, Operation, Outcome, Parameter, several

_OK, _BAD = HTTPStatus.OK, HTTPStatus.BAD_REQUEST
_FILTERS: Final = (
    Parameter("state", "Only these states, separated by commas.", several(State)),
    Parameter(
        "q",
        "A part of a name, resource group, location or address, or of tag=value.",
        {"type": "string", "maxLength": 200},
    ),
)
_TAG: Final = (Parameter("tag", "Count by the values of this tag as well.", {"type": "string", "maxLength": 512}),)

COMPUTER_OPERATIONS: Final[Mapping[str, Operation]] = {
    "listComputers": Operation(
        "List computers",
        "Computers outside Azure that Azure Arc knows or that report to the workspace, with where each stands and what "
        "to do next. `gaps` says what cannot be told, and why.",
        (Outcome(_OK, "A page of computers.", (ComputersAnswer,)),),
        (_BAD,),
        parameters=(*_FILTERS, PAGE_SIZE, PAGE_TOKEN),
    ),
    "exportComputers": Operation(
        "Export computers",
        "The computers as a table for spreadsheets, which take nothing in it for a formula.",
        (Outcome(_OK, "The table.", (str,), media="text/csv"),),
        (_BAD,),
        parameters=_FILTERS,
    ),
    "getOnboarding": Operation(
        "Get onboarding",
        "The commands by which a computer becomes a server of Azure Arc. They hold no secret: who runs them signs in.",
        (Outcome(_OK, "The commands.", (OnboardingAnswer,)),),
        (_BAD,),
        parameters=(
            Parameter("os", "Its operating system.", {"type": "string", "enum": list(SYSTEMS)}, required=True),
            Parameter("subscription", "The guarded subscription that it goes to, by its id.", required=True),
            Parameter("resourceGroup", "The resource group that it goes to.", required=True),
            Parameter("location", "The region that it is kept in, such as westeurope.", required=True),
        ),
    ),
    "getCosts": Operation(
        "Get costs",
        "What just-in-time access costs in a month where it is paid for by node, at a price that the settings give: "
        "all nodes, and those that are billed as they are now; beside what Postern costs.",
        (Outcome(_OK, "The costs.", (CostsAnswer,)),),
        (_BAD,),
        parameters=_TAG,
    ),
    "exportCosts": Operation(
        "Export costs",
        "The costs as a table for spreadsheets.",
        (Outcome(_OK, "The table.", (str,), media="text/csv"),),
        (_BAD,),
        parameters=_TAG,
    ),
}
