"""What the operator says about Amazon EC2: which accounts and regions are guarded, and as whom."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

_PLACE: Final = re.compile(
    r"(?P<account>\d{12}):(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d{1,2})(?::(?P<role>[\w+=.@-]{1,64}))?", re.ASCII
)
_PLACES, _AUDIENCE, _ENDPOINT = NAMES = ("POSTERN_AWS", "POSTERN_AWS_AUDIENCE", "POSTERN_AWS_ENDPOINT")
_DEFAULT_ROLE: Final = "postern"
_PARTITIONS: Final = {"cn": "aws-cn", "us-gov": "aws-us-gov"}  # By what the names of their regions begin with.


@dataclass(frozen=True, slots=True)
class Place:
    """A region of an account, and the role in that account that Postern takes."""

    account: str
    region: str
    role: str = _DEFAULT_ROLE

    @property
    def group(self) -> str:
        """What stands for a resource group in the ids of its instances."""
        return f"aws-{self.account}-{self.region}"

    @property
    def role_arn(self) -> str:
        """The role as AWS names it."""
        known = (name for start, name in _PARTITIONS.items() if self.region.startswith(f"{start}-"))
        return f"arn:{next(known, 'aws')}:iam::{self.account}:role/{self.role}"


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Where instances are guarded; for whom the token is that AWS gets; where AWS is, in tests."""

    places: tuple[Place, ...]
    audience: str
    endpoint: str = ""  # Empty: where AWS says that its services are.


def read_aws_settings(environ: Mapping[str, str]) -> AwsSettings | None:
    """The settings, which have no faults; None where no account is named."""
    matches = [_PLACE.fullmatch(text) for text in _texts(environ)]
    places = tuple(Place(one["account"], one["region"], one["role"] or _DEFAULT_ROLE) for one in matches if one)
    if not places:
        return None
    return AwsSettings(places, environ.get(_AUDIENCE, "").strip(), environ.get(_ENDPOINT, "").rstrip("/"))


def aws_faults(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with them. No instance is seen or guarded then, and all else goes on."""
    return tuple(_faults(environ))


def _faults(environ: Mapping[str, str]) -> Iterator[str]:
    texts, audience = _texts(environ), environ.get(_AUDIENCE, "").strip()
    places = [match.group("account", "region") for text in texts if (match := _PLACE.fullmatch(text))]
    if len(places) < len(texts) or len(set(places)) < len(places):
        yield (
            f"{_PLACES} must hold account:region or account:region:role, separated by commas and each region once, "
            "such as 123456789012:eu-west-1."
        )
    if texts and not audience:
        yield f"{_AUDIENCE} must hold the Application ID URI that stands for AWS, such as api://<client id>."
    if not environ.get(_ENDPOINT, "https://").startswith(("https://", "http://127.0.0.1:")):
        yield f"{_ENDPOINT} must hold an https address."
    if texts and find_spec("boto3") is None:
        yield f"{_PLACES} is set, but boto3 is not installed: deploy with requirements-aws.txt."


def _texts(environ: Mapping[str, str]) -> list[str]:
    return [text.strip() for text in environ.get(_PLACES, "").split(",") if text.strip()]
