"""What `azd up` does before and after it has deployed infra/: it makes the app registration, and completes it.

    python -m scripts.azd before     makes or mends the registration, and tells azd its client id
    python -m scripts.azd after      tells the registration the app's address, and the identity that it may trust

azure.yaml calls it, with the azd environment in the environment. It signs in as azd does, so that the registration is
made in the tenant of azd's subscription, whoever the Azure CLI is signed in as. The exit status is that of
scripts/register_app.py.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scripts import register_app

CLIENT: Final = "POSTERN_CLIENT_ID"
"""What azd's environment calls the client id; infra/main.bicepparam reads it."""

CREDENTIAL: Final = ("AZURE_TOKEN_CREDENTIALS", "AzureDeveloperCliCredential")
"""The setting by which DefaultAzureCredential signs in as azd and as nobody else."""

OUTPUTS: Final = ("address", "identityPrincipalId")
"""The outputs of infra/main.bicep that the registration is told; azd puts them into the environment."""


@dataclass(frozen=True, slots=True)
class Programs:
    """What is run: each takes its arguments and gives its exit status."""

    register: Callable[[Sequence[str]], int]
    azd: Callable[[Sequence[str]], int]


def before(environ: Mapping[str, str], programs: Programs) -> int:
    """Have a registration, and let azd know which."""
    known = environ.get(CLIENT)
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        status = programs.register(["--azure-cli", *(["--client-id", known] if known else [])])
    print(heard.getvalue(), end="")
    found = re.search(r"^client id +(\S+)$", heard.getvalue(), re.MULTILINE)
    if status or not found:
        return status or 2
    return programs.azd(["env", "set", CLIENT, found[1]])


def after(environ: Mapping[str, str], programs: Programs) -> int:
    """Let people sign in at the app's address, and let the app's identity stand for a secret."""
    missing = [name for name in (CLIENT, *OUTPUTS) if not environ.get(name)]
    if missing:
        print(f"azd's environment has no {', '.join(missing)}: run `azd provision`.", file=sys.stderr)
        return 2
    address, identity = (environ[name] for name in OUTPUTS)
    return programs.register(["--client-id", environ[CLIENT], "--address", address, "--identity", identity])


def register_as_azd(arguments: Sequence[str]) -> int:
    """scripts/register_app.py with azd's own sign-in, for which azd takes the tenant of its subscription."""
    name, value = CREDENTIAL
    os.environ[name] = value
    return register_app.main(arguments)


def run_azd(arguments: Sequence[str]) -> int:
    """The azd of this machine."""
    return subprocess.run(["azd", *arguments], check=False).returncode  # noqa: S603, S607 - azd is what called this.


def main(arguments: Sequence[str], environ: Mapping[str, str], programs: Programs) -> int:
    """Do the one or the other."""
    steps = {"before": before, "after": after}
    if len(arguments) != 1 or arguments[0] not in steps:
        print(__doc__, file=sys.stderr)
        return 2
    return steps[arguments[0]](environ, programs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, Programs(register_as_azd, run_azd)))
