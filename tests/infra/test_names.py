"""What a compiler would say of names, of modules and their parameters, of scopes and of API versions."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.bicep import (
    INFRA,
    MAIN,
    Code,
    File,
    Module,
    Parameter,
    Resource,
    Value,
    list_bicep,
    names_of_outputs,
    read,
    read_values,
)

# Source: learn.microsoft.com, "Bicep functions" and "Decorators".
FUNCTIONS = frozenset(
    ("allowed", "any", "batchSize", "bool", "cidrSubnet", "concat", "contains", "deployment", "description",
     "discriminator", "empty", "environment", "filter", "first", "format", "guid", "indexOf", "int", "items",
     "join", "json", "last", "length", "loadJsonContent", "loadTextContent", "managementGroup",
     "managementGroupResourceId", "map", "max", "maxLength", "maxValue", "metadata", "min", "minLength",
     "minValue", "range", "reduce", "replace", "resourceGroup", "resourceId", "sealed", "secure", "sort",
     "split", "string", "subscription", "subscriptionResourceId", "take", "tenant", "tenantResourceId",
     "toLower", "toObject", "toUpper", "trim", "union", "uniqueString")
)  # fmt: skip
FILES = list_bicep()
MODULES = [(read(path), module) for path in FILES for module in read(path).modules.values()]
EACH = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INFRA)))
EACH_MODULE = pytest.mark.parametrize(("file", "module"), MODULES, ids=[module.symbol for _, module in MODULES])


def target(file: File, module: Module) -> File:
    return read((file.path.parent / module.path).resolve())


def resources() -> Iterator[Resource]:
    return (one for path in FILES for one in read(path).resources.values())


@EACH
def test_every_name_that_is_used_is_declared(path: Path) -> None:
    assert set() == read(path).used - set(read(path).declared)


@EACH
def test_no_name_is_declared_twice(path: Path) -> None:
    assert sorted(set(read(path).declared)) == sorted(read(path).declared)


@EACH
def test_every_parameter_variable_type_and_reference_is_used(path: Path) -> None:
    file = read(path)
    existing = {one.symbol for one in file.resources.values() if one.existing}
    assert set() == (set(file.parameters) | set(file.variables) | set(file.types) | existing) - file.used


@EACH
def test_every_function_that_is_called_exists(path: Path) -> None:
    assert set() == read(path).called - FUNCTIONS


@EACH
def test_every_parameter_says_what_it_is(path: Path) -> None:
    assert [] == [one.name for one in read(path).parameters.values() if not one.decorators.get("description")]


@EACH_MODULE
def test_a_module_exists(file: File, module: Module) -> None:
    assert (file.path.parent / module.path).resolve() in FILES


@EACH_MODULE
def test_a_module_is_given_what_it_needs_and_nothing_else(file: File, module: Module) -> None:
    known = target(file, module).parameters
    required = {one.name for one in known.values() if one.required}
    assert (set(), set()) == (required - set(module.parameters), set(module.parameters) - set(known))


@EACH_MODULE
def test_a_module_is_given_objects_with_the_fields_that_it_asks_for(file: File, module: Module) -> None:
    known, given = target(file, module).parameters, module.parameters
    assert {} == {name: value for name, value in given.items() if not fits(value, known[name])}


def fits(value: Value, parameter: Parameter) -> bool:
    return not parameter.fields or not isinstance(value, dict) or set(value) == parameter.fields


@EACH_MODULE
def test_a_module_gives_the_outputs_that_are_read(file: File, module: Module) -> None:
    assert set() == names_of_outputs(file, module.symbol) - set(target(file, module).outputs)


@EACH_MODULE
def test_a_module_is_deployed_into_its_scope(file: File, module: Module) -> None:
    scope, known = module.body.get("scope"), target(file, module).scope
    text = scope.text if isinstance(scope, Code) else ""
    ways = {"subscription": ("subscription(",), "resourceGroup": ("group", "resourceGroup("), "managementGroup": ("",)}
    assert known == file.scope or text.startswith(ways[known])


def test_every_module_is_deployed_by_somebody() -> None:
    used = {target(file, module).path for file, module in MODULES}
    assert set() == set((INFRA / "modules").glob("*.bicep")) - used


def test_every_output_of_a_module_is_read() -> None:
    given = {
        (target(file, module).path.name, name) for file, module in MODULES for name in target(file, module).outputs
    }
    taken = {(Path(m.path).name, name) for file, m in MODULES for name in names_of_outputs(file, m.symbol)}
    assert set() == given - taken


def test_the_values_that_main_is_told_are_its_parameters() -> None:
    told = read_values(INFRA / "main.bicepparam")
    assert set(read(MAIN).parameters) == set(told.variables) - {"called", "clientId"}
    assert set() == told.used - set(told.declared)


def test_what_the_environment_does_not_say_is_the_default() -> None:
    text = (INFRA / "main.bicepparam").read_text("utf-8")
    told = dict(re.findall(r"^param (\w+) = [\w(]*readEnvironmentVariable\('\w+', '([^'$]*)'\)", text, re.MULTILINE))
    defaults = {one.name: one.default for one in read(MAIN).parameters.values() if one.name != "name"}
    plain = {name: spoken(value) for name, value in defaults.items() if isinstance(value, str | int)}
    assert plain == {name: told.get(name) for name in plain}


def spoken(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_a_type_has_one_api_version_which_is_a_date() -> None:
    versions = defaultdict(set)
    for one in resources():
        versions[one.type].add(one.version)
    assert {} == {type_: found for type_, found in versions.items() if len(found) > 1}
    assert [] == [
        v for found in versions.values() for v in found if not re.fullmatch(r"20\d\d-\d\d-\d\d(-preview)?", v)
    ]


def test_no_resource_id_is_written_out() -> None:
    found = {path.name: re.findall(r"'[^'\n]*/(?:subscriptions|providers)/[^'\n]*'", read(path).text) for path in FILES}
    assert {} == {name: ids for name, ids in found.items() if ids}
