"""What each call of the API takes and gives, in words and types: what `endpoints` is to the router, for its readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from shared.documents.answers.callers import MeAnswer
from shared.documents.answers.events import CardAnswer, EventAnswer, SubscriptionAnswer, SubscriptionsAnswer
from shared.documents.answers.grants import GrantAnswer, GrantPreviewAnswer, GrantsAnswer
from shared.documents.answers.policies import (
    GuardedAnswer,
    PoliciesAnswer,
    PreviewAnswer,
    RemovedAnswer,
    ResultsAnswer,
)
from shared.documents.answers.problems import HealthAnswer
from shared.documents.grants import CommentDocument, DecisionDocument, GrantRequest, LongerDocument
from shared.documents.notifications import SubscriptionDocument
from shared.documents.policies import ManyDocument, PolicyDocument
from shared.domain.lifecycle import State

type Schema = Mapping[str, Any]

_OK, _CREATED, _ACCEPTED = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED
FLAG: Final[Schema] = {"type": "boolean", "default": False}


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something in the query string or a header."""

    name: str
    text: str
    schema: Schema | None = None  # None: any text.
    where: str = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way in which a call ends well: a status, what it means, the types of its body, and its headers."""

    status: HTTPStatus
    text: str
    bodies: tuple[type, ...] = ()
    headers: tuple[str, ...] = ()
    media: str = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the API. `problems` are statuses that only some calls have; every one has 401, 403, 500 and 503."""

    summary: str
    text: str
    outcomes: tuple[Outcome, ...]
    problems: tuple[HTTPStatus, ...] = ()
    body: type | None = None
    body_required: bool = True
    parameters: tuple[Parameter, ...] = ()
    internal: bool = False  # Only machines need it: designers of flows do not show it.
    notifies: type | None = None  # What is posted to the `callbackUrl` of the body.


_PREVIEW: Final = Parameter("preview", "Only tell what would be; write nothing.", FLAG)
PAGE_SIZE: Final = Parameter(
    "pageSize", "How many entries a page has.", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
)
PAGE_TOKEN: Final = Parameter("pageToken", "The `nextPageToken` of the page before.")
SUBSCRIPTION: Final = Parameter("subscription", "Only this subscription, by its id.")
_IF_MATCH: Final = Parameter("If-Match", "The version that is to be changed, as `ETag` told it.", where="header")
PREFER: Final = Parameter("Prefer", "`wait=N`: how many seconds to wait for the rules, at most 60.", where="header")
IDEMPOTENCY_KEY: Final = Parameter(
    "Idempotency-Key",
    "Makes a request safe to repeat: the same key and body give the same grant.",
    {"type": "string", "minLength": 1, "maxLength": 200},
    "header",
)


def several(names: type[StrEnum]) -> Schema:
    """The schema of a parameter that lists some of these, separated by commas."""
    return {"type": "string", "pattern": f"^(({'|'.join(names)})(,|$))*$"}


_BAD, _CONFLICT = HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT
_REFUSED: Final = HTTPStatus.UNPROCESSABLE_ENTITY
_DECIDED: Final = (
    Outcome(_OK, "Decided, and open if nothing else was needed.", (GrantAnswer,), ("Location",)),
    Outcome(_ACCEPTED, "Decided; others have to agree, or its start is to come, or it is opening.", (GrantAnswer,),
            ("Location", "Retry-After")),
)  # fmt: skip

OPERATIONS: Final[Mapping[str, Operation]] = {
    "health": Operation(
        "Health",
        "Whether Postern is alive and ready. Nobody need sign in.",
        (
            Outcome(_OK, "Healthy.", (HealthAnswer,)),
            Outcome(HTTPStatus.SERVICE_UNAVAILABLE, "Not ready; `problems` says why.", (HealthAnswer,)),
        ),
    ),
    "getMe": Operation(
        "Get me",
        "Who the caller is, and the roles that it has.",
        (Outcome(_OK, "The caller.", (MeAnswer,)),),
        internal=True,
    ),
    "listPolicies": Operation(
        "List policies",
        "Every policy as it is kept, without measuring the locks.",
        (Outcome(_OK, "The policies.", (PoliciesAnswer,)),),
        parameters=(SUBSCRIPTION,),
    ),
    "putPolicies": Operation(
        "Enable on many machines",
        "Put many machines under one policy, each network security group being written once.",
        (
            Outcome(_OK, "All went well.", (ResultsAnswer,)),
            Outcome(HTTPStatus.MULTI_STATUS, "Some did not; each result has its own status.", (ResultsAnswer,)),
        ),
        (_BAD, _CONFLICT),
        ManyDocument,
        parameters=(_PREVIEW,),
    ),
    "putPolicy": Operation(
        "Enable or edit",
        "Put a machine under a policy, or change the policy; the lock is measured before the answer.",
        (
            Outcome(_OK, "Changed, or with `preview` what would be.", (GuardedAnswer, PreviewAnswer), ("ETag",)),
            Outcome(_CREATED, "Enabled.", (GuardedAnswer,), ("ETag",)),
        ),
        (_BAD, _CONFLICT, HTTPStatus.PRECONDITION_FAILED, _REFUSED),
        PolicyDocument,
        parameters=(_PREVIEW, _IF_MATCH),
    ),
    "getPolicy": Operation(
        "Get policy",
        "The policy of a machine, and its lock as measured now.",
        (Outcome(_OK, "The policy.", (GuardedAnswer,), ("ETag",)),),
    ),
    "deletePolicy": Operation(
        "Disable",
        "Take the policy and its lock away, and tell what is open afterwards.",
        (Outcome(_OK, "Disabled, or with `preview` what would be.", (RemovedAnswer, PreviewAnswer)),),
        (_BAD, _CONFLICT, HTTPStatus.PRECONDITION_FAILED),
        parameters=(
            _PREVIEW,
            _IF_MATCH,
            Parameter("deleteCreatedNsg", "Delete the group that Postern made for the machine, too.", FLAG),
        ),
    ),
    "askForAccess": Operation(
        "Ask for access",
        "Ask for ports of a machine, from given sources, for a limited time.",
        (
            Outcome(
                _OK,
                "With `preview` what asking would give; else what was asked for before under this key.",
                (GrantPreviewAnswer, GrantAnswer),
                ("Location",),
            ),
            Outcome(_CREATED, "Open.", (GrantAnswer,), ("Location",)),
            Outcome(
                _ACCEPTED,
                "It waits for approval or its start, or it is opening.",
                (GrantAnswer,),
                ("Location", "Retry-After"),
            ),
        ),
        (_BAD, HTTPStatus.NOT_FOUND, _CONFLICT, _REFUSED),
        GrantRequest,
        parameters=(_PREVIEW, PREFER, IDEMPOTENCY_KEY),
    ),
    "listGrants": Operation(
        "List grants",
        "The grants that the caller may see, the newest first.",
        (Outcome(_OK, "A page of grants.", (GrantsAnswer,)),),
        (_BAD,),
        parameters=(
            Parameter("state", "Only these states, separated by commas.", several(State)),
            Parameter("machine", "Only this machine, by its resource id."),
            Parameter("requestor", "Only this requestor, by object id; for those who see the grants of others."),
            PAGE_SIZE,
            PAGE_TOKEN,
        ),
    ),
    "getGrant": Operation(
        "Get grant",
        "One grant; asking about one that is opening goes on with it.",
        (Outcome(_OK, "The grant.", (GrantAnswer,), ("Retry-After",)),),
        parameters=(PREFER,),
    ),
    "showGrant": Operation(
        "Show grant",
        "One grant as it stands, as an Adaptive Card; it has buttons while it waits for approval.",
        (Outcome(_OK, "The card.", (CardAnswer,)),),
    ),
    "extendGrant": Operation(
        "Extend",
        "Let one's own active grant stay open for longer; decided as a request for that time from now on would be.",
        (
            Outcome(_OK, "It has its later end.", (GrantAnswer,)),
            Outcome(_ACCEPTED, "The longer stay waits for approval.", (GrantAnswer,)),
        ),
        (_BAD, _CONFLICT, _REFUSED),
        LongerDocument,
    ),
    "approveGrant": Operation(
        "Approve",
        "Agree to what waits for approval: the request, or else the longer stay.",
        _DECIDED,
        (_BAD, _CONFLICT, _REFUSED),
        DecisionDocument,
        body_required=False,
        parameters=(PREFER,),
    ),
    "denyGrant": Operation(
        "Deny",
        "Say no to what waits for approval; one no is enough.",
        (Outcome(_OK, "Denied.", (GrantAnswer,)),),
        (_BAD, _CONFLICT, _REFUSED),
        DecisionDocument,
        body_required=False,
    ),
    "cancelGrant": Operation(
        "Cancel",
        "Take back one's own request while it waits, or the wish for a longer stay.",
        (Outcome(_OK, "Taken back.", (GrantAnswer,)),),
        (_BAD, _CONFLICT),
        CommentDocument,
        body_required=False,
    ),
    "revokeGrant": Operation(
        "Revoke",
        "End a grant before its time.",
        (
            Outcome(_OK, "It has ended.", (GrantAnswer,), ("Location",)),
            Outcome(_ACCEPTED, "It is closing.", (GrantAnswer,), ("Location",)),
        ),
        (_BAD, _CONFLICT),
        CommentDocument,
        body_required=False,
    ),
    "subscribe": Operation(
        "When something happens",
        "Have events posted to a callback, whose host the operator allows; `Location` says where that is ended.",
        (
            Outcome(
                _CREATED, "Events will be posted; the callback is not told again.", (SubscriptionAnswer,), ("Location",)
            ),
        ),
        (_BAD, _REFUSED),
        SubscriptionDocument,
        notifies=EventAnswer,
    ),
    "listSubscriptions": Operation(
        "List subscriptions",
        "Every subscription, without its callback.",
        (Outcome(_OK, "The subscriptions.", (SubscriptionsAnswer,)),),
        internal=True,
    ),
    "unsubscribe": Operation(
        "Unsubscribe",
        "End a subscription.",
        (Outcome(HTTPStatus.NO_CONTENT, "Nothing more is posted.", ()),),
        internal=True,
    ),
    "getOpenApi": Operation(
        "Get OpenAPI", "This description, as OpenAPI 3.1.", (Outcome(_OK, "It.", (dict,)),), internal=True
    ),
    "getSwagger": Operation(
        "Get Swagger",
        "This description as Swagger 2.0, for custom connectors.",
        (Outcome(_OK, "It.", (dict,)),),
        internal=True,
    ),
}
