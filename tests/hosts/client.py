"""The tests' end of the computer: give it orders as Azure Arc would, knock at it, and look inside."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.packets.client import APART
from tests.packets.hosts import OFFICE, STRANGER

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 10.0  # seconds, for the computer to end

type Knock = tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Run:
    """How a run of the script ended."""

    code: int
    output: str
    error: str

    @property
    def report(self) -> dict[str, Any]:
        """The last line, without its mark."""
        report: dict[str, Any] = json.loads(self.output.splitlines()[-1].removeprefix("POSTERN-GATE "))
        return report


class Computer:
    """A computer that runs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def order(self, settings: Mapping[str, str]) -> Run:
        """Run the script with these parameters."""
        return Run(**self._ask("gate", settings=dict(settings)))

    def again(self) -> Run:
        """Run the copy that the script left, as the computer itself does."""
        return Run(**self._ask("again"))

    def open_to(self, *knocks: Knock) -> list[Knock]:
        """Which of these get in: a source's address, a port and `tcp` or `udp`."""
        answers = self._ask("knock", knocks=knocks)
        return [knock for knock, answered in zip(knocks, answers, strict=True) if answered]

    def who_gets_in(self, port: int = 22, protocol: str = "tcp") -> set[str]:
        """Which addresses of the office and of the stranger get in."""
        sources = (*OFFICE.addresses, *STRANGER.addresses)
        return {source for source, _, _ in self.open_to(*((source, port, protocol) for source in sources))}

    def hold(self, source: str, port: int) -> None:
        """Open a session from this address, and keep it."""
        self._ask("hold", source=source, port=port)

    def speak(self) -> bool:
        """Whether the session that was opened last still goes on."""
        return bool(self._ask("speak"))

    def nft(self, line: str, text: str | None = None) -> str:
        """What nftables say on this computer."""
        return str(self._ask("run", line=f"nft {line}", text=text))

    def files(self) -> dict[str, str]:
        """Every file where the script may write, with its mode."""
        files: dict[str, str] = self._ask("files")
        return files

    def read(self, path: str) -> str:
        """A file of this computer."""
        return str(self._ask("read", path=path))

    def put(self, path: str, text: str) -> None:
        """A program or a file on this computer."""
        self._ask("put", path=path, text=text)

    def boot_with_systemd(self) -> None:
        """From here on systemd is there and notes what it is asked for in `/run/asked`."""
        self._ask("boot with systemd")

    def forget(self) -> None:
        """Begin with nothing again."""
        self._ask("forget")

    def hear(self) -> Any:  # noqa: ANN401 - JSON.
        """The next line that the computer says. Raises RuntimeError when it has ended."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the computer has ended; what it said last stands above")
        return json.loads(line)

    def _ask(self, job: str, **words: Any) -> Any:  # noqa: ANN401 - JSON.
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": job, **words}) + "\n")
        self._process.stdin.flush()
        answer = self.hear()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["answer"]


@contextmanager
def start() -> Iterator[Computer]:
    """A computer for as long as the block lasts. It ends with its input, and takes its namespaces along."""
    command = [*APART, sys.executable, "-m", "tests.hosts.machine"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own.
        try:
            computer = Computer(process)
            assert computer.hear() == "ready"
            yield computer
            assert process.stdin
            process.stdin.close()
            process.wait(PATIENCE)
        finally:
            process.kill()


def names_in(listing: str, names: Iterable[str]) -> set[str]:
    """Which of our rules stand in a listing of nft."""
    return {name for name in names if f'comment "{name}"' in listing}
