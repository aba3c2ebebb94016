"""Build dist/postern.zip: exactly what Azure runs, and nothing else.

    make package                               builds it, and tells what is in it
    make package AWS=1                         with what guarding instances of Amazon EC2 needs besides
    python scripts/package.py --list           names every file as well

The dependencies of requirements.txt are in it, each held against its hash, installed for Linux on x86_64, and compiled:
nothing is built or fetched when it is deployed. The same sources and the same Python give the same bytes. It needs
Python 3.13, whose bytecode goes in, and uv. The exit status is 1 where something stands in the way, such as a file in
`shared` that has no business there.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT: Final = Path(__file__).resolve().parent.parent
TOP: Final = ("function_app.py", "host.json", "requirements.txt")
"""The files beside `shared` that are deployed."""

SITE: Final = Path(".python_packages/lib/site-packages")
"""Where the Functions host of Azure looks for an app's dependencies."""

_PYTHON: Final = (3, 13)
_PLATFORM: Final = "x86_64-manylinux_2_28"
_EXPECTED: Final = {
    "shared": {".py"},
    "shared/adapters/queries": {".kql"},
    "shared/hosts": {".ps1", ".sh"},
    "shared/portal": {".css", ".html", ".js", ".json", ".svg", ".txt"},
}
"""What may lie in a folder of the app and below it."""

# What uv notes about an installation, and the commands of packages: they name this machine's folders.
_NOTES: Final = (".lock", "bin", "*.dist-info/INSTALLER", "*.dist-info/RECORD", "*.dist-info/REQUESTED")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # The earliest time that a zip can tell.
_MODE: Final = 0o100644 << 16
_UNIX: Final = 3
_MEBIBYTE: Final = 1 << 20


class PackageError(Exception):
    """The package cannot be built; the text says why."""


def app_files(root: Path) -> list[Path]:
    """What is deployed of the sources, below `root`. Raises PackageError where something else lies among it."""
    found = [path.relative_to(root) for path in _walk(root / "shared")]
    foreign = sorted(str(path) for path in found if not _is_expected(path))
    missing = [name for name in TOP if not (root / name).is_file()]
    if foreign or missing:
        raise PackageError(
            "\n".join([*(f"{one} is missing" for one in missing), *(f"{one} is no part of the app" for one in foreign)])
        )
    return sorted([*map(Path, TOP), *found])


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _is_expected(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and any(
        path.suffix in suffixes and path.is_relative_to(folder) for folder, suffixes in _EXPECTED.items()
    )


def install(requirements: Path, target: Path) -> None:
    """The pinned dependencies, as Azure's Linux wants them. Raises PackageError."""
    _run(
        *(find_uv(), "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"),
        *("--python", sys.executable, "--python-version", ".".join(map(str, _PYTHON)), "--python-platform", _PLATFORM),
        *("--link-mode", "copy", "--target", str(target), "-r", str(requirements)),
    )
    for pattern in _NOTES:
        for path in target.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    _check_installed(requirements, target)


def _check_installed(requirements: Path, target: Path) -> None:
    """Each distribution that is there is pinned, and the other way round."""
    pinned = {
        _plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", requirements.read_text("utf-8"), re.MULTILINE)
    }
    installed = {_plain(path.name.partition("-")[0]) for path in target.glob("*.dist-info")}
    if odd := sorted(pinned ^ installed):
        raise PackageError(f"{requirements.name} and what is installed differ: {', '.join(odd)}")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def find_uv() -> str:
    """The repository's uv, else the machine's. Raises PackageError."""
    ours = ROOT / ".tools" / "bin" / "uv"
    found = str(ours) if ours.exists() else shutil.which("uv")
    if not found:
        raise PackageError("There is no uv: run `make setup`, or install it.")
    return found


def compile_all(folder: Path) -> None:
    """Bytecode beside each module, that is believed without a look at the source: times in a zip mean nothing."""
    # Sets in the code are written in the order of their hashes, so these must be the same each time.
    _run(
        *(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder)),
        str(folder),
        PYTHONHASHSEED="0",
    )


def _run(*command: str, **environ: str) -> None:
    # What bends the tools of this repository towards another environment must not bend what is built.
    kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    ended = subprocess.run(  # noqa: S603 - our own commands.
        command, env={**kept, **environ}, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise PackageError(
            f"{Path(command[0]).name} ended with status {ended.returncode}:\n{ended.stderr or ended.stdout}"
        )


def stage(root: Path, folder: Path, requirements: str = TOP[-1]) -> None:
    """Everything that is deployed, in a folder of its own, which is emptied first. Raises PackageError."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in app_files(root):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, folder / path)
    install(root / requirements, folder / SITE)
    compile_all(folder)


def write_zip(folder: Path, target: Path) -> list[ZipInfo]:
    """The files of a folder, in the order of their names and all of one age; what was written."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    partial = target.with_suffix(".part")
    with ZipFile(partial, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            entry = ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.compress_type, entry.create_system, entry.external_attr = ZIP_DEFLATED, _UNIX, _MODE
            archive.writestr(entry, path.read_bytes(), compresslevel=9)
    partial.replace(target)
    return archive.infolist()


def build(root: Path, dist: Path, requirements: str = TOP[-1]) -> list[ZipInfo]:
    """`postern.zip` in the folder `dist`, and beside it the folder that it was made of. Raises PackageError."""
    if sys.version_info[:2] != _PYTHON:
        raise PackageError(
            f"This is Python {sys.version.partition(' ')[0]}; the app runs on 3.13, and so does its bytecode."
        )
    folder = dist / "package"
    stage(root, folder, requirements)
    written = write_zip(folder, dist / "postern.zip")
    # azd goes by such a list where there is one, and else by habits of its own, which have left out bytecode.
    (folder / ".funcignore").write_text("# Everything here is deployed.\n", "utf-8")
    return written


def summarise(entries: Iterable[ZipInfo]) -> Iterator[str]:
    """A line for each top-level folder or file: how many files, their size, and their size in the zip."""
    files, sizes, packed = Counter[str](), Counter[str](), Counter[str]()
    for entry in entries:
        for name in (entry.filename.partition("/")[0], "in all"):
            files[name] += 1
            sizes[name] += entry.file_size
            packed[name] += entry.compress_size
    for name, count in files.items():
        if name != "in all":
            yield _line(name, count, sizes[name], packed[name])
    yield _line("in all", files["in all"], sizes["in all"], packed["in all"])


def _line(name: str, count: int, size: int, packed: int) -> str:
    return f"{name:20}{count:6} files{size / _MEBIBYTE:8.2f} MiB{packed / _MEBIBYTE:8.2f} MiB zipped"


def main(arguments: Sequence[str]) -> int:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where to put it")
    parser.add_argument("--aws", action="store_true", help="with requirements-aws.txt")
    parser.add_argument("--list", action="store_true", help="name every file")
    given = parser.parse_args(arguments)
    try:
        written = build(ROOT, given.dist, "requirements-aws.txt" if given.aws else TOP[-1])
    except PackageError as error:
        print(f"Nothing was packaged. {error}", file=sys.stderr)
        return 1
    target = given.dist / "postern.zip"
    named = [f"{entry.file_size:9} {entry.filename}" for entry in written if given.list]
    print(*named, *summarise(written), sep="\n")
    print(f"{target}  sha256 {hashlib.sha256(target.read_bytes()).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
