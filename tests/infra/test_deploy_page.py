"""docs/deploy.md tells the parameters, outputs, names and commands that there are."""

import ast
import re
import shlex

import pytest

from tests.infra.bicep import INFRA, MAIN, Parameter, read, table

PAGE = (INFRA.parent / "docs/deploy.md").read_text("utf-8")
VALUES = (INFRA / "main.bicepparam").read_text("utf-8")
NAMES = r"readEnvironmentVariable\('(\w+)'"
TOLD = r"^(?:param|var) (\w+) = (.*?)\n(?=param|var|//|\n|\Z)"
VARIABLES: dict[str, str] = dict(re.findall(TOLD, VALUES, re.MULTILINE | re.DOTALL))
BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")


def rows() -> list[list[str]]:
    """The table of parameters, as main.bicep and main.bicepparam have them."""
    return [
        [f"`{one.name}`", _environment(one.name), _default(one), str(one.decorators["description"])]
        for one in read(MAIN).parameters.values()
    ]


def _environment(parameter: str) -> str:
    found = VARIABLES[parameter]
    told = VARIABLES.get(found, found)  # Two values are used more than once, and have names in the file.
    return ", ".join(f"`{name}`" for name in re.findall(NAMES, told))


def _default(parameter: Parameter) -> str:
    one_line = re.sub(r"(?<=\w)\n +(?=\w)", ", ", parameter.written)
    return "needed" if parameter.required else f"`{' '.join(one_line.split())}`"


def test_the_table_has_the_parameters_with_their_defaults() -> None:
    written = re.findall(r"^\| (`\w+`) \| (.*?) \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows() == [list(row) for row in written]


def test_the_outputs_that_are_asked_for_exist() -> None:
    asked = set(re.findall(r"\$\(output (\w+)\)", BLOCKS))
    assert {"address", "appName", "resourceGroupName", "identityPrincipalId"} <= asked <= set(read(MAIN).outputs)


def test_the_environment_that_is_set_is_read() -> None:
    exported = set(re.findall(r"^export (\w+)=", BLOCKS, re.MULTILINE))
    exported |= set(re.findall(r"azd env set (\w+)", BLOCKS))
    assert set() == exported - set(re.findall(NAMES, VALUES))


@pytest.mark.parametrize("line", re.findall(r"^ *python -m (scripts\..*)$", BLOCKS, re.MULTILINE))
def test_scripts_are_called_with_options_that_they_have(line: str) -> None:
    name, *words = shlex.split(line, comments=True)
    source = (INFRA.parent / f"{name.replace('.', '/')}.py").read_text("utf-8")
    known = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert [] == [word for word in words if word.startswith("--") and word not in known]


def test_the_setting_that_is_removed_last_is_the_one_that_is_made() -> None:
    made = read(INFRA / "modules/activity-log.bicep").resources["setting"].body["name"]
    assert f"diagnostic-settings subscription delete --name {made}" in PAGE


def test_the_app_is_stopped_before_its_locks_go_and_roles_are_listed_before_their_group_goes() -> None:
    section = PAGE.partition("## Removing it\n")[2]
    listing = "role definition list --custom-role-only true --resource-group"
    steps = ("functionapp stop", "scripts.close_all", "scripts.close_hosts", listing, "group delete")
    assert steps == tuple(sorted(steps, key=section.index))


def test_the_alerts_are_those_that_are_made() -> None:
    rules = read(INFRA / "modules/alerts.bicep").variables["rules"]
    section = PAGE.partition("## What alerts there are\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| (?!alert)(\w.*?) \|", section, re.MULTILINE)
    assert isinstance(rules, list)
    assert sorted(str(table(one)["title"]).removeprefix("Postern: ") for one in rules) == sorted(told)
