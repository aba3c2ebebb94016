"""Write the custom connector for Power Automate, Power Apps and Logic Apps, as the app describes itself.

    python -m scripts.connector             writes the connector that is kept in infra/connector
    python -m scripts.connector --host <host> --audience <audience> --client <id> --tenant <id> --out <folder>
                                            writes one for your app, ready to be made

It needs Python 3.13 with `requirements.txt`, and asks nobody anything. No secret goes in: that of the client is given
where the connector is made. docs/teams.md says what to do with the files.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from shared.triggers.swagger import describe_for_connectors

PLACE: Final = Path(__file__).parents[1] / "infra" / "connector"
HOST: Final = "postern.example.com"
"""The host that stands in the connector that is kept: everybody has another."""

_DEFINITION, _PROPERTIES, _ICON = "apiDefinition.swagger.json", "apiProperties.json", "icon.png"


def definition(host: str = HOST) -> str:
    """The calls and the trigger, for the app at `host`."""
    return _text(describe_for_connectors(host))


def properties(audience: str, client: str, tenant: str) -> str:
    """How to sign in: whom tokens are for, by which application, of which tenant."""
    kept: dict[str, Any] = json.loads((PLACE / _PROPERTIES).read_text("utf-8"))
    settings = kept["properties"]["connectionParameters"]["token"]["oAuthSettings"]
    settings["clientId"] = client
    settings["customParameters"]["resourceUri"]["value"] = audience
    settings["customParameters"]["tenantId"]["value"] = tenant
    return _text(kept)


def _text(document: object) -> str:
    return f"{json.dumps(document, indent=2, ensure_ascii=False)}\n"


def main(words: Sequence[str] | None = None) -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m scripts.connector", description="Write the custom connector.")
    parser.add_argument("--host", default=HOST, help="where the app is reached, such as postern.azurewebsites.net")
    parser.add_argument("--audience", help="the Application ID URI of the app, as its tokens name it")
    parser.add_argument("--client", help="the client id of the application that signs people in for the connector")
    parser.add_argument("--tenant", help="the id of your tenant")
    parser.add_argument("--out", type=Path, default=PLACE, help="the folder to write to")
    given = parser.parse_args(words)
    who = (given.audience, given.client, given.tenant)
    if given.out != PLACE and not all(who):
        parser.error("a connector of your own needs --audience, --client and --tenant")
    if given.out == PLACE and (given.host != HOST or any(who)):
        parser.error("a connector of your own needs --out: the one that is kept names nobody's app")
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / _DEFINITION).write_text(definition(given.host), "utf-8")
    if given.out != PLACE:
        (given.out / _PROPERTIES).write_text(properties(*who), "utf-8")
        shutil.copyfile(PLACE / _ICON, given.out / _ICON)
    print(f"The connector is in {given.out}.")


if __name__ == "__main__":
    main()
