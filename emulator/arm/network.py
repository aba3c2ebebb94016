"""Interfaces, networks, public addresses, load balancers and machines: what a PUT of them must hold.

It knows what is the same for all of them: heads, tags, children, and that every reference leads to something of the
right type in the same region and subscription. It refuses to know rules (groups.py), addresses (interfaces.py,
subnets.py) and HTTP. Unknown properties pass through.
"""

from http import HTTPStatus

from emulator.arm import errors, interfaces, paths, rules, subnets
from emulator.arm.errors import ArmError, Json, refuse, unparsable
from emulator.arm.kinds import Kind
from emulator.arm.store import Resource, Store, references

_READ_ONLY = ("id", "name", "type", "etag")
# Where ARM refers from one resource to another, and to what. What is not listed is checked by its presence only.
_EXPECTED = {
    "networkSecurityGroup": "networkSecurityGroups",
    "subnet": "virtualNetworks/subnets",
    "publicIPAddress": "publicIPAddresses",
    "applicationSecurityGroups": "applicationSecurityGroups",
    "loadBalancerBackendAddressPools": "loadBalancers/backendAddressPools",
    "loadBalancerInboundNatRules": "loadBalancers/inboundNatRules",
    "applicationGatewayBackendAddressPools": "applicationGateways/backendAddressPools",
}


def head(body: Json, identifier: str, previous: Resource | None) -> Json:
    """The top level of a document without what is read-only: location, tags and whatever else the body says."""
    rules.check_name(paths.name_of(identifier))
    location = body.get("location")
    if not isinstance(location, str) or not location:
        raise refuse("LocationRequired", "The location property is required for this definition.")
    location = location.replace(" ", "").lower()
    if previous is not None and previous.location != location:
        message = f"The resource '{previous.name}' already exists in location '{previous.location}'."
        raise ArmError(HTTPStatus.CONFLICT, "InvalidResourceLocation", message)
    kept = {name: value for name, value in body.items() if name not in _READ_ONLY and value is not None}
    return {
        **kept,
        "location": location,
        **({"tags": check_tags(body["tags"])} if body.get("tags") is not None else {}),
    }


def check_tags(tags: object) -> dict[str, str]:
    """Tags are texts by name."""
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise unparsable("InvalidJson", "tags is not an object of strings.")
    return tags


def compose(store: Store, kind: Kind, identifier: str, body: Json) -> Json:
    """The properties of a resource other than an NSG from a PUT body."""
    given = body.get("properties") or {}
    if not isinstance(given, dict):
        raise unparsable("InvalidJson", "properties is not an object.")
    derived = {name.removesuffix("[]") for name in kind.derived.values()}
    properties = {name: value for name, value in given.items() if name not in derived and value is not None}
    _check_types(properties)
    for collection in kind.children:
        if collection in properties:
            properties[collection] = _members(kind, collection, identifier, properties[collection])
    match kind.name:
        case "networkInterfaces":
            return interfaces.compose(store, identifier, properties)
        case "virtualNetworks":
            subnets.check(identifier, properties)
        case _:
            pass
    return properties


def _members(kind: Kind, collection: str, identifier: str, given: object) -> list[Json]:
    if not isinstance(given, list):
        raise unparsable("InvalidJson", f"{collection} is not a list.")
    found = [member(kind, collection, one) for one in given]
    names = [one["name"].lower() for one in found]
    if double := next((one for one in names if names.count(one) > 1), None):
        message = f"Resource {identifier} has two child resources with the same name ({double})."
        raise refuse("DuplicateResourceName", message)
    return found


def member(kind: Kind, collection: str, given: object) -> Json:
    """One child as it is kept: without what is read-only or derived."""
    if not isinstance(given, dict):
        raise unparsable("InvalidJson", f"A member of {collection} is not an object.")
    name = rules.check_name(given.get("name"))
    derived = {one.removesuffix("[]") for one in kind.children[collection].values()}
    properties = given.get("properties") or {}
    if not isinstance(properties, dict):
        raise unparsable("InvalidJson", f"properties of {name} is not an object.")
    inner = {key: value for key, value in properties.items() if key not in derived and value is not None}
    _check_types(inner)
    rest = {key: value for key, value in given.items() if key not in (*_READ_ONLY, "properties")}
    return {"name": name, **rest, "properties": inner}


def _check_types(properties: Json) -> None:
    """Every known reference is well-formed and names what it should."""
    for name, wanted in _EXPECTED.items():
        value = properties.get(name)
        for one in value if isinstance(value, list) else [value] if value is not None else []:
            _check_type(name, wanted, one)


def _check_type(name: str, wanted: str, value: object) -> None:
    identifier = value.get("id") if isinstance(value, dict) else None
    place = paths.parse(identifier) if isinstance(identifier, str) else None
    if place is None or len(place.steps) not in (paths.TOP, paths.CHILD):
        message = (
            f"Reference Id {identifier} is not formatted correctly. The Id is expected to start with "
            f"/subscriptions/{{subscriptionId}}/resourceGroups/{{resourceGroupName}}/. Path properties.{name}."
        )
        raise unparsable("InvalidJsonReferenceFormat", message)
    if f"{place.namespace}/{'/'.join(place.steps[::2])}".lower() != f"microsoft.network/{wanted}".lower():
        message = (
            f"Reference Id {identifier} is referencing resource of a wrong type. "
            f"The Id is expected to reference resources of type {wanted}. Path properties.{name}."
        )
        raise unparsable("InvalidJsonReferenceWrongType", message)


def check_references(store: Store, resource: Resource) -> None:
    """Every reference leads to something that stands, is provisioned, and lies in the same region and subscription."""
    for owner, target in references(resource):
        if paths.key(target).startswith(f"{paths.key(resource.id)}/"):
            _check_own(resource, owner, target)
            continue
        found = store.owner(target)
        peering = "/virtualnetworkpeerings/" in owner.lower()
        if found is None or not (peering or _is_near(found, resource)):
            raise errors.reference_missing(target, owner)
        if found.operation is not None and not peering:
            raise errors.not_provisioned(target, owner)


def _is_near(one: Resource, other: Resource) -> bool:
    """Whether two resources lie in one region and one subscription: only peerings reach further."""
    subscriptions = {paths.scopes(each.id)[0] for each in (one, other)}
    return one.location == other.location and len(subscriptions) == 1


def _check_own(resource: Resource, owner: str, target: str) -> None:
    _, collection, name = paths.parent(target) or ("", "", "")
    if resource.member(resource.kind.collection(collection) or "", name) is None:
        raise errors.reference_missing(target, owner)
