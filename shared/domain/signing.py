"""Signatures of what is sent, by which a receiver knows that it comes from here and is whole and fresh.

Source: Standard Webhooks, "Signature scheme" (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

_PREFIX: Final = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes, as the specification has it


def is_secret(text: str) -> bool:
    """Whether a text is a secret as the specification writes it: `whsec_` and base64 of 24 to 64 bytes."""
    try:
        return text.startswith(_PREFIX) and _SHORTEST <= len(_key(text)) <= _LONGEST
    except ValueError:  # binascii.Error is one.
        return False


def signed_headers(secrets: Sequence[str], id_: str, now: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message. With several secrets there are several signatures, so that one can take over."""
    at = str(int(now.timestamp()))
    signatures = " ".join(f"v1,{_signature(secret, f'{id_}.{at}.'.encode() + body)}" for secret in secrets)
    return {"webhook-id": id_, "webhook-timestamp": at, "webhook-signature": signatures}


def _signature(secret: str, content: bytes) -> str:
    return base64.b64encode(hmac.digest(_key(secret), content, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
