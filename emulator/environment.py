"""What each program of the box is told by its environment, as Azure tells a Function App by its app settings.

Knows the names. Refuses to pass on anything of the machine's own environment beyond what any program needs: whoever is
signed in to Azure on this machine must not be met by the box.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from emulator.logs import WORKSPACE
from emulator.ports import HOST, Ports

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
TENANT = "22222222-2222-2222-2222-222222222222"
AUDIENCE = "api://postern"
APP_OBJECT = "00000000-0000-0000-0000-0000000000a1"  # The app's identity.
OWNER_OBJECT = "00000000-0000-0000-0000-0000000000c1"  # Whoever looks behind the app: owner of everything.
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a secret that everybody knows").decode()
ACCOUNT = "devstoreaccount1"  # Azurite's one account
AWS_ACCOUNT, AWS_REGION = "123456789012", "eu-west-1"  # The account is moto's own.
PASSED_ON = frozenset(
    (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "PYTHONDONTWRITEBYTECODE",
        "BOX_LOG_LEVEL",
        "EMULATOR_LOG_LEVEL",
    )
)


def find_directory(environ: Mapping[str, str], ports: Ports, root: Path) -> Path:
    """Where the box keeps its state. A box on other ports than the usual has a folder of its own."""
    if named := environ.get("BOX_DIR"):
        return Path(named).absolute()
    return root / ".box" if ports == Ports() else root / ".box" / str(ports.azurite)


def describe_machine(environ: Mapping[str, str]) -> dict[str, str]:
    """What any program needs, and no more. Logs are written at once, so that a killed program's last words are kept."""
    return {**{name: value for name, value in environ.items() if name in PASSED_ON}, "PYTHONUNBUFFERED": "1"}


def describe_emulator(ports: Ports, directory: Path) -> dict[str, str]:
    """What the ARM emulator is told."""
    return {
        "EMULATOR_PORT": str(ports.emulator),
        "AZURITE_PORT": str(ports.azurite),
        "BOX_DIR": str(directory),
        "IDENTITY_HEADER": "box",
        **describe_trust(directory),
    }


def describe_trust(directory: Path) -> dict[str, str]:
    """The box's certificate, for clients on aiohttp or httpx (the first name) and on requests (the second)."""
    return {"SSL_CERT_FILE": str(directory / "cert.pem"), "REQUESTS_CA_BUNDLE": str(directory / "cert.pem")}


def describe_identity(ports: Ports) -> dict[str, str]:
    """A managed identity, as App Service offers one ("How to use managed identities", REST endpoint reference)."""
    return {
        "IDENTITY_ENDPOINT": f"https://{HOST}:{ports.emulator}/msi/token",
        "IDENTITY_HEADER": "box",
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
    }


def describe_app(ports: Ports, directory: Path) -> dict[str, str]:
    """The app settings: what infra/ sets on Azure, with the box's addresses."""
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsDisableHomepage": "true",
        "AzureWebJobsStorage__queueServiceUri": f"https://{HOST}:{ports.queues}/{ACCOUNT}",
        "AzureWebJobsStorage__tableServiceUri": f"https://{HOST}:{ports.tables}/{ACCOUNT}",
        "WEBSITE_AUTH_ENABLED": "True",
        "POSTERN_TRUST_EASY_AUTH": "true",
        "POSTERN_SUBSCRIPTIONS": SUBSCRIPTION,
        "POSTERN_SHORTEST_DURATION": "PT5S",
        "POSTERN_INVENTORY_AGE": "PT1S",
        "POSTERN_ARM_ENDPOINT": f"https://{HOST}:{ports.emulator}",
        "POSTERN_WORKSPACE": WORKSPACE,
        "POSTERN_LOGS_ENDPOINT": f"https://{HOST}:{ports.emulator}",
        "POSTERN_IDENTITY": APP_OBJECT,
        **describe_webhooks(ports),
        **describe_identity(ports),
        **describe_trust(directory),
    }


def describe_aws(port: int) -> dict[str, str]:
    """The app settings with which instances in the AWS beside the box are guarded too."""
    place = f"{AWS_ACCOUNT}:{AWS_REGION}"
    return {"POSTERN_AWS": place, "POSTERN_AWS_AUDIENCE": "api://aws", "POSTERN_AWS_ENDPOINT": f"http://{HOST}:{port}"}


def describe_webhooks(ports: Ports) -> dict[str, str]:
    """The box's own receiver is told everything, and signs with a secret that protects nothing."""
    receiver = {"url": f"https://{HOST}:{ports.emulator}/_hooks/box"}
    return {
        "POSTERN_ADDRESS": f"http://{HOST}:{ports.postern}",
        "POSTERN_WEBHOOK_HOSTS": f"{HOST}:{ports.emulator}",
        "POSTERN_WEBHOOK_PREFIXES": f"{HOST}/32",
        "POSTERN_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "POSTERN_NOTIFICATIONS": json.dumps([receiver]),
        "POSTERN_ENDING_SOON": "PT3S",
    }


def describe_host(ports: Ports, directory: Path) -> dict[str, str]:
    """What the Functions host is told besides: on Azure these are the platform's own affairs."""
    return {
        "POSTERN_PORT": str(ports.postern),
        "BOX_OPENID_ISSUER": f"https://{HOST}:{ports.emulator}/{TENANT}/v2.0",
        "BOX_AUDIENCE": AUDIENCE,
        "BOX_TIMERS": str(directory / "timers.json"),
    }
