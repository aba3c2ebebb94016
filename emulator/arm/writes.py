"""What a PUT, PATCH or DELETE does: check, compose, begin an operation, answer.

It knows the order in which ARM refuses (busy, preconditions, content, references) and that everything but tags is a
long-running operation. It refuses to know what makes a rule or an interface valid.
"""

from collections.abc import Iterable
from http import HTTPStatus

from emulator.arm import errors, groups, network, paths, reads, rendering, subnets
from emulator.arm.cloud import Cloud
from emulator.arm.errors import Json
from emulator.arm.exchange import Answer, Call, accept, announce, check_idle, check_preconditions
from emulator.arm.kinds import Kind
from emulator.arm.operations import Change
from emulator.arm.store import Resource, references

_NSG = "networkSecurityGroups"
_RULES = "securityRules"
_CREATED = {True: HTTPStatus.OK, False: HTTPStatus.CREATED}
# What a DELETE answers where others still refer to the resource or to one of its children.
_IN_USE = {
    _NSG: ("Network security group", "InUseNetworkSecurityGroupCannotBeDeleted"),
    "networkInterfaces": ("Network Interface", "NicInUse"),
    "virtualNetworks": ("Virtual network", "InUseSubnetCannotBeDeleted"),
    "publicIPAddresses": ("Public IP address", "PublicIPAddressCannotBeDeleted"),
    "loadBalancers": ("Load balancer", "InUseLoadBalancerCannotBeDeleted"),
    "applicationSecurityGroups": ("Application security group", "InUseApplicationSecurityGroupCannotBeDeleted"),
}
_CHILD_IN_USE = {
    "subnets": ("Subnet", "InUseSubnetCannotBeDeleted"),
    "backendAddressPools": ("Backend address pool", "InUseBackendAddressPoolCannotBeDeleted"),
}


def put_item(cloud: Cloud, call: Call) -> Answer:
    """PUT of a whole resource: full replacement."""
    kind, identifier = reads.kind(call), reads.identifier(cloud, call)
    previous = cloud.store.get(identifier)
    check_idle(previous)
    check_preconditions(call, previous, present=previous is not None)
    body = call.json()
    document = network.head(body, identifier, previous)
    if kind.name == _NSG:
        properties = groups.compose(identifier, _without_derived(kind, body))
    else:
        properties = network.compose(cloud.store, kind, identifier, body)
    wanted = Resource(identifier, kind, {**document, "properties": properties}, "")
    if previous is not None:
        _check_dropped(cloud, previous, wanted)
    return _begin(cloud, call, wanted)


def _check_dropped(cloud: Cloud, previous: Resource, wanted: Resource) -> None:
    """A PUT replaces the children too: those that others use cannot be left out."""
    for collection, (noun, code) in _CHILD_IN_USE.items():
        for one in previous.members(collection):
            child = f"{previous.id}/{collection}/{one['name']}"
            users = () if wanted.member(collection, one["name"]) else _outside(previous, cloud.store.referrers(child))
            if users:
                raise errors.in_use(noun, child, users, code=code)


def _outside(owner: Resource, users: Iterable[str]) -> tuple[str, ...]:
    """The users, each once, without the owner's own children."""
    own = f"{paths.key(owner.id)}/"
    return tuple(dict.fromkeys(user for user in users if not paths.key(user).startswith(own)))


def _without_derived(kind: Kind, body: Json) -> Json:
    """ARM ignores what it derives itself; a body that was read a moment ago may hold it."""
    derived = {"defaultSecurityRules", *(name.removesuffix("[]") for name in kind.derived.values())}
    given = body.get("properties") or {}
    if not isinstance(given, dict):
        raise errors.unparsable("InvalidJson", "properties is not an object.")
    return {"properties": {name: value for name, value in given.items() if name not in derived and value is not None}}


def put_child(cloud: Cloud, call: Call) -> Answer:
    """PUT of a security rule, a subnet or a peering."""
    owner = _owner(cloud, call)
    collection, name = reads.collection(call), call.place.steps[3]
    check_idle(owner)
    standing = owner.member(collection, name)
    check_preconditions(call, owner, present=standing is not None)
    properties = _with_child(owner, collection, name, call.json())
    wanted = Resource(owner.id, owner.kind, {**owner.document, "properties": properties}, "")
    return _begin(cloud, call, wanted, child=(collection, name))


def _owner(cloud: Cloud, call: Call) -> Resource:
    owner = cloud.store.get(reads.identifier(cloud, call))
    if owner is None:
        kind = reads.kind(call)
        raise errors.parent_missing(f"{kind.type}/{reads.collection(call)}", call.place.steps[1])
    if reads.collection(call) not in (_RULES, "subnets", "virtualNetworkPeerings"):
        raise errors.method_refused(call.method)
    return owner


def _with_child(owner: Resource, collection: str, name: str, body: Json) -> Json:
    properties: Json = owner.document["properties"]
    if collection == _RULES:
        return groups.with_rule(owner.id, properties, name, body.get("properties"))
    child = network.member(owner.kind, collection, {**body, "name": name})
    others = [one for one in properties.get(collection) or () if one["name"].lower() != name.lower()]
    changed = {**properties, collection: [*others, child]}
    subnets.check(owner.id, changed)
    return changed


def _begin(cloud: Cloud, call: Call, wanted: Resource, child: tuple[str, str] | None = None) -> Answer:
    """Check what the document refers to, start the operation and show what is being made."""
    network.check_references(cloud.store, wanted)
    previous = cloud.store.get(wanted.id)
    change = _change(wanted, child[1] if child else None)
    operation = accept(cloud, call, change)
    shown = cloud.store.get(wanted.id) or wanted
    headers = announce(cloud, call, operation)
    if child is None:
        return Answer(_CREATED[previous is not None], rendering.resource(cloud.store, shown), headers)
    existed = previous is not None and previous.member(*child) is not None
    member = shown.member(*child) or {}
    return Answer(_CREATED[existed], rendering.child(cloud.store, shown, child[0], member), headers)


def _change(wanted: Resource, child: str | None) -> Change:
    def marked(state: str) -> Json:
        properties = wanted.document["properties"]
        if wanted.kind.name == _NSG:
            return {**wanted.document, "properties": groups.mark(properties, state, child)}
        return {**wanted.document, "properties": {**properties, "provisioningState": state}}

    return Change(wanted.id, wanted.kind, marked("Updating"), marked("Succeeded"))


def patch_item(cloud: Cloud, call: Call) -> Answer:
    """PATCH of tags, the only thing that a network resource lets one patch; in force at once."""
    found = reads.standing(cloud, call)
    check_idle(found)
    check_preconditions(call, found, present=True)
    body = call.json()
    if set(body) - {"tags"}:
        raise errors.unparsable(
            "InvalidJson", f"Only tags can be patched, not {', '.join(sorted(set(body) - {'tags'}))}."
        )
    document = {**found.document, "tags": network.check_tags(body.get("tags") or {})}
    cloud.operations.replace(Change(found.id, found.kind, document, document))
    return reads.item(cloud, call)


def delete_item(cloud: Cloud, call: Call) -> Answer:
    """DELETE of a resource; 204 where there is none."""
    found = cloud.store.get(reads.identifier(cloud, call))
    check_preconditions(call, found, present=found is not None)
    if found is None:
        return Answer(HTTPStatus.NO_CONTENT)
    check_idle(found)
    if users := _users(cloud, found):
        noun, code = _IN_USE[found.kind.name]
        raise errors.in_use(noun, found.id, users, code=code)
    interim = {**found.document, "properties": {**found.document["properties"], "provisioningState": "Deleting"}}
    operation = accept(cloud, call, Change(found.id, found.kind, interim, None))
    return Answer(HTTPStatus.ACCEPTED, None, announce(cloud, call, operation, location=True))


def _users(cloud: Cloud, found: Resource) -> tuple[str, ...]:
    """Who refers to a resource or its children, itself excepted."""
    ids = [
        found.id,
        *(f"{found.id}/{name}/{one['name']}" for name in found.kind.children for one in found.members(name)),
    ]
    return _outside(found, (user for one in ids for user in (*cloud.store.referrers(one), *_leaving(cloud, one))))


def _leaving(cloud: Cloud, identifier: str) -> list[str]:
    """Who has been told to let go of this id and has not done so: the operation runs, and may still fail."""
    standing = [one for key in cloud.operations.running() if (one := cloud.store.get(key)) and one.effective]
    before = [Resource(one.id, one.kind, one.effective or {}, one.etag) for one in standing]
    wanted = paths.key(identifier)
    return [owner for one in before for owner, target in references(one) if paths.key(target) == wanted]


def delete_child(cloud: Cloud, call: Call) -> Answer:
    """DELETE of a security rule, a subnet or a peering; 204 where there is none."""
    owner = _owner(cloud, call)
    collection, name = reads.collection(call), call.place.steps[3]
    check_preconditions(call, owner, present=True)
    member = owner.member(collection, name)
    if member is None:
        return Answer(HTTPStatus.NO_CONTENT)
    check_idle(owner)
    child = f"{owner.id}/{collection}/{member['name']}"
    if users := (*cloud.store.referrers(child), *_leaving(cloud, child)):
        noun, code = _CHILD_IN_USE["subnets"]
        raise errors.in_use(noun, child, users, code=code)
    operation = accept(cloud, call, _removal(owner, collection, name))
    return Answer(HTTPStatus.ACCEPTED, None, announce(cloud, call, operation, location=True))


def _removal(owner: Resource, collection: str, name: str) -> Change:
    """The child is shown as Deleting, and in force, until the operation ends."""
    properties: Json = owner.document["properties"]
    left = {**properties, collection: [one for one in properties[collection] if one["name"].lower() != name.lower()]}
    outcome = _change(Resource(owner.id, owner.kind, {**owner.document, "properties": left}, ""), None).outcome
    members = [
        {**one, "properties": {**one["properties"], "provisioningState": "Deleting"}}
        if one["name"].lower() == name.lower()
        else one
        for one in properties[collection]
    ]
    interim = {**owner.document, "properties": {**properties, collection: members, "provisioningState": "Updating"}}
    return Change(owner.id, owner.kind, interim, outcome)
