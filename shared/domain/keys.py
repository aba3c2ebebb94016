"""Names made of a few safe characters: grant ids and short hashes.

A grant id tells when it was made, for which machine, and one thing by chance; it sorts by time, fits in a
rule's name, and finds the grant's partition without an index. The alphabet is Crockford's base 32 in
lower case, which survives ARM's case-insensitive names and every storage key.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from functools import lru_cache
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME, _MACHINE, _CHANCE = 10, 8, 6
GRANT_ID_LENGTH: Final = _TIME + _MACHINE + _CHANCE
_GRANT_ID: Final = re.compile(f"[{_ALPHABET}]{{{GRANT_ID_LENGTH}}}")
CHANCE_BITS: Final = 5 * _CHANCE


@lru_cache(maxsize=10_000)
def short_hash(text: str, length: int) -> str:
    """A stable name of `length` characters for a text; 8 characters are 40 bits of SHA-256."""
    return _encode(int.from_bytes(hashlib.sha256(text.encode()).digest()), length)


def short_number(text: str) -> int:
    """A stable number of at most six digits for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % 1_000_000


def new_grant_id(machine_key: str, now: datetime, chance: int) -> str:
    """A grant id from the machine's key, the time, and `CHANCE_BITS` random bits."""
    return _encode(int(now.timestamp() * 1000), _TIME) + machine_key + _encode(chance, _CHANCE)


def earliest_grant_id(at: datetime) -> str:
    """What sorts before the id of every grant that was asked for at or after a time."""
    return _encode(int(at.timestamp() * 1000), _TIME)


def is_grant_id(text: str) -> bool:
    """Whether a text has the form of a grant id."""
    return _GRANT_ID.fullmatch(text) is not None


def machine_key_of(grant_id: str) -> str:
    """The key of the machine that a grant id belongs to."""
    return grant_id[_TIME : _TIME + _MACHINE]


def _encode(number: int, length: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (length - 1), -1, -5))


def turned_around(id_: str) -> str:
    """An id that sorts the other way, so that the newest comes first; turned around again it is the id itself."""
    return "".join(_ALPHABET[-1 - _ALPHABET.index(character)] for character in id_)
