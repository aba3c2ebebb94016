"""What nodes cost where they are paid for one by one, beside what Postern costs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from shared.bootstrap import Postern
from shared.documents.answers.computers import CostsAnswer
from shared.documents.costs import write_cost_sheet, write_costs
from shared.domain.costs import Bill
from shared.domain.issues import Invalid, Issue
from shared.services.costs import estate
from shared.triggers.computers import sheet
from shared.triggers.http import Answer, Call, reply

_LONGEST_TAG: Final = 512  # As Azure has it for the names of tags.


async def show(app: Postern, call: Call) -> Answer:
    """The costs."""
    found = await _costs(app, call)
    return found if isinstance(found, Invalid) else reply(HTTPStatus.OK, found)


async def export(app: Postern, call: Call) -> Answer:
    """The costs as a table."""
    found = await _costs(app, call)
    return found if isinstance(found, Invalid) else sheet(write_cost_sheet(found), "costs", found["asOf"])


async def _costs(app: Postern, call: Call) -> CostsAnswer | Invalid:
    tag, said = call.request.params.get("tag", "").strip(), app.costs
    if len(tag) > _LONGEST_TAG:
        return Invalid((Issue("tooLong", "tag", f"The name of a tag has at most {_LONGEST_TAG} characters."),))
    found = await estate(app.world(), tag)
    return write_costs(Bill(found.counted, said.price, said.own, tag), found.at, found.gaps)
