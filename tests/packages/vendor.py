"""Puts the released files of the portal's libraries where the portal has them: `make vendor`.

They are taken as npm has unpacked them, which holds each package against the hash in the lock file; the licences come
along. `tests/triggers/test_portal.py` holds what is committed against the same packages.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Final

from emulator.install import Place

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = Place(ROOT).packages
VENDOR: Final = ROOT / "shared" / "portal" / "vendor"
FILES: Final = {
    "preact-htm.js": "htm/preact/standalone.module.js",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
}
LICENCES: Final = ("htm", "preact", "uplot")  # Preact's code stands in the file of htm.


def describe(name: str) -> dict[str, str]:
    """What is to be known of a vendored file: its package, version, licence and hash."""
    file = PACKAGES / FILES[name]
    package = FILES[name].partition("/")[0]
    known = json.loads((PACKAGES / package / "package.json").read_text("utf-8"))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"package": package, "version": known["version"], "license": known["license"], "sha256": digest}


def vendor() -> None:
    """Copy everything."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    for name, source in FILES.items():
        shutil.copyfile(PACKAGES / source, VENDOR / name)
    for package in LICENCES:
        shutil.copyfile(PACKAGES / package / "LICENSE", VENDOR / f"LICENSE-{package}.txt")
    told = {name: describe(name) for name in FILES}
    (VENDOR / "vendor.json").write_text(json.dumps(told, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    vendor()
