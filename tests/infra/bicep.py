"""Reads .bicep files as far as tests need them: what is declared, with which plain values, and which names are used.

It knows the language's grammar. It refuses to evaluate anything: an expression stays `Code`, its own text. There is no
compiler here, so what one would say of names and of the parameters of modules is asked of these values by the tests.

Source: tree-sitter-bicep; learn.microsoft.com, "Bicep file structure and syntax".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

INFRA: Final = Path(__file__).parents[2] / "infra"
MAIN: Final = INFRA / "main.bicep"
_PARSER: Final = Parser(Language(tree_sitter_bicep.language()))
# The first part of these is a name that they give, or a function's.
_NAMING: Final = frozenset(
    ("object_property", "call_expression", "for_statement", "lambda_expression", "parameter_declaration",
     "type_declaration", "variable_declaration", "resource_declaration", "module_declaration", "output_declaration")
)  # fmt: skip
_LITERALS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Code:
    """An expression that only Azure can evaluate, as it stands in the file."""

    text: str


type Value = str | int | bool | Code | list[Value] | dict[str, Value] | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its type, and the fields of an object's; its default, as a value and as written; its decorators."""

    name: str
    type: str
    fields: frozenset[str]
    default: Value
    written: str
    required: bool
    decorators: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource: its symbol, its type and API version, its body, and whether it is only referred to."""

    symbol: str
    type: str
    version: str
    body: Mapping[str, Value]
    existing: bool

    @property
    def properties(self) -> Mapping[str, Value]:
        """Its `properties`, where they are written out."""
        return table(self.body.get("properties", {}))


@dataclass(frozen=True, slots=True)
class Module:
    """A module: its symbol, its path as written, its body and the names of its parameters."""

    symbol: str
    path: str
    body: Mapping[str, Value]

    @property
    def parameters(self) -> Mapping[str, Value]:
        """What it is given."""
        return table(self.body.get("params", {}))


@dataclass(frozen=True, slots=True)
class File:
    """A file as far as it can be told. `faults` are places that the grammar does not know: there must be none."""

    path: Path
    text: str
    faults: tuple[str, ...]
    scope: str = "resourceGroup"
    parameters: dict[str, Parameter] = field(default_factory=dict)
    types: dict[str, frozenset[str]] = field(default_factory=dict)
    variables: dict[str, Value] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    outputs: dict[str, Value] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()

    @property
    def declared(self) -> tuple[str, ...]:
        """Every name that the file declares and may use itself; outputs are not among them."""
        return (*self.parameters, *self.types, *self.variables, *self.resources, *self.modules)


def list_bicep() -> tuple[Path, ...]:
    """Every .bicep file of the project."""
    return tuple(sorted(INFRA.rglob("*.bicep")))


@cache
def read(path: Path) -> File:
    """A file, read once."""
    return read_text(path.read_text("utf-8"), path)


def read_text(text: str, path: Path = MAIN) -> File:
    """A file from its text."""
    root = _PARSER.parse(text.encode()).root_node
    nodes = [*_walk(root)]
    faults = tuple(
        f"line {node.start_point[0] + 1}: {_text(node)[:60]}" for node in nodes if node.is_error or node.is_missing
    )
    called = frozenset(_text(node.children[0]) for node in nodes if node.type == "call_expression")
    used = frozenset(_text(node) for node in nodes if node.type == "identifier" and _is_use(node))
    scopes = [_value(node.named_children[0]) for node in nodes if node.type == "target_scope_assignment"]
    scope = scopes[0] if scopes and isinstance(scopes[0], str) else "resourceGroup"
    file = File(path, text, faults, scope, used=used, called=called)
    decorators: Mapping[str, Value] = {}
    for node in root.named_children:
        _declare(file, node, decorators)
        decorators = _decorators(node) if node.type == "decorators" else {}
    return file


def read_values(path: Path) -> File:
    """A .bicepparam file. The grammar does not know its form, so that each value is read as a variable."""
    text = re.sub(r"^using .*$", "", path.read_text("utf-8"), flags=re.MULTILINE)
    return read_text(re.sub(r"^param ", "var ", text, flags=re.MULTILINE), path)


def table(value: Value) -> dict[str, Value]:
    """A value that has to be an object. Raises TypeError."""
    if not isinstance(value, dict):
        raise TypeError(f"this is no object: {value}")
    return value


def texts(value: Value) -> list[str]:
    """A value that has to be a list of plain texts. Raises TypeError."""
    if not isinstance(value, list):
        raise TypeError(f"this is no list: {value}")
    return [one for one in value if isinstance(one, str)]


def names_of_outputs(file: File, module: str) -> frozenset[str]:
    """Which outputs of a module the file reads."""
    return frozenset(re.findall(rf"\b{module}(?:\[[^\n]*?\])?!?\.outputs\.(\w+)", file.text))


def _declare(file: File, node: Node, decorators: Mapping[str, Value]) -> None:
    parts = node.named_children
    match node.type:
        case "parameter_declaration":
            file.parameters[_text(parts[0])] = _parameter(parts, decorators)
        case "type_declaration":
            file.types[_text(parts[0])] = _fields(parts[1])
        case "variable_declaration":
            file.variables[_text(parts[0])] = _value(parts[1])
        case "resource_declaration":
            resource = _resource(node)
            file.resources[resource.symbol] = resource
        case "module_declaration":
            file.modules[_text(parts[0])] = Module(_text(parts[0]), _plain(parts[1]), _body(parts[-1]))
        case "output_declaration":
            file.outputs[_text(parts[0])] = _value(parts[-1])


def _parameter(parts: list[Node], decorators: Mapping[str, Value]) -> Parameter:
    name, kind = _text(parts[0]), parts[1]
    default, written = (_value(parts[2]), _text(parts[2])) if len(parts) > 2 else (None, "")
    required = len(parts) == 2 and not _text(kind).endswith("?")
    fields = next((_fields(one) for one in kind.named_children if one.type == "object"), frozenset[str]())
    return Parameter(name, _text(kind), fields, default, written, required, decorators)


def _resource(node: Node) -> Resource:
    name, kind, *_, body = node.named_children
    type_, _, version = _plain(kind).partition("@")
    existing = any(one.type == "existing" for one in node.children)
    return Resource(_text(name), type_, version, _body(body), existing)


def _body(node: Node) -> dict[str, Value]:
    """What a resource or module holds: behind a condition, and in a loop, what each one of them does."""
    if node.type in {"if_statement", "for_statement"}:
        return _body(node.named_children[-1])
    return table(_value(node))


def _fields(node: Node) -> frozenset[str]:
    """The fields that an object type asks for."""
    found = [one for one in node.named_children if one.type == "object_property"]
    return frozenset(_text(one.named_children[0]) for one in found if not _text(one).endswith("?"))


def _decorators(node: Node) -> dict[str, Value]:
    calls = [one.named_children[0] for one in node.named_children]
    return {_text(call.children[0]): _argument(call) for call in calls}


def _argument(call: Node) -> Value:
    found = call.named_children[-1].named_children
    return _value(found[0]) if found else None


def _value(node: Node) -> Value:
    match node.type:
        case "string":
            inner = [one.type for one in node.named_children]
            return Code(_text(node)) if "interpolation" in inner else _unquoted(_text(node))
        case "number":
            return int(_text(node))
        case "boolean" | "null":
            return _LITERALS[_text(node)]
        case "array":
            return [_value(one) for one in node.named_children if one.type != "comment"]
        case "object":
            return dict(_property(one) for one in node.named_children if one.type == "object_property")
        case _:
            return Code(_text(node))


def _property(node: Node) -> tuple[str, Value]:
    key, value = node.named_children
    return _unquoted(_text(key)), _value(value)


def _plain(node: Node) -> str:
    return _unquoted(_text(node))


def _unquoted(text: str) -> str:
    quotes = 3 if text.startswith("'''") else 1
    return text[quotes:-quotes].replace("\\'", "'") if text.startswith("'") else text


def _is_use(node: Node) -> bool:
    """Whether an identifier refers to something of the file: no key, declaration or function, and no local name."""
    parent = node.parent
    if parent is None or (parent.type in _NAMING and parent.named_children[0] == node):
        return False
    following = node.next_sibling  # In a list the grammar takes `f().x` for two entries, `f` and `().x`.
    if following and following.start_byte == node.end_byte and _text(following).startswith("("):
        return False
    return _text(node) not in _locals(node)


def _locals(node: Node) -> Iterator[str]:
    """The names that loops and lambdas around a node give to what they go through."""
    around = node.parent
    while around is not None:
        if around.type in {"for_statement", "lambda_expression"}:
            first = around.named_children[0]
            yield from (_text(one) for one in (first, *first.named_children))
        around = around.parent


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _text(node: Node) -> str:
    return (node.text or b"").decode()
