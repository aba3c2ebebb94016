"""Starts the functions of an unpacked package with Microsoft's worker library, and asks one of them something.

    python -I -S start_package.py APP WORKER FUNCTION METHOD URL

The package has to bring all that it needs: the path is its own folder, its own site-packages and the standard library,
and last WORKER, a folder with the worker library and the box's host, as Azure's image brings its own. Prints JSON: the
names of all functions, the answer's status and document, and every file that was imported from elsewhere.
"""

import asyncio
import json
import sys
from pathlib import Path


def list_foreign(*homes: Path) -> list[str]:
    """The files of modules that lie in none of these folders, and are not Python's own."""
    own = (*homes, Path(json.__file__).parents[1])
    files = [Path(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))]
    return sorted(str(file) for file in files if not any(file.is_relative_to(home) for home in own))


async def main(app: Path, name: str, method: str, url: str) -> None:
    """Index, ask, and tell."""
    # They are on the path only now.
    from emulator.functions.exchange import Request  # noqa: PLC0415
    from emulator.functions.worker import Call, Succeeded, Worker  # noqa: PLC0415

    worker = Worker(app)
    functions = {function.name: function for function in await worker.index()}
    argument = next(str(one["name"]) for one in functions[name].bindings if one["type"] == "httpTrigger")
    call = Call(functions[name].id, argument, Request(method, url), "0af76519-16cd-43dd-8448-eb211c80319c")
    outcome = await worker.invoke(call)
    response = outcome.response if isinstance(outcome, Succeeded) else None
    told = {
        "functions": sorted(functions),
        "status": response.status if response else str(outcome),
        "document": json.loads(response.body) if response else None,
        "foreign": list_foreign(app, Path(sys.path[-1]), Path(__file__)),
    }
    sys.stdout.write(json.dumps(told))
    worker.stop()


if __name__ == "__main__":
    place, helpers = Path(sys.argv[1]), sys.argv[2]
    # Azure's worker puts the app's folder first, then its packages, and its own behind them.
    sys.path = [str(place / ".python_packages/lib/site-packages"), *sys.path, helpers]
    asyncio.run(main(place, *sys.argv[3:6]))
