"""What the calls of Defender's API take and give, in words and types. Designers of flows do not need to see them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from shared.documents.answers.collections import JitPoliciesAnswer, JitPolicyAnswer, JitRequestAnswer
from shared.documents.defender import InitiateBody, PolicyBody
from shared.triggers.operations import IDEMPOTENCY_KEY, PREFER, Operation, Outcome, Parameter

_VERSION: Final = Parameter("api-version", "2020-01-01.", {"type": "string", "enum": ["2020-01-01"]}, required=True)
_BAD, _CONFLICT, _REFUSED = HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY


def _list(where: str) -> Operation:
    text = f"Just-in-time policies {where}, as Microsoft Defender for Cloud gives them."
    outcome = Outcome(HTTPStatus.OK, "The policies.", (JitPoliciesAnswer,))
    return Operation(f"List JIT policies {where}", text, (outcome,), (_BAD,), parameters=(_VERSION,), internal=True)


JIT_OPERATIONS: Final[Mapping[str, Operation]] = {
    "jitList": _list("of a subscription"),
    "jitListByRegion": _list("of a location"),
    "jitListByGroup": _list("of a resource group"),
    "jitListByGroupAndRegion": _list("of a resource group in a location"),
    "jitGet": Operation(
        "Get JIT policy",
        "One just-in-time policy with its machines and their latest requests.",
        (Outcome(HTTPStatus.OK, "The policy.", (JitPolicyAnswer,)),),
        (_BAD,),
        parameters=(_VERSION,),
        internal=True,
    ),
    "jitPut": Operation(
        "Set JIT policy",
        "Make a just-in-time policy of exactly these machines; what was in it and is left out is disabled.",
        (Outcome(HTTPStatus.OK, "Done; the header names machines whose lock does not hold.", (JitPolicyAnswer,),
                 ("Postern-Exposed",)),),
        (_BAD, _CONFLICT, HTTPStatus.PRECONDITION_FAILED, _REFUSED),
        PolicyBody,
        parameters=(_VERSION,),
        internal=True,
    ),
    "jitDelete": Operation(
        "Delete JIT policy",
        "Disable every machine of a just-in-time policy.",
        (Outcome(HTTPStatus.OK, "Done."), Outcome(HTTPStatus.NO_CONTENT, "There is no such policy.")),
        (_BAD, _CONFLICT, HTTPStatus.PRECONDITION_FAILED, _REFUSED),
        parameters=(_VERSION,),
        internal=True,
    ),
    "jitInitiate": Operation(
        "Initiate JIT access",
        "Ask for access to machines of a just-in-time policy.",
        (Outcome(HTTPStatus.ACCEPTED, "Asked for; the header names the grants.", (JitRequestAnswer,),
                 ("Postern-Grants",)),),
        (_BAD, _CONFLICT, _REFUSED),
        InitiateBody,
        parameters=(_VERSION, PREFER, IDEMPOTENCY_KEY),
        internal=True,
    ),
}  # fmt: skip
