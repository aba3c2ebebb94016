"""`python -m emulator.functions [--app DIR]`: run a function app on 127.0.0.1, on POSTERN_PORT.

Knows arguments, signals and exit statuses: 0 after a stop that was asked for, 1 when the app or a setting is refused.
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path

from emulator.functions import catalog
from emulator.functions.catalog import CatalogError
from emulator.functions.host import App, serve
from emulator.functions.settings import SettingsError, read_host_file, read_local_settings, read_settings
from emulator.functions.worker import IndexingError, Worker

_QUIET = ("azure.core", "azure.identity", "azure.functions", "uvicorn", "httpx", "asyncio")


def main(arguments: list[str]) -> int:
    """Run the host; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m emulator.functions", description=__doc__.partition("\n")[0])
    parser.add_argument("--app", type=Path, default=Path(), help="the function app's folder")
    app = parser.parse_args(arguments).app.resolve()
    try:
        asyncio.run(run(app))
    except (SettingsError, CatalogError, IndexingError, OSError) as error:
        sys.stderr.write(f"The function app in {app} does not start:\n{error}\n")
        return 1
    return 0


async def run(app: Path) -> None:
    """Index and serve an app until SIGTERM or SIGINT; raises what main tells of."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Standing in for Azure, which sets these before the app's modules are imported.
    for name, value in {"FUNCTIONS_WORKER_RUNTIME": "python", **read_local_settings(app)}.items():
        os.environ.setdefault(name, value)
    settings, file = read_settings(os.environ), read_host_file(app)
    set_up_log(settings.log_level)
    worker = Worker(app)
    functions = catalog.read(await worker.index(), os.environ, file.prefix)
    with socket.create_server(("127.0.0.1", settings.port), backlog=512) as door:
        sys.stdout.write(f"{len(functions)} functions at http://127.0.0.1:{settings.port}\n")
        sys.stdout.flush()
        await serve(App(functions, worker, file, os.environ), settings, door, stop)
    # An app has no moment at which it could close its connections, and on Azure ends with them open, unremarked.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def set_up_log(level: str) -> None:
    """Everything to stderr; libraries stay quiet unless they warn."""
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(stream=sys.stderr, level=level, format=form)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
