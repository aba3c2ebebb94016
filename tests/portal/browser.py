"""Which Chromium the portal is tried in.

Knows where one may be: the machine's own, else the one that Playwright fetched for itself. Refuses to install any:
`make test` does, where a build machine is root on Debian or Ubuntu.
"""

import shutil
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NONE: Final = (
    "no Chromium to try the portal in: install your system's package, or run `.venv/bin/playwright install chromium`"
)
# Without a sandbox, since build machines run as root; the pages are our own.
OPTIONS: Final = ("--no-sandbox", "--disable-dev-shm-usage")


def find_chromium(fetched: Path) -> str | None:
    """The program to start, where `fetched` is what Playwright would have fetched; None where there is none."""
    own = next((path for name in NAMES if (path := shutil.which(name))), None)
    return own or (str(fetched) if fetched.exists() else None)
