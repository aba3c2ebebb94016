"""What the box says about itself when it is up: addresses, accounts, and lines to try in a shell.

Knows the app's public API as its users do. Refuses to do anything: it is text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.environment import SUBSCRIPTION

if TYPE_CHECKING:
    from emulator.box import Site

USERS = ("requestor", "approver", "administrator", "auditor", "outsider")
MACHINE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/demo/providers/Microsoft.Compute/virtualMachines/web-01"


def describe_box(site: Site) -> str:
    """Addresses and accounts, then commands that work as they stand in a POSIX shell with curl."""
    ports = site.ports
    return f"""\
  Portal, API     {site.postern}
  Azure (ARM)     {site.emulator}  (trust {site.directory / "cert.pem"})
  Azurite         blobs {ports.azurite}, queues {ports.queues}, tables {ports.tables}
  Logs            {site.directory / "logs"}
  Accounts        {", ".join(USERS)}

{describe_commands(site)}
Ctrl-C stops everything."""


def describe_commands(site: Site) -> str:
    """Lock a machine, ask for access, and see with the network's eyes."""
    return f"""\
Try it, in another shell:

  M={MACHINE}
  JSON='Content-Type: application/json'
  token() {{ curl -s {site.postern}/.auth/local/token -H "$JSON" -d "{{\\"user\\": \\"$1\\"}}" \\
    | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/'; }}

  # Which machines are there, and which need somebody?
  curl -s -H "Authorization: Bearer $(token auditor)" {site.postern}/api/machines?state=notConfigured

  # An administrator locks web-01.
  curl -s -X PUT -H "Authorization: Bearer $(token administrator)" \\
    {site.postern}/api/policies$M -H "$JSON" -d '{{"ports": [{{"number": 22}}]}}'

  # A requestor asks for SSH from one address, for one minute.
  curl -s -H "Authorization: Bearer $(token requestor)" {site.postern}/api/grants -H "$JSON" \\
    -d '{{"machine": "'$M'", "duration": "PT1M", "justification": "A look around",
             "ports": [{{"number": 22, "allowedSourceAddressPrefix": "203.0.113.7"}}]}}'

  # What does the network let through now?
  curl -s --cacert {site.directory / "cert.pem"} {site.emulator}/_box/packets -H "$JSON" \\
    -d '{{"source": "203.0.113.7", "machine": "web-01", "port": [22, 3389, 443], "protocol": "Tcp"}}'

  # Attackers and users are at work; who tried, and what became of it?
  curl -s --cacert {site.directory / "cert.pem"} {site.emulator}/_box/traffic -H "$JSON" -d '{{"lag": 0}}'
  curl -s -H "Authorization: Bearer $(token auditor)" {site.postern}/api/activity

  # What was told, and how was it signed? The box's own receiver keeps it.
  curl -s --cacert {site.directory / "cert.pem"} {site.emulator}/_box/hooks
"""
