"""The app as a fresh worker sees it: `function_app.py` run anew, since its functions can be listed only once."""

import runpy
from functools import cache
from pathlib import Path
from typing import Final

import azure.functions as func

ROOT: Final = Path(__file__).parents[2]


@cache
def functions() -> dict[str, func.Function]:
    """The functions of the app by name."""
    app: func.FunctionApp = runpy.run_path(str(ROOT / "function_app.py"))["app"]
    return {str(function.get_function_name()): function for function in app.get_functions()}
