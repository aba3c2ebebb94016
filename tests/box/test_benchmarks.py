"""The benchmarks still run: a short form of each, whose figures nobody reads."""

import asyncio
import re
import shutil
import sys

import pytest

from emulator.box import ROOT


async def test_the_list_of_machines_is_measured_beside_what_one_would_write_by_hand() -> None:
    command = (sys.executable, "-m", "benchmarks.inventory", "--machines", "250", "--runs", "1", "--pause", "0")
    program = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await program.communicate()
    lines = output.decode().splitlines()
    assert (0, True) == (program.returncode, lines[0].startswith("250 machines"))
    assert ["first call", "GET /api/m", "every list"] == [line[:10] for line in lines[2:5]]
    assert all(float(figure) > 0 for line in lines[2:5] for figure in line.split()[-4:])


async def test_grants_that_end_together_are_closed_soon_and_none_too_early() -> None:
    """Ten seconds and not five: other tests may take the processors meanwhile. `make bench-deadlines` holds to five."""
    size = ("--grants", "40", "--groups", "4", "--seconds", "10", "--lead", "20", "--by-hand", "0", "--allowed", "10")
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.deadlines", *size, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await program.communicate()
    lines = output.decode().splitlines()
    figures = [float(figure) for figure in lines[-1].split()[-4:]]
    assert (0, "Postern, 40 grants") == (program.returncode, lines[-1][:18])
    assert 2 < figures[0] <= figures[1] <= figures[2] < 20
    # One write each would be forty.
    assert figures[3] < 40


async def test_a_month_of_flows_is_looked_back_at_and_counted_as_it_was_made() -> None:
    """No limits here: other tests may take the processors meanwhile. `make bench-activity` holds to two and five."""
    size = ("--machines", "10", "--rows", "2000", "--runs", "1", "--pause", "0")
    limits = ("--machine-limit", "60", "--tenant-limit", "60")
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.activity", *size, *limits, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await program.communicate()
    lines = output.decode().splitlines()
    assert (0, True) == (program.returncode, lines[0].startswith("10 machines, 30 days, "))
    assert ["first call", *["GET /api/a"] * 4, "one query "] == [line[:10] for line in lines[3:9]]
    assert [60, 60, 60, 60] == [float(line.split()[-1]) for line in lines[4:8]]
    made, told, by_hand, _rows = map(int, re.findall(r"\d+", lines[9]))
    assert 2500 < made == told == by_hand < 3000


@pytest.mark.skipif(not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), reason="no Chromium")
async def test_the_portal_is_scrolled_with_one_page_of_machines_and_with_all() -> None:
    size = ("--machines", "450", "--steps", "20")
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.portal", *size, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await program.communicate()
    lines = output.decode().splitlines()
    assert (0, "450 machines", "first rows") == (program.returncode, lines[0][:12], lines[1][:10])
    assert ["200 rows shown", "450 rows shown"] == [line[:21].strip() for line in lines[2:]]
    assert all(float(figure) > 0 for line in lines[2:] for figure in line.split()[-3:])
