"""Setting up: nothing twice, nothing half."""

import ast
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import install
from emulator.install import Place, SetupError, Step, Workshop

SCRIPT = Path(install.__file__)


class Diary:
    """Steps that note that they ran, in a place of their own, and what was written on the terminal."""

    def __init__(self, root: Path) -> None:
        self.place = Place(root)
        self.ran: list[str] = []
        self.said = ""
        for name in ("one", "two"):
            (root / name).write_text("1.0", "ascii")

    def step(self, name: str, fails: Callable[[], bool] = lambda: False) -> Step:
        def run(shop: Workshop) -> None:
            self.ran.append(name)
            if fails():
                raise SetupError(f"{name} cannot be done")
            (shop.place.tools / f"{name}-result").touch()

        return Step(name, name, lambda place: place.tools / f"{name}-result", run)

    def install(self, *steps: Step) -> list[str]:
        self.ran, self.said = [], ""
        install.install(self.place, steps, self.write, live=False)
        return self.ran

    def write(self, text: str) -> None:
        self.said += text


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    return Diary(tmp_path)


def put_program(folder: Path, name: str, code: str) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{code}\n", "ascii")
    program.chmod(0o755)
    return program


def test_the_second_run_does_nothing_and_says_nothing(diary: Diary) -> None:
    assert diary.install(diary.step("one"), diary.step("two")) == ["one", "two"]
    assert diary.install(diary.step("one"), diary.step("two")) == []
    assert not diary.said


def test_each_step_is_a_line_with_its_seconds(diary: Diary) -> None:
    diary.install(diary.step("one"), diary.step("two"))
    assert [line.split()[0] for line in diary.said.splitlines()[1:]] == ["one", "two"]
    assert all(line.endswith(" s") for line in diary.said.splitlines()[1:])


def test_a_changed_lock_file_repeats_its_step_alone(diary: Diary) -> None:
    diary.install(diary.step("one"), diary.step("two"))
    (diary.place.root / "two").write_text("1.1", "ascii")
    assert diary.install(diary.step("one"), diary.step("two")) == ["two"]


def test_a_result_that_was_removed_is_made_again(diary: Diary) -> None:
    diary.install(diary.step("one"), diary.step("two"))
    (diary.place.tools / "one-result").unlink()
    assert diary.install(diary.step("one"), diary.step("two")) == ["one"]


def test_an_installation_that_failed_is_continued_where_it_failed(diary: Diary) -> None:
    with pytest.raises(SetupError, match="two cannot be done"):
        diary.install(diary.step("one"), diary.step("two", lambda: True))
    assert diary.install(diary.step("one"), diary.step("two")) == ["two"]


def test_a_step_that_fails_when_it_is_repeated_is_not_taken_for_done(diary: Diary) -> None:
    diary.install(diary.step("one"))
    (diary.place.root / "one").write_text("1.1", "ascii")
    with pytest.raises(SetupError):
        diary.install(diary.step("one", lambda: True))
    assert diary.install(diary.step("one")) == ["one"]


def test_a_new_venv_asks_for_its_packages_again(tmp_path: Path) -> None:
    packages = next(step for step in install.STEPS if step.name == "Python packages")
    assert install.stamp_of(Place(tmp_path), packages).parent == tmp_path / ".venv"


def test_a_program_that_fails_is_quoted(diary: Diary) -> None:
    diary.place.tools.mkdir()
    shop = Workshop(diary.place, lambda: None)
    with pytest.raises(SetupError, match=r"(?s)sh ended with status 3:.*no such luck"):
        shop.run("/bin/sh", "-c", "echo no such luck; exit 3")


def test_a_version_managers_empty_shim_is_passed_by(tmp_path: Path) -> None:
    put_program(tmp_path / "shims", "python3.13", "echo 'no such version' >&2; exit 127")
    real = put_program(tmp_path / "real", "python3.13", "echo Python 3.13.7")
    found = install.find_pythons(os.pathsep.join([str(tmp_path / "shims"), str(real.parent)]))
    assert [name for name in found if name != sys.executable] == [str(real)]


@pytest.mark.parametrize(
    ("answer", "version"), [("v24.19.0", (24, 19, 0)), ("uv 0.13.9 (abc 2026)", (0, 13, 9)), ("none", ())]
)
def test_versions_are_read_as_programs_print_them(tmp_path: Path, answer: str, version: tuple[int, ...]) -> None:
    assert install.read_version(put_program(tmp_path, "program", f"echo '{answer}'")) == version


def test_the_machines_own_uv_is_used_where_it_is_new_enough(
    diary: Diary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = put_program(tmp_path / "bin", "uv", "echo uv 1.0.0")
    monkeypatch.setenv("PATH", f"{mine.parent}:/usr/bin:/bin")
    install.install_uv(Workshop(diary.place, lambda: None))
    assert diary.place.uv.resolve() == mine


def test_the_machines_own_node_is_used_where_it_is_new_enough(
    diary: Diary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = put_program(tmp_path / "bin", "node", "echo v22.0.0")
    put_program(tmp_path / "bin", "npm", "echo 11.0.0")
    monkeypatch.setenv("PATH", f"{mine.parent}:/usr/bin:/bin")
    install.install_node(Workshop(diary.place, lambda: None))
    assert diary.place.node.resolve() == mine


def test_what_npm_installs_comes_from_its_lock_file_into_a_folder_of_its_own(
    diary: Diary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = put_program(tmp_path / "bin", "npm", 'cat package-lock.json > installed; echo "$@" >> installed')
    monkeypatch.setenv("PATH", f"{mine.parent}:/usr/bin:/bin")
    (tmp_path / "tests" / "packages").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        (tmp_path / "tests" / "packages" / name).write_text(f"{name}\n", "ascii")
    install.install_by_npm("tests/packages", Workshop(diary.place, lambda: None))
    installed = (diary.place.tools / "packages" / "installed").read_text("ascii")
    assert installed == "package-lock.json\nci --ignore-scripts --no-audit --no-fund\n"


@pytest.mark.parametrize("step", install.STEPS, ids=lambda step: step.name)
def test_the_file_that_pins_a_step_exists(step: Step) -> None:
    assert (SCRIPT.parents[1] / step.lock).is_file()


def test_the_script_reads_as_python_of_the_oldest_kind_it_promises() -> None:
    assert ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 8)).body


def test_the_script_needs_the_standard_library_alone() -> None:
    nodes = list(ast.walk(ast.parse(SCRIPT.read_text("utf-8"))))
    froms = {node.module.split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    plain = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert (froms | plain) - sys.stdlib_module_names == set()
