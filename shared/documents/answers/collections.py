"""What callers of Defender's API get: exactly the published fields.

Source: Azure REST API reference, "Jit Network Access Policies", 2020-01-01.
"""

from __future__ import annotations

from typing import Annotated, NotRequired

from shared.documents.answers import Answer, Duration, Time, one_of


class JitPortRuleAnswer(Answer):
    """A port that may be asked for, from where, and for how long at most."""

    number: int
    protocol: Annotated[str, one_of("TCP", "UDP", "*")]
    allowedSourceAddressPrefix: NotRequired[str]
    allowedSourceAddressPrefixes: NotRequired[list[str]]
    maxRequestAccessDuration: Duration


class JitMachineAnswer(Answer):
    """A machine of a policy, and its ports."""

    id: str
    ports: list[JitPortRuleAnswer]


class JitRequestPortAnswer(Answer):
    """A port of a request, and what became of it."""

    number: int
    allowedSourceAddressPrefix: NotRequired[str]
    allowedSourceAddressPrefixes: NotRequired[list[str]]
    endTimeUtc: Time
    status: Annotated[str, one_of("Initiated", "Revoked")]
    statusReason: Annotated[str, one_of("Expired", "UserRequested", "NewerRequestInitiated")]


class JitRequestMachineAnswer(Answer):
    """A machine of a request."""

    id: str
    ports: list[JitRequestPortAnswer]


class JitRequestAnswer(Answer):
    """A request for access."""

    virtualMachines: list[JitRequestMachineAnswer]
    startTimeUtc: Time
    requestor: str
    justification: NotRequired[str]


class JitPropertiesAnswer(Answer):
    """The machines of a policy, and their latest requests."""

    virtualMachines: list[JitMachineAnswer]
    requests: list[JitRequestAnswer]
    provisioningState: str


class JitPolicyAnswer(Answer):
    """A just-in-time policy: a named collection of machines in a resource group and location."""

    id: str
    name: str
    type: str
    kind: str
    location: str
    properties: JitPropertiesAnswer


class JitPoliciesAnswer(Answer):
    """Just-in-time policies."""

    value: list[JitPolicyAnswer]


class CloudDetailAnswer(Answer):
    """One thing that is wrong."""

    code: str
    target: str
    message: str


class CloudErrorBodyAnswer(Answer):
    """What went wrong, and everything that is wrong at once."""

    code: str
    message: str
    details: NotRequired[list[CloudDetailAnswer]]


class CloudErrorAnswer(Answer):
    """An error as Azure Resource Manager tells it."""

    error: CloudErrorBodyAnswer
