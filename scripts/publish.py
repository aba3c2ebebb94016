"""Deploy dist/postern.zip to a function app on a Flex Consumption plan, and wait until Azure says that it is in place.

    python scripts/publish.py --subscription <id> --resource-group <name> --app <name>

It sends the zip as it is: nothing is built in Azure. (`az functionapp deployment source config-zip` always has Python
apps built again there, from what the registries give that day.) It needs Python 3.13 with `requirements.txt`, and a
sign-in (`az login`, a federated pipeline, or what else DefaultAzureCredential finds) with the role Website Contributor
on the app. It may be repeated. The exit status is 0 when the package is in place, 1 when Azure refused or failed it,
and 2 when the app cannot be reached.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from azure.core import PipelineClient
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.identity import DefaultAzureCredential

type Json = dict[str, Any]
type Pause = Callable[[float], None]

PACKAGE: Final = Path(__file__).parents[1] / "dist" / "postern.zip"
FAILED: Final[Mapping[int, str]] = {
    -1: "was cancelled",
    3: "failed",
    5: "was given up for another that is under way",
    6: "succeeded in part only",
}
"""What the deployment service's numbers mean that end a deployment badly."""

_DONE: Final = 4
_AZURE: Final = "https://management.azure.com"
_VERSION: Final = "2024-04-01"
_LOOK_AGAIN: Final = 2.0  # seconds
_PATIENCE: Final = 900.0  # seconds
_FORGOTTEN: Final = 10  # looks after which a deployment that is not there is believed to be gone
_UPLOAD: Final = 300  # seconds without an answer
_LONGEST_WORDS: Final = 500


class PublishError(Exception):
    """Azure does not have the package in place; the text says why."""


@dataclass(frozen=True, slots=True)
class Deployer:
    """Speaks to Azure Resource Manager and to the app's deployment site."""

    client: PipelineClient[HttpRequest, HttpResponse]
    pause: Pause

    def find_site(self, app: str) -> str:
        """Where packages for the app at this address are taken. Raises AzureError, or PublishError for nowhere."""
        properties = self._read(f"{app}?api-version={_VERSION}")["properties"]
        hosts = [one["name"] for one in properties.get("hostNameSslStates", ()) if one.get("hostType") == "Repository"]
        if not hosts:
            raise PublishError("The app has no deployment site.")
        return f"https://{hosts[0]}"

    def send(self, site: str, package: bytes) -> str:
        """Hand the package over; the deployment's id. Raises AzureError, or PublishError where another goes on."""
        request = HttpRequest(
            "POST",
            f"{site}/api/publish",
            params={"RemoteBuild": "false", "Deployer": "postern"},
            headers={"Content-Type": "application/zip"},
            content=package,
        )
        response = self.client.send_request(request, connection_timeout=_UPLOAD, read_timeout=_UPLOAD)
        if response.status_code == 409:  # noqa: PLR2004 - Conflict.
            raise PublishError("Another deployment of this app is under way. Try again when it is over.")
        response.raise_for_status()
        return str(response.json())

    def wait(self, site: str, id_: str) -> None:
        """Return when the deployment is in place. Raises AzureError, or PublishError where it ended otherwise."""
        missed = 0
        for _ in range(int(_PATIENCE / _LOOK_AGAIN)):
            self.pause(_LOOK_AGAIN)
            try:
                told = self._read(f"{site}/api/deployments/{id_}")
            except HttpResponseError as error:
                # The site knows a deployment only a moment after it took it, and restarts when one is in place.
                missed += 1
                if error.status_code != 404 or missed > _FORGOTTEN:  # noqa: PLR2004 - Not Found.
                    raise
                continue
            if told["status"] == _DONE:
                return
            if told["status"] in FAILED:
                raise PublishError(f"The deployment {FAILED[told['status']]}. {told.get('status_text') or ''}".strip())
        raise PublishError(f"The deployment is not in place after {_PATIENCE / 60:.0f} minutes.")

    def _read(self, url: str) -> Json:
        response = self.client.send_request(HttpRequest("GET", url))
        response.raise_for_status()
        document: Json = response.json()
        return document


def run(deployer: Deployer, app: str, package: bytes) -> int:
    """Deploy to the app at this address of Azure; the exit status."""
    try:
        site = deployer.find_site(app)
    except (AzureError, PublishError) as error:
        print(f"The app cannot be reached: {_explain(error)}", file=sys.stderr)
        return 2
    try:
        deployment = deployer.send(site, package)
        print(f"deployment {deployment}: {len(package) / 2**20:.1f} MiB sent to {site}", flush=True)
        deployer.wait(site, deployment)
    except (AzureError, PublishError) as error:
        print(f"NOT deployed: {_explain(error)}", file=sys.stderr)
        return 1
    print("deployed")
    return 0


def _explain(error: Exception) -> str:
    """What went wrong, with the words of whoever refused."""
    words = error.response.text() if isinstance(error, HttpResponseError) and error.response else ""
    return " ".join(f"{str(error).partition('\n')[0]} {words[:_LONGEST_WORDS]}".split())


def main(arguments: Sequence[str], pause: Pause = time.sleep) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscription", required=True)
    parser.add_argument("--resource-group", required=True)
    parser.add_argument("--app", required=True, help="the function app's name")
    parser.add_argument("--package", type=Path, default=PACKAGE, help="dist/postern.zip unless told")
    parser.add_argument("--endpoint", default=_AZURE, help="Azure Resource Manager, elsewhere than in the public cloud")
    parser.add_argument("--scope", help="what the token is asked for, where that is not <endpoint>/.default")
    given = parser.parse_args(arguments)
    if not given.package.is_file():
        parser.error(f"there is no {given.package}: build it with `make package`")
    endpoint = given.endpoint.rstrip("/")
    group = f"{endpoint}/subscriptions/{given.subscription}/resourceGroups/{given.resource_group}"
    with DefaultAzureCredential() as credential:
        token = BearerTokenCredentialPolicy(credential, given.scope or f"{endpoint}/.default")
        # An upload that was lost may have arrived: it is not sent twice, and whoever runs this decides.
        with PipelineClient[HttpRequest, HttpResponse](endpoint, policies=[RetryPolicy(), token]) as client:
            app = f"{group}/providers/Microsoft.Web/sites/{given.app}"
            return run(Deployer(client, pause), app, given.package.read_bytes())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
