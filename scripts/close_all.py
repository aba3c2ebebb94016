"""Close everything that Postern has open in a subscription, without the app: for the day on which the app is away.

    python scripts/close_all.py --subscription <id>            lists the rules that carry Postern's mark
    python scripts/close_all.py --subscription <id> --close    takes the rules of grants away: every access is over
    python scripts/close_all.py --subscription <id> --remove   takes the locks away as well: your own rules decide alone

It needs Python 3.13 with `requirements.txt`, and an identity that may read network security groups and delete their
rules (`az login`, a managed identity, or what else DefaultAzureCredential finds). It reads and deletes rules whose
names begin with `postern-open-`, `postern-keep-` or `postern-lock-` and touches nothing else. It may be stopped and
started again at any time. The exit status is 0 when nothing is left of what was to go, 1 when something is, and 2 when
the subscription cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from azure.core import AzureClouds
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential
from azure.mgmt.core.tools import get_arm_endpoints
from azure.mgmt.network import NetworkManagementClient

if TYPE_CHECKING:
    from azure.mgmt.network.models import NetworkSecurityGroup

OPEN: Final = "postern-open-"
MARKS: Final = (OPEN, "postern-keep-", "postern-lock-")
"""What the names of our rules begin with, in the order in which they go: so nothing is open for longer than it was."""

_WHILE_BUSY: Final = (409,)
"""What Azure says while it is at work on a group; the SDK tries again, as it does when asked to wait (429, 503)."""
_GROUPS_AT_ONCE: Final = 8
_POLLING_SECONDS: Final = 1
_AZURE: Final = "https://management.azure.com"


@dataclass(frozen=True, slots=True)
class Found:
    """A rule with our mark: in which group, what it does, and what it says of itself."""

    group: str
    nsg: str
    name: str
    access: str
    priority: int
    description: str

    def __str__(self) -> str:
        return f"{self.group}/{self.nsg}  {self.priority:4}  {self.access:5}  {self.name}  {self.description}"


def find(client: NetworkManagementClient) -> list[Found]:
    """Every rule with our mark in the subscription. Raises AzureError."""
    return [found for group in client.network_security_groups.list_all() for found in _of_group(group)]


def _of_group(group: NetworkSecurityGroup) -> Iterator[Found]:
    resource_group = str(group.id).split("/")[4]
    for rule in group.security_rules or ():
        name = str(rule.name)
        if name.lower().startswith(MARKS):
            yield Found(resource_group, str(group.name), name, str(rule.access), int(rule.priority or 0),
                        str(rule.description or ""))  # fmt: skip


def in_order(rules: Iterable[Found]) -> list[Found]:
    """What is to be deleted, in the order that leaves nothing open: grants first, then what keeps open, then locks."""
    return sorted(rules, key=lambda one: next(i for i, mark in enumerate(MARKS) if one.name.lower().startswith(mark)))


def delete(client: NetworkManagementClient, rules: Sequence[Found]) -> list[str]:
    """Delete the rules of one group one after another; what could not be deleted, and why."""
    failed = []
    for rule in in_order(rules):
        try:
            client.security_rules.begin_delete(rule.group, rule.nsg, rule.name).result()
            print(f"deleted {rule.group}/{rule.nsg}  {rule.name}", flush=True)
        except AzureError as error:
            failed.append(f"{rule.group}/{rule.nsg}  {rule.name}: {_first_line(error)}")
    return failed


def delete_all(client: NetworkManagementClient, rules: Iterable[Found]) -> list[str]:
    """Delete the rules of all groups, some groups at a time."""
    groups: dict[tuple[str, str], list[Found]] = {}
    for rule in rules:
        groups.setdefault((rule.group.lower(), rule.nsg.lower()), []).append(rule)
    with ThreadPoolExecutor(_GROUPS_AT_ONCE) as pool:
        return [line for failed in pool.map(lambda some: delete(client, some), groups.values()) for line in failed]


def run(client: NetworkManagementClient, *, close: bool, remove: bool) -> int:
    """List, or delete and look again; the exit status."""
    try:
        found = find(client)
        wanted = _chosen(found, remove=remove)
        if not (close or remove):
            print(*found, f"{len(found)} rules of Postern, {len(wanted)} of them of grants.", sep="\n")
            return 0
        failed = delete_all(client, wanted)
        # Whatever stands now is left, also what an app that is not quite away has opened meanwhile.
        left = _chosen(find(client), remove=remove)
    except AzureError as error:
        print(f"The subscription cannot be read: {_first_line(error)}", file=sys.stderr)
        return 2
    for line in failed:
        print(f"NOT deleted: {line}", file=sys.stderr)
    for one in left:
        print(f"STILL there: {one}", file=sys.stderr)
    print(f"{len(wanted)} rules were to go, {len(left)} are left.")
    return int(bool(left))


def _chosen(found: Iterable[Found], *, remove: bool) -> list[Found]:
    return [one for one in found if remove or one.name.lower().startswith(OPEN)]


def _first_line(error: AzureError) -> str:
    return str(error).partition("\n")[0]


def _scope_of(endpoint: str) -> str:
    """What the token is asked for: as the SDK does in each of Azure's clouds, elsewhere the endpoint itself."""
    known = (get_arm_endpoints(cloud) for cloud in AzureClouds)
    scopes = {str(one["resource_manager"]).rstrip("/"): str(one["credential_scopes"][0]) for one in known}
    return scopes.get(endpoint, f"{endpoint}/.default")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--subscription", required=True)
    made.add_argument("--endpoint", default=_AZURE, help="Azure Resource Manager, elsewhere than in the public cloud")
    made.add_argument(
        "--scope", help="what the token is asked for, where that is neither the cloud's nor the endpoint's"
    )
    made.add_argument("--close", action="store_true", help="take the rules of grants away")
    made.add_argument("--remove", action="store_true", help="take all rules of Postern away, locks as well")
    return made


def main(arguments: Sequence[str]) -> int:
    """Read the command line and run."""
    given = parser().parse_args(arguments)
    scope = given.scope or _scope_of(given.endpoint.rstrip("/"))
    with (
        DefaultAzureCredential() as credential,
        NetworkManagementClient(
            credential,
            given.subscription,
            given.endpoint,
            credential_scopes=[scope],
            polling_interval=_POLLING_SECONDS,
            retry_on_status_codes=_WHILE_BUSY,
        ) as client,
    ):
        return run(client, close=given.close, remove=given.remove)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
