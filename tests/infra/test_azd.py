"""What `azd up` is told agrees with the templates and the scripts, and its hooks pass on what they learn."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from azure.identity.aio import DefaultAzureCredential
from ruamel.yaml import YAML

from scripts.azd import CLIENT, CREDENTIAL, OUTPUTS, Programs, main, register_as_azd
from scripts.register_app import _parser

ROOT: Final = Path(__file__).parents[2]
FILE: Final[dict[str, Any]] = YAML(typ="safe").load(ROOT / "azure.yaml")
API: Final[dict[str, Any]] = FILE["services"]["api"]
ID: Final = "6f1c1a0e-2f3d-4c5b-8a69-788796a5b4c3"
IDENTITY: Final = "00000000-0000-0000-0000-0000000000a1"
OUTCOME: Final = {CLIENT: ID, "address": "https://postern.example", "identityPrincipalId": IDENTITY}


@dataclass
class Record:
    """Programs that note what they are asked, and answer as they are told to."""

    says: str = f"make the application Postern\nclient id  {ID}\ntenant     t\n"
    status: int = 0
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def register(self, arguments: Sequence[str]) -> int:
        _parser().parse_args(arguments)
        self.asked.append(("register", *arguments))
        print(self.says, end="")  # noqa: T201 - As the script does.
        return self.status

    def azd(self, arguments: Sequence[str]) -> int:
        self.asked.append(("azd", *arguments))
        return 0

    def run(self, step: str, **environ: str) -> int:
        return main([step], environ, Programs(self.register, self.azd))


def commands() -> list[list[str]]:
    """Every command line of a hook."""
    hooks = [*FILE["hooks"].values(), *API["hooks"].values()]
    return [shlex.split(one["run"]) for hook in hooks for one in hook.values()]


def test_before_makes_the_registration_and_tells_azd_its_client_id() -> None:
    record = Record()
    assert 0 == record.run("before")
    assert [("register", "--azure-cli"), ("azd", "env", "set", "POSTERN_CLIENT_ID", ID)] == record.asked


def test_before_mends_the_registration_that_azd_knows() -> None:
    record = Record()
    assert 0 == record.run("before", POSTERN_CLIENT_ID=ID)
    assert ("register", "--azure-cli", "--client-id", ID) == record.asked[0]


def test_before_passes_on_what_the_script_said(capsys: pytest.CaptureFixture[str]) -> None:
    record = Record()
    record.run("before")
    assert record.says == capsys.readouterr().out


@pytest.mark.parametrize(
    ("says", "status", "expected"), [("", 2, 2), (f"client id  {ID}\n", 1, 1), ("nothing\n", 0, 2)]
)
def test_before_stops_azd_where_there_is_no_registration(says: str, status: int, expected: int) -> None:
    record = Record(says, status)
    assert (expected, 1) == (record.run("before"), len(record.asked))


def test_after_tells_the_registration_address_and_identity() -> None:
    record = Record()
    assert 0 == record.run("after", **OUTCOME)
    told = ("--client-id", ID, "--address", "https://postern.example", "--identity", IDENTITY)
    assert [("register", *told)] == record.asked


@pytest.mark.parametrize("name", OUTCOME)
def test_after_says_what_is_missing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    record = Record()
    assert 2 == record.run("after", **{known: value for known, value in OUTCOME.items() if known != name})
    assert ([], True) == (record.asked, name in capsys.readouterr().err)


def test_a_step_that_does_not_exist_is_refused() -> None:
    assert 2 == Record().run("afterwards")


def test_the_registration_is_made_with_azds_sign_in_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CREDENTIAL[0], "dev")
    with pytest.raises(SystemExit):
        register_as_azd(["--help"])
    assert ("AzureDeveloperCliCredential", "AZURE_TOKEN_CREDENTIALS") == (os.environ[CREDENTIAL[0]], CREDENTIAL[0])
    assert ["AzureDeveloperCliCredential"] == [type(one).__name__ for one in DefaultAzureCredential().credentials]


def test_the_templates_put_out_what_the_hooks_read() -> None:
    text = (ROOT / "infra" / "main.bicep").read_text("utf-8")
    assert [] == [name for name in OUTPUTS if f"output {name} string" not in text]
    assert CLIENT in (ROOT / "infra" / "main.bicepparam").read_text("utf-8")


def test_azd_finds_the_app_by_its_tag() -> None:
    assert "'azd-service-name': 'api'" in (ROOT / "infra" / "modules" / "app.bicep").read_text("utf-8")


def test_the_package_is_sent_as_it_is() -> None:
    told = {name: API[name] for name in ("project", "language", "host", "dist", "remoteBuild")}
    expected = {"project": ".", "language": "py", "host": "function", "dist": "dist/package", "remoteBuild": False}
    assert expected == told


def test_each_hook_is_the_same_on_every_system() -> None:
    hooks = [*FILE["hooks"].values(), *API["hooks"].values()]
    assert [("sh", "pwsh")] * 3 == [(hook["posix"]["shell"], hook["windows"]["shell"]) for hook in hooks]
    assert [] == [hook for hook in hooks if hook["posix"]["run"] != hook["windows"]["run"]]


def test_each_hook_runs_a_script_of_ours_with_the_apps_python() -> None:
    version = (ROOT / ".python-version").read_text().strip()
    for words in commands():
        assert ["uv", "run", "--no-project", "--python", version] == words[:5]
        ours = {word.replace(".", "/") + ".py" if word.startswith("scripts.") else word for word in words}
        assert [True] == [(ROOT / word).is_file() for word in ours if word.startswith("scripts/")]
