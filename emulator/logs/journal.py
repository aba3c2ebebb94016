"""The activity log of the subscription, as a diagnostic setting puts it into the workspace.

It knows which calls of ARM are changes of network security groups, and what the log says of them. Source: Azure
documentation, "Azure activity log event schema", category Administrative; the table AzureActivity.
"""

import datetime as dt
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from emulator.logs.store import Logs

_CHANGED = re.compile(
    r"(?P<nsg>/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.Network/networkSecurityGroups/[^/]+)(?P<rule>/securityRules/[^/]+)?/?",
    re.IGNORECASE,
)
_DONE = {"PUT": "WRITE", "PATCH": "WRITE", "DELETE": "DELETE"}
_FAILED = HTTPStatus.BAD_REQUEST


@dataclass(frozen=True, slots=True)
class Journal:
    """Notes what was changed in network security groups, and by whom."""

    logs: Logs
    utc: Callable[[], dt.datetime]

    def note(self, method: str, path: str, status: int, caller: tuple[str, str]) -> None:
        """Take down a call, if it changed a group or a rule. `caller` is an object id and an address."""
        found = _CHANGED.fullmatch(path)
        if found is None or method not in _DONE or status >= _FAILED:
            return
        kind = "NETWORKSECURITYGROUPS/SECURITYRULES" if found["rule"] else "NETWORKSECURITYGROUPS"
        who, address = caller
        row = {
            "TimeGenerated": self.utc().isoformat(),
            "OperationNameValue": f"MICROSOFT.NETWORK/{kind}/{_DONE[method]}",
            "ActivityStatusValue": "Success",
            "CategoryValue": "Administrative",
            "Level": "Informational",
            "ResourceProviderValue": "MICROSOFT.NETWORK",
            "ResourceGroup": found["group"].upper(),
            "SubscriptionId": found["subscription"],
            "Caller": who,
            "CallerIpAddress": address,
            "CorrelationId": str(uuid.uuid4()),
            "_ResourceId": path.rstrip("/").lower(),
        }
        self.logs.note("AzureActivity", row)
