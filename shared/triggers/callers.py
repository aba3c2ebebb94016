"""Who calls: identity and roles from App Service Authentication, and the address that the platform saw.

The header `X-MS-CLIENT-PRINCIPAL` is worth something only behind Easy Auth, which drops what callers forge; so it
is believed only when the platform and the operator both say that Easy Auth is there.

Source: App Service documentation, "Work with user identities in Azure App Service authentication".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from shared.domain.people import Person

_OBJECT_ID: Final = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_NAME: Final = ("name", "preferred_username", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name")
_ROLES: Final = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
_TENANT: Final = ("http://schemas.microsoft.com/identity/claims/tenantid", "tid")
_LONGEST_NAME: Final = 80


class Role(StrEnum):
    """The app roles that callers may have."""

    READER = "Postern.Reader"
    REQUESTOR = "Postern.Requestor"
    APPROVER = "Postern.Approver"
    ADMINISTRATOR = "Postern.Administrator"
    AUDITOR = "Postern.Auditor"
    RELAY = "Postern.Relay"  # An identity, such as a Logic App's, that brings the answers of approvers.


EVERYBODY: Final = tuple(role for role in Role if role is not Role.RELAY)
WHO_AUDIT: Final = (Role.ADMINISTRATOR, Role.AUDITOR)
WHO_SEE_ALL: Final = (Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class Caller:
    """A person or a pipeline that is signed in.

    `groups` are object ids of groups, where the token names them; `tenant` is the id of the tenant that gave the token.
    """

    person: Person
    roles: frozenset[str]
    groups: frozenset[str] = frozenset()
    tenant: str = ""

    @property
    def ids(self) -> frozenset[str]:
        """All object ids that stand for the caller."""
        return self.groups | {self.person.id}

    def has_any(self, roles: Iterable[Role]) -> bool:
        """Whether the caller has one of these roles."""
        return any(role in self.roles for role in roles)


def caller_of(headers: Mapping[str, str]) -> Caller | None:
    """The caller that Easy Auth names; None when it names none, or nobody that could be told from others."""
    claims = _claims(headers.get("x-ms-client-principal", ""))
    ids = [value.lower() for kind, value in claims if kind in _OBJECT_ID]
    if not ids:
        return None
    names = [value for wanted in _NAME for kind, value in claims if kind == wanted]
    roles = frozenset(value for kind, value in claims if kind in _ROLES)
    groups = frozenset(value.lower() for kind, value in claims if kind == "groups")
    tenant = next((value.lower() for kind, value in claims if kind in _TENANT), "")
    return Caller(Person(ids[0], _readable(names[0]) if names else ids[0]), roles, groups, tenant)


def _claims(header: str) -> list[tuple[str, str]]:
    try:
        principal: Any = json.loads(base64.b64decode(header, validate=True))
        return [(str(claim["typ"]), str(claim["val"])) for claim in principal["claims"]]
    except (binascii.Error, ValueError, KeyError, TypeError):
        return []


def _readable(name: str) -> str:
    """A name that can stand in a rule's description and in a log line."""
    return "".join(character for character in name if character.isprintable())[:_LONGEST_NAME]


def address_of(headers: Mapping[str, str]) -> str | None:
    """The caller's address as App Service saw it: the last entry of X-Forwarded-For, whatever the caller put before."""
    last = headers.get("x-forwarded-for", "").rsplit(",", 1)[-1].strip()
    host = last[1:].partition("]")[0] if last.startswith("[") else last
    for text in (host, host.rpartition(":")[0]):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        # An IPv4 address that came over an IPv6 socket is still an IPv4 address.
        return str(getattr(address, "ipv4_mapped", None) or address)
    return None
