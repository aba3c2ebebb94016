"""Instances in the list of machines: what is shown of each, and that one region that fails hides no other."""

from datetime import timedelta
from itertools import count

import pytest

from shared.adapters.ec2_client import Json
from shared.aws_settings import Place
from shared.domain.inventory import MachineKind, Occupied, Sighting, State, Wiring
from shared.domain.listing import Row, Scene, row
from shared.domain.surface import Surface
from shared.ports import Conflict, Unavailable
from tests.adapters.aws import Aws, Instance, permission
from tests.adapters.driving import drive, locked
from tests.domain.values import SUBSCRIPTION

_NUMBERS = count(1)
SSH = permission("tcp", "22", "0.0.0.0/0")


def fresh(aws: Aws) -> Instance:
    return aws.launch(f"listed-{next(_NUMBERS)}", SSH)


async def sighted(aws: Aws, one: Instance) -> Sighting:
    snapshot = await aws.inventory().machines((SUBSCRIPTION,))
    return next(found for found in snapshot.machines if found.machine_id == one.id)


async def rowed(aws: Aws, one: Instance) -> Row:
    inventory = aws.inventory()
    groups = await inventory.groups(SUBSCRIPTION)
    known = {group.id.lower(): group.nsg for group in groups if group.nsg}
    sighting = await sighted(aws, one)
    wiring = Wiring({nic.lower(): group.id for group in groups for nic in group.nics}, {}, {})
    return row(sighting, wiring.machine(sighting), Scene(Surface(known), known, [], {}, {}))


async def test_an_instance_is_sighted_with_what_people_know_it_by(aws: Aws) -> None:
    one = fresh(aws)
    found = await sighted(aws, one)
    assert (MachineKind.INSTANCE, "eu-west-1", "Linux") == (found.kind, found.location, found.system)
    assert (one.id.name, "listed-1", True) == (found.name, dict(found.tags)["Name"], found.is_public)
    assert found.power in {"pending", "running"}


async def test_the_list_and_the_instance_itself_tell_the_same_way_to_it(aws: Aws) -> None:
    one = fresh(aws)
    shown = (await rowed(aws, one)).machine
    assert shown is not None
    assert (await aws.network().machine(one.id)).way == shown.way


async def test_an_open_instance_is_shown_as_open_and_can_be_guarded(aws: Aws) -> None:
    shown = await rowed(aws, fresh(aws))
    [reason] = shown.reasons
    assert (State.NOT_CONFIGURED, "openToInternet") == (shown.state, reason.code)
    assert "22 through sgr-" in reason.message


async def test_a_gate_is_listed_as_it_is_read_by_itself(aws: Aws) -> None:
    one, network = fresh(aws), aws.network()
    await drive(network, one.gate, [locked(await network.machine(one.id))])
    [listed] = [group for group in await aws.inventory().groups(SUBSCRIPTION) if group.id == one.gate]
    assert (await network.group(one.gate)).nsg == listed.nsg


async def test_an_instance_that_shares_its_group_cannot_be_guarded_and_it_says_why(aws: Aws) -> None:
    one = fresh(aws)
    aws.ec2.create_network_interface(SubnetId=_subnet(aws, one), Groups=[one.group])
    shown = await rowed(aws, one)
    [reason] = shown.reasons
    assert (State.UNSUPPORTED, "groupUnfit") == (shown.state, reason.code)
    assert "also used by eni-" in reason.message


def _subnet(aws: Aws, one: Instance) -> str:
    [found] = aws.ec2.describe_instances(InstanceIds=[one.id.name])["Reservations"]
    return str(found["Instances"][0]["SubnetId"])


async def test_who_has_which_address_is_told(aws: Aws) -> None:
    one = fresh(aws)
    [place] = (await aws.network().machine(one.id)).endpoints
    assert Occupied(one.id, place.address, "", one.gate) in await aws.inventory().interfaces(SUBSCRIPTION)


async def test_a_terminated_instance_is_not_listed(aws: Aws) -> None:
    one = fresh(aws)
    aws.ec2.terminate_instances(InstanceIds=[one.id.name])
    snapshot = await aws.inventory().machines((SUBSCRIPTION,))
    assert one.id not in {found.machine_id for found in snapshot.machines}


async def test_the_gate_of_a_terminated_instance_is_listed_while_something_of_it_is_aside(aws: Aws) -> None:
    one, network = fresh(aws), aws.network()
    await drive(network, one.gate, [locked(await network.machine(one.id))])
    aws.ec2.terminate_instances(InstanceIds=[one.id.name])
    assert one.gate in {group.id for group in await aws.inventory().groups(SUBSCRIPTION)}


async def test_other_subscriptions_have_no_instances(aws: Aws) -> None:
    inventory, other = aws.inventory(), "22222222-2222-2222-2222-222222222222"
    assert ([], [], []) == (
        list((await inventory.machines((other,))).machines),
        list(await inventory.groups(other)),
        list(await inventory.interfaces(other)),
    )


async def test_what_was_read_is_used_again_until_it_is_old(aws: Aws) -> None:
    kept, fleeting = aws.inventory(age=timedelta(hours=1)), aws.inventory()
    before = len((await kept.machines((SUBSCRIPTION,))).machines)
    fresh(aws)
    seen = [len((await one.machines((SUBSCRIPTION,))).machines) for one in (kept, fleeting)]
    assert [before, before + 1] == seen


class Away:
    """An EC2 that does not answer, or refuses."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def call(self, _place: Place, _operation: str, /, **_parameters: object) -> Json:
        raise self._error

    async def every(self, _place: Place, _operation: str, _key: str, /, **_parameters: object) -> list[Json]:
        raise self._error


@pytest.mark.parametrize("error", [Unavailable("it is away"), Conflict("it is away")])
async def test_a_place_that_cannot_be_seen_says_which_it_is(aws: Aws, error: Exception) -> None:
    inventory = aws.inventory(Away(error))
    told = "The instances in eu-west-1 of the AWS account 123456789012 are not shown: it is away"
    for look in (inventory.machines((SUBSCRIPTION,)), inventory.groups(SUBSCRIPTION)):
        with pytest.raises(Unavailable, match=told):
            await look
