"""Starting is what users of a function app wait for: importing the app loads nothing of Azure but the worker's library.

The times are reported, never judged: this machine is not Azure, and other work goes on beside it.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.triggers.fresh import ROOT

BARE = """import azure.functions as func

app = func.FunctionApp()


@app.route("api/health")
async def health(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("healthy")
"""
PROBE = """import json, sys, time
begun = time.perf_counter()
import function_app
seconds = time.perf_counter() - begun
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""
ROUNDS = 5


def imported(folder: Path) -> dict[str, Any]:
    """What a fresh interpreter tells of `import function_app` in a folder: `seconds` and `modules`."""
    command = [sys.executable, "-c", PROBE]
    done = subprocess.run(command, cwd=folder, env={}, check=True, capture_output=True, text=True)  # noqa: S603 - our own interpreter and text.
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def modules() -> set[str]:
    return set(imported(ROOT)["modules"])


def test_of_azure_only_the_functions_library_is_loaded(modules: set[str]) -> None:
    azure = {name for name in modules if name.split(".")[0] in {"azure", "msrest", "msal"}}
    assert set() == {name for name in azure if name != "azure" and name.split(".")[1] != "functions"}


@pytest.mark.parametrize("package", ["pydantic", "pydantic_core", "aiohttp", "httpx", "requests", "cryptography"])
def test_nothing_heavy_is_loaded(modules: set[str], package: str) -> None:
    assert package not in modules


@pytest.mark.parametrize("package", ["emulator", "tests"])
def test_nothing_of_the_box_is_loaded(modules: set[str], package: str) -> None:
    assert package not in modules


def test_the_time_to_import_the_app_is_reported_beside_that_of_a_bare_app(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    (tmp_path / "function_app.py").write_text(BARE, "utf-8")
    folders = {"postern": ROOT, "bare": tmp_path}
    # In turns, so that whatever else goes on here meets both alike; the first round only writes byte code.
    rounds = [{name: imported(folder)["seconds"] for name, folder in folders.items()} for _ in range(ROUNDS + 1)][1:]
    for name in folders:
        record_property(f"seconds to import: {name}", median(one[name] for one in rounds))
    assert ROUNDS == len(rounds)
