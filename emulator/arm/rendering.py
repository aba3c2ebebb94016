"""How ARM shows what stands: ids, etags, types, children and the references that others hold.

It knows the shape of a GET's body ("Network Security Groups - Get" and its siblings in the REST reference; the recorded
exchanges of azure-cli). It refuses to know how things came to stand.
"""

import uuid
from collections.abc import Mapping

from emulator.arm import groups, paths
from emulator.arm.errors import Json
from emulator.arm.store import Resource, Store


def resource(store: Store, shown: Resource, *, expand: str = "") -> Json:
    """The whole body of a resource."""
    properties = dict(shown.document.get("properties", {}))
    view = properties.pop("instanceView", None)
    if view is not None and expand.lower() == "instanceview":
        properties["instanceView"] = view
    for collection in shown.kind.children:
        if collection == "defaultSecurityRules":
            properties[collection] = [child(store, shown, collection, one) for one in groups.default_rules()]
        elif collection in properties:
            properties[collection] = [child(store, shown, collection, one) for one in properties[collection]]
    properties |= _derived(store, shown.id, shown.kind.derived)
    properties.setdefault("resourceGuid", str(uuid.uuid5(uuid.NAMESPACE_URL, paths.key(shown.id))))
    head = {"name": shown.name, "id": shown.id, "etag": shown.etag, "type": shown.kind.type}
    return {**head, **shown.document, "properties": properties}


def child(store: Store, owner: Resource, collection: str, member: Json) -> Json:
    """The whole body of a child; its etag is its owner's (recorded in azure-cli's test_network_nsg.yaml)."""
    identifier = f"{owner.id}/{collection}/{member['name']}"
    properties = {"provisioningState": "Succeeded", **member.get("properties", {})}
    properties |= _derived(store, identifier, owner.kind.children[collection])
    head = {"name": member["name"], "id": identifier, "etag": owner.etag, "type": f"{owner.kind.type}/{collection}"}
    return {**head, **member, "properties": properties}


def children(store: Store, owner: Resource, collection: str) -> list[Json]:
    """The bodies of one collection."""
    if collection == "defaultSecurityRules":
        return [child(store, owner, collection, one) for one in groups.default_rules()]
    return [child(store, owner, collection, one) for one in owner.members(collection)]


def _derived(store: Store, identifier: str, derived: Mapping[str, str]) -> Json:
    """The read-only properties that mirror others' references; absent where nobody refers, as in ARM."""
    found: Json = {}
    for referrer in store.referrers(identifier) if derived else ():
        collection = referrer.rsplit("/", 2)[1]
        match derived.get(collection, ""):
            case "":
                continue
            case several if several.endswith("[]"):
                found.setdefault(several.removesuffix("[]"), []).append({"id": referrer})
            case single:
                found[single] = {"id": referrer}
    return found
