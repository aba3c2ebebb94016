"""The benchmarks still run: a short form of each, whose figures nobody reads."""

import asyncio
import sys

from emulator.box import ROOT


async def test_the_list_of_machines_is_measured_beside_what_one_would_write_by_hand() -> None:
    command = (sys.executable, "-m", "benchmarks.inventory", "--machines", "250", "--runs", "1", "--pause", "0")
    program = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await program.communicate()
    lines = output.decode().splitlines()
    assert (0, True) == (program.returncode, lines[0].startswith("250 machines"))
    assert ["first call", "GET /api/m", "every list"] == [line[:10] for line in lines[2:5]]
    assert all(float(figure) > 0 for line in lines[2:5] for figure in line.split()[-4:])
