"""The page about signing in says what the script, the roles and the deployment are."""

import re
import shlex

from scripts.register_app import GIVE, WRITE, parse
from scripts.registration import AZURE_CLI, CALLBACK
from shared.triggers.callers import Role
from tests.docs.test_docs import DOCS, page

PAGE = page("sign-in.md")
OBJECT = "00000000-0000-0000-0000-000000000001"


def commands() -> list[list[str]]:
    """The lines of the page that run the script, as a shell reads them."""
    lines = re.findall(r"^python -m scripts\.register_app *(.*)$", PAGE, re.MULTILINE)
    filled = [re.sub(r"<object id[^>]*>", OBJECT, line).replace("<app>", "postern.example.com") for line in lines]
    return [shlex.split(line, comments=True) for line in filled]


def test_every_command_of_the_page_is_taken_by_the_script() -> None:
    taken = [parse(one) for one in commands()]
    assert (6, 4) == (len(taken), sum(len(one.assign) for one in taken))


def test_the_roles_are_named_and_no_other() -> None:
    [told] = re.findall(r"The roles are ([^;]+);", PAGE)
    assert {role.removeprefix("Postern.") for role in Role} == set(re.split(r", | and ", told.replace("\n", " ")))


def test_every_option_that_the_page_names_exists() -> None:
    known = set(re.findall(r'"(--[a-z-]+)"', (DOCS.parent / "scripts" / "register_app.py").read_text("utf-8")))
    assert [] == [name for name in re.findall(r"`(--[a-z-]+)", PAGE) if name not in known]


def test_the_rights_that_it_takes_are_named() -> None:
    rights = re.findall(r"\w+\.ReadWrite\.All", f"{WRITE} {GIVE}")
    assert {"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"} == set(rights)
    assert [] == [right for right in rights if f"`{right}`" not in PAGE]


def test_what_the_deployment_gives_and_takes_is_there() -> None:
    bicep = (DOCS.parent / "infra" / "main.bicep").read_text("utf-8")
    parameters = (DOCS.parent / "infra" / "main.bicepparam").read_text("utf-8")
    assert [] == [name for name in ("address", "identityPrincipalId") if f"output {name} " not in bicep]
    named = ("POSTERN_CLIENT_ID", "POSTERN_CLIENT_APPLICATIONS")
    assert [] == [name for name in named if name not in PAGE or f"'{name}'" not in parameters]


def test_the_client_id_of_the_azure_cli_and_the_way_back_are_those_of_the_script() -> None:
    assert [] == [text for text in (AZURE_CLI, CALLBACK) if f"`{text}`" not in PAGE]
