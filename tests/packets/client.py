"""The tests' end of the lab: whether there can be one here, how to start it, and what to ask of it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from shared.domain.rules import Nsg
from tests.domain.bridge import as_arm
from tests.packets.firewall import Ways, compile_groups
from tests.packets.hosts import Answer, Host, Probe

ROOT: Final = Path(__file__).parents[2]
APART: Final = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
PATIENCE: Final = 10.0  # seconds, for the lab to end


def find_obstacle() -> str | None:
    """Why there can be no lab here; None where there can."""
    if sys.platform != "linux":
        return "needs Linux"
    if missing := [name for name in ("unshare", "ip", "nft") if not shutil.which(name)]:
        return f"needs {', '.join(missing)}: `make test-packets` as root installs them on Debian and Ubuntu"
    if os.geteuid() != 0:
        return "needs root"
    if not Path("/proc/sys/net/ipv6").exists():
        return "needs IPv6"
    tried = subprocess.run([*APART, "nft", "list", "tables"], capture_output=True, text=True, check=False)  # noqa: S603 - our own.
    return f"namespaces or nftables are not permitted here: {tried.stderr.strip()}" if tried.returncode else None


class Lab:
    """A lab that runs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._low, self._high = cycle(range(10_000, 30_000)), cycle(range(30_000, 60_000))

    def enforce(self, groups: Iterable[Nsg], ways: Ways) -> None:
        """Put these groups in force; connections that stand are not touched."""
        arm = {one.id: [as_arm(rule) for rule in (*one.rules, *one.defaults)] for one in groups}
        self._ask("apply", script=compile_groups(arm, ways))

    def probe(self, *probes: Probe, keep: bool = False) -> list[Answer]:
        """Send all at once. What is kept stays connected, to `speak` again."""
        answers = self._ask("probe", probes=[asdict(one) for one in probes], keep=keep)
        return [Answer(**one) for one in answers]

    def reach(self, sources: Iterable[Host], destination: Host, port: int = 22) -> dict[Host, str]:
        """What becomes of a new connection from each of these hosts."""
        named = tuple(sources)
        answers = self.probe(*(self.aim(one.v4, destination.v4, port) for one in named))
        return {host: answer.outcome for host, answer in zip(named, answers, strict=True)}

    def speak(self, probe: Probe) -> str:
        """What becomes of more words over the connection of a probe that was kept."""
        return str(self._ask("speak", port=probe.source_port))

    def forget(self) -> None:
        """Make the fabric forget every connection."""
        self._ask("forget")

    def hang_up(self) -> None:
        """Give up every connection that was kept."""
        self._ask("hang up")

    def aim(self, source: str, destination: str, port: int, protocol: str = "tcp") -> Probe:
        """A probe from a source port that none had for long: from 30000 up to odd ports, below that to even ones."""
        source_port = next(self._high if port % 2 else self._low)
        return Probe(source, destination, port, protocol, source_port)

    def _ask(self, job: str, **words: Any) -> Any:  # noqa: ANN401 - JSON.
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": job, **words}) + "\n")
        self._process.stdin.flush()
        answer: Mapping[str, Any] = self.hear()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["answer"]

    def hear(self) -> Any:  # noqa: ANN401 - JSON.
        """The next line that the lab says. Raises RuntimeError when it has ended."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the lab has ended; what it said last stands above")
        return json.loads(line)


@contextmanager
def start() -> Iterator[Lab]:
    """A lab for as long as the block lasts. It ends with its input, and takes its namespaces along."""
    command = [*APART, sys.executable, "-m", "tests.packets.lab"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own.
        try:
            lab = Lab(process)
            assert lab.hear() == "ready"
            yield lab
            assert process.stdin
            process.stdin.close()
            process.wait(PATIENCE)
        finally:
            process.kill()
