"""Regular expressions that administrators write and that callers' texts are held against.

They run in time linear in the text, whatever the pattern: the engine is the one of Pydantic, which knows neither
backtracking nor look-around. Nobody can make the app hang with a pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache


def why_not(pattern: str) -> str | None:
    """Why a text is no pattern; None when it is one."""
    try:
        _matcher(pattern)
        _matcher(_whole(pattern))
    except ValueError as error:
        return str(error)
    return None


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of a text matches a pattern. Raises ValueError for what is no pattern."""
    _matcher(pattern)
    return _matcher(_whole(pattern))(text)


def _whole(pattern: str) -> str:
    return rf"\A(?:{pattern})\z"


@lru_cache(maxsize=1_000)
def _matcher(pattern: str) -> Callable[[str], bool]:
    # Loaded with the first pattern: starting is what users of a function app wait for.
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern)).isinstance_python
    except SchemaError as error:
        raise ValueError(" ".join(str(error).partition("SchemaError: ")[2].split())) from error
