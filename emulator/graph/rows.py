"""What Resource Graph shows of a resource: one row of the table `resources`.

It knows the table's columns and how they differ from a GET's body: types and resource groups in lower case, no nulls in
texts, a machine's power state under `properties.extended` ("Understanding the Azure Resource Graph query language",
extended properties). It refuses to know DuckDB and KQL.
"""

from collections.abc import Iterable, Iterator

from emulator import tokens
from emulator.arm import paths, rendering
from emulator.arm.errors import Json
from emulator.arm.store import Resource, Store

TEXTS = (
    "id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId", "managedBy",
)  # fmt: skip
DYNAMICS = ("sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation")
COLUMNS = (*TEXTS, *DYNAMICS)


def of(store: Store, resources: Iterable[Resource]) -> Iterator[Json]:
    """The rows of these resources; `key` is the id in the form in which ids compare, and no column of Azure's."""
    return (_row(store, one) for one in resources)


def _row(store: Store, shown: Resource) -> Json:
    body = rendering.resource(store, shown, expand="instanceView")
    place = paths.parse(shown.id) or paths.Place()
    texts = {
        "id": shown.id,
        "name": shown.name,
        "type": shown.kind.type.lower(),
        "tenantId": tokens.TENANT,
        "kind": body.get("kind", ""),
        "location": shown.location,
        "resourceGroup": place.group.lower(),
        "subscriptionId": place.subscription.lower(),
        "managedBy": body.get("managedBy", ""),
    }
    dynamics = {name: body.get(name) for name in DYNAMICS}
    return {"key": paths.key(shown.id), **texts, **dynamics, "properties": _extended(body["properties"])}


def _extended(properties: Json) -> Json:
    """The properties with the power state of a machine where Resource Graph has it."""
    view = properties.get("instanceView")
    if not view or "statuses" not in view:
        return properties
    power = next((one for one in view["statuses"] if one["code"].startswith("PowerState/")), None)
    shown = {name: value for name, value in view.items() if name != "statuses"}
    rest = {name: value for name, value in properties.items() if name != "instanceView"}
    return {**rest, "extended": {"instanceView": {**shown, **({"powerState": power} if power else {})}}}
