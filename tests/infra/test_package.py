"""What `make package` builds: exactly the app, the same each time, and able to start from what is in it alone."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import pytest

from emulator.environment import describe_app
from emulator.ports import Ports
from scripts.package import ROOT, TOP, PackageError, app_files, build, summarise
from tests.house.sources import list_files

PROGRAM: Final = Path(__file__).with_name("start_package.py")
WORKER: Final = ("azure_functions_runtime", "google")  # Microsoft's worker library, and the form of its messages.
PATIENCE: Final = 60  # seconds


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's sources as they are now."""
    root = tmp_path_factory.mktemp("sources")
    for path in (*(ROOT / name for name in TOP), *list_files("shared/**")):
        target = root / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return root


@pytest.fixture(scope="module")
def package(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip."""
    dist = tmp_path_factory.mktemp("dist")
    build(sources, dist)
    return dist / "postern.zip"


@pytest.fixture(scope="module")
def names(package: Path) -> list[str]:
    """What is in the zip."""
    with ZipFile(package) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def started(package: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the package says when it is started with nothing but the standard library and Azure's own worker."""
    app, helpers = tmp_path_factory.mktemp("app"), tmp_path_factory.mktemp("worker")
    with ZipFile(package) as archive:
        archive.extractall(app)
    (helpers / "emulator").symlink_to(ROOT / "emulator")
    for name in WORKER:
        [found] = (ROOT / ".venv" / "lib").glob(f"python3.*/site-packages/{name}")
        (helpers / name).symlink_to(found)
    ended = subprocess.run(  # noqa: S603 - our own program.
        [sys.executable, "-I", "-S", PROGRAM, app, helpers, "health", "GET", "https://postern.example/api/health"],
        env=describe_app(Ports(), app), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert 0 == ended.returncode, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def test_nothing_of_tests_box_docs_and_templates_is_in_it(names: list[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert {".python_packages", "__pycache__", "function_app.py", "host.json", "requirements.txt", "shared"} == tops


def test_every_source_of_the_app_is_in_it(names: list[str]) -> None:
    sources = {str(path.relative_to(ROOT)) for path in list_files("shared/**")}
    assert sources == {name for name in names if name.startswith("shared/") and not name.endswith(".pyc")}


def test_each_module_has_its_bytecode(names: list[str]) -> None:
    modules = {name for name in names if name.startswith("shared/") and name.endswith(".py")}
    compiled = {name.replace("__pycache__/", "").replace(".cpython-313.pyc", ".py") for name in names}
    assert (True, set()) == (len(modules) > 100, modules - compiled)


def test_no_file_tells_where_it_was_built(package: Path) -> None:
    with ZipFile(package) as archive:
        places = [str(ROOT).encode(), str(package.parent).encode()]
        assert [] == [name for name in archive.namelist() if any(place in archive.read(name) for place in places)]


def test_its_libraries_are_for_linux_on_x86_64(names: list[str]) -> None:
    libraries = [name for name in names if name.endswith((".so", ".dylib", ".pyd"))]
    assert (True, []) == (bool(libraries), [one for one in libraries if "linux" not in one and "abi3" not in one])


def test_the_same_sources_give_the_same_bytes(sources: Path, package: Path, tmp_path: Path) -> None:
    build(sources, tmp_path)
    assert package.read_bytes() == (tmp_path / "postern.zip").read_bytes()


def test_azd_is_told_to_leave_nothing_out(package: Path) -> None:
    lines = (package.parent / "package" / ".funcignore").read_text().splitlines()
    assert [] == [line for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("stray", ["shared/.env", "shared/notes.md", "shared/domain/data.json", "shared/keys.pem"])
def test_a_file_that_is_no_part_of_the_app_stops_it(sources: Path, tmp_path: Path, stray: str) -> None:
    root = tmp_path / "root"
    shutil.copytree(sources, root)
    (root / stray).write_text("?")
    with pytest.raises(PackageError, match=f"{stray} is no part of the app"):
        app_files(root)


def test_a_file_that_is_missing_stops_it(sources: Path, tmp_path: Path) -> None:
    shutil.copytree(sources / "shared", tmp_path / "shared")
    with pytest.raises(PackageError, match=r"host\.json is missing"):
        app_files(tmp_path)


def test_it_starts_with_every_function_from_the_package_alone(started: dict[str, Any]) -> None:
    assert (True, True, []) == ("health" in started["functions"], len(started["functions"]) > 20, started["foreign"])


def test_it_says_that_it_is_well(started: dict[str, Any]) -> None:
    assert (200, "healthy", []) == (started["status"], started["document"]["status"], started["document"]["problems"])


def test_the_summary_tells_the_folders_and_the_whole(package: Path) -> None:
    with ZipFile(package) as archive:
        lines = list(summarise(archive.infolist()))
    firsts = [line.split()[0] for line in lines]
    assert [
        ".python_packages",
        "__pycache__",
        "function_app.py",
        "host.json",
        "requirements.txt",
        "shared",
        "in",
    ] == firsts
