"""What the calls about machines take and give, in words and types."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from shared.documents.answers.machines import DetailsAnswer, MachinesAnswer
from shared.domain.inventory import State as Tab
from shared.domain.listing import Condition, Urgency
from shared.domain.selecting import By
from shared.triggers.operations import FLAG, PAGE_SIZE, PAGE_TOKEN, SUBSCRIPTION, Operation, Outcome, Parameter, several

_OK, _BAD = HTTPStatus.OK, HTTPStatus.BAD_REQUEST

MACHINE_OPERATIONS: Final[Mapping[str, Operation]] = {
    "listMachines": Operation(
        "List machines",
        "Every machine of the guarded subscriptions with its state, why, and how it was used; the worst first.",
        (Outcome(_OK, "A page of machines.", (MachinesAnswer,)),),
        (_BAD,),
        parameters=(
            Parameter("state", "Only these tabs, separated by commas.", several(Tab)),
            Parameter(
                "q",
                "A part of a name, resource group, location or address, or of tag=value.",
                {"type": "string", "maxLength": 200},
            ),
            SUBSCRIPTION,
            Parameter("os", "Only these operating systems, separated by commas."),
            Parameter("urgency", "Only these urgencies, separated by commas.", several(Urgency)),
            Parameter("condition", "Only guarded machines with one of these, by commas.", several(Condition)),
            Parameter("orderBy", "What the list is in the order of.", {"type": "string", "enum": list(map(str, By))}),
            Parameter("descending", "The other way round.", FLAG),
            PAGE_SIZE,
            PAGE_TOKEN,
        ),
    ),
    "getMachine": Operation(
        "Get machine",
        "One machine as Azure Resource Manager has it now: its way, its lock, its policy, its grants.",
        (Outcome(_OK, "The machine.", (DetailsAnswer,)),),
    ),
}
