"""What to do next with a computer outside Azure, as commands for whoever sits at it.

Every value in a command is checked to be a plain name and quoted for its shell. No command holds a secret: whoever
runs it signs in, or has signed in.

Source: Azure documentation, "Connect hybrid machines to Azure using a deployment script", "azcmagent connect",
"azcmagent check", "azcmagent disconnect", "Manage and maintain the Azure Connected Machine agent", "Install and manage
the Azure Monitor agent"; "Naming rules and restrictions for Azure resources" (resource groups).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.domain.computers import ArcServer, Computer
from shared.domain.issues import Issue
from shared.domain.readiness import State

LINUX, WINDOWS = SYSTEMS = ("Linux", "Windows")

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_GROUP: Final = re.compile(r"[-\w.()]{0,89}[-\w()]")  # Letters of any alphabet; not a full stop at the end.
_LOCATION: Final = re.compile(r"[a-z0-9]{1,50}", re.ASCII)
_PLAIN: Final = re.compile(r"[-\w.()]+")
_CLOUDS: Final = {".usgovcloudapi.net": "AzureUSGovernment", ".chinacloudapi.cn": "AzureChinaCloud"}
_AGENT: Final = r'& "$env:ProgramW6432\AzureConnectedMachineAgent\azcmagent.exe"'
_MSI: Final = r"$env:TEMP\AzureConnectedMachineAgent.msi"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a computer's server in Azure Arc is to be. What is empty is unknown, which tenant and cloud may be."""

    subscription: str = ""
    group: str = ""
    location: str = ""
    tenant: str = ""
    cloud: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next: in words, and as commands of a shell ("bash" or "powershell"), if there are any."""

    text: str
    shell: str = ""
    commands: tuple[str, ...] = ()


def faults(place: Place, system: str, guarded: Collection[str]) -> Iterator[Issue]:
    """What is wrong with a place and an operating system that somebody wrote."""
    if system not in SYSTEMS:
        yield Issue("unknownValue", "os", f"os is {LINUX} or {WINDOWS}.")
    if not _GUID.fullmatch(place.subscription) or place.subscription.lower() not in guarded:
        yield Issue("unknownSubscription", "subscription", "subscription is the id of one that Postern guards.")
    if not _GROUP.fullmatch(place.group):
        text = "resourceGroup is a name of 1 to 90 letters, digits, dots, hyphens, underscores and parentheses."
        yield Issue("invalidResourceGroup", "resourceGroup", text)
    if not _LOCATION.fullmatch(place.location):
        yield Issue("invalidLocation", "location", "location is a region of Azure such as westeurope.")


def tenant_of(*told: str) -> str:
    """The first of these that is the id of a tenant; empty where none is."""
    return next((one for one in told if _GUID.fullmatch(one)), "")


def cloud_of(endpoint: str) -> str:
    """The cloud of an Azure Resource Manager, as the agent calls it; empty for the public one, which needs no name."""
    return next((cloud for domain, cloud in _CLOUDS.items() if endpoint.lower().endswith(domain)), "")


def usual_place(servers: Iterable[ArcServer]) -> Place:
    """Where most of the servers are, the first by name if several places have as many; nowhere if there are none."""
    counted = Counter((one.subscription, one.group.lower(), one.location) for one in servers)
    if not counted:
        return Place()
    most = max(counted.values())
    return Place(*min(place for place, number in counted.items() if number == most))


def onboarding(system: str, place: Place) -> Step:
    """How a computer becomes a server of Azure Arc. Raises ValueError for a place that is more than plain names."""
    text = "Install the agent of Azure Arc as an administrator, and sign in when it asks."
    if system == WINDOWS:
        return Step(text, "powershell", (*_install_on_windows(), f"{_AGENT} connect {_flags(place)}"))
    if system == LINUX:
        return Step(text, "bash", (*_install_on_linux(), f"sudo azcmagent connect {_flags(place)}"))
    return Step("Install the agent of Azure Arc on it. Which operating system it has, it does not say.")


def next_step(computer: Computer, state: State, place: Place) -> Step:
    """What to do next with a computer; `place` is where one goes that Azure Arc does not know."""
    try:
        return _step(computer, state, place)
    except ValueError:
        # Names from elsewhere that are more than names are put into no command.
        return Step(_TEXTS[state])


_TEXTS: Final = {
    State.EXPIRED: "Disconnect it and connect it anew: its identity has expired.",
    State.DISCONNECTED: "See on the computer whether it runs and reaches Azure.",
    State.NOT_ONBOARDED: "Install the agent of Azure Arc on it; say into which resource group and region.",
    State.NEEDS_UPDATE: "Update the agent of Azure Arc on it.",
    State.SILENT: "Install the Azure Monitor agent on it, with a data collection rule, or see why it is silent.",
    State.READY: "Nothing is to be done.",
}


def _step(computer: Computer, state: State, place: Place) -> Step:
    server, text = computer.server, _TEXTS[state]
    if server is None:
        return onboarding(computer.system, place) if place.group else Step(text)
    windows = computer.system == WINDOWS
    shell, agent = ("powershell", _AGENT) if windows else ("bash", "sudo azcmagent")
    own = Place(server.subscription, server.group, server.location, place.tenant, place.cloud)
    match state:
        case State.EXPIRED:
            connect = f"{agent} connect --resource-name {_quoted(server.name)} {_flags(own)}"
            return Step(text, shell, (f"{agent} disconnect", connect))
        case State.DISCONNECTED:
            return Step(text, shell, (f"{agent} show", f"{agent} check --location {_quoted(server.location)}"))
        case State.NEEDS_UPDATE:
            return Step(text, shell, tuple(_install_on_windows() if windows else _update_on_linux()))
        case State.SILENT:
            return Step(text, "bash", (_monitor(server, "Windows" if windows else "Linux"),))
    return Step(text)


def _install_on_linux() -> Iterator[str]:
    yield "wget https://aka.ms/azcmagent -O ~/Install_linux_azcmagent.sh"
    yield "sudo bash ~/Install_linux_azcmagent.sh"


def _update_on_linux() -> Iterator[str]:
    """One of these, by the distribution: each does nothing where its package manager is not there."""
    yield "command -v apt >/dev/null && sudo apt update && sudo apt upgrade azcmagent"
    yield "command -v yum >/dev/null && sudo yum update azcmagent"
    yield "command -v zypper >/dev/null && sudo zypper update azcmagent"


def _install_on_windows() -> Iterator[str]:
    yield "[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12"
    yield f'Invoke-WebRequest -UseBasicParsing -Uri https://aka.ms/AzureConnectedMachineAgent -OutFile "{_MSI}"'
    yield f'Start-Process msiexec.exe -Wait -ArgumentList "/i `"{_MSI}`" /qn"'


def _flags(place: Place) -> str:
    named = {
        "--subscription-id": place.subscription,
        "--resource-group": place.group,
        "--location": place.location,
        "--tenant-id": place.tenant,
        "--cloud": place.cloud,
    }
    return " ".join(f"{name} {_quoted(value)}" for name, value in named.items() if value)


def _monitor(server: ArcServer, system: str) -> str:
    kind = f"AzureMonitor{system}Agent"
    where = f"--subscription {_quoted(server.subscription)} --resource-group {_quoted(server.group)}"
    which = f"--machine-name {_quoted(server.name)} --location {_quoted(server.location)}"
    extension = f"--name {kind} --publisher Microsoft.Azure.Monitor --type {kind} --enable-auto-upgrade true"
    return f"az connectedmachine extension create {extension} {which} {where}"


def _quoted(value: str) -> str:
    """A plain name in the quotes that both shells take as they are. Raises ValueError for what is more than that."""
    if not _PLAIN.fullmatch(value):
        raise ValueError(f"{value!r} cannot stand in a command")
    return f"'{value}'"
