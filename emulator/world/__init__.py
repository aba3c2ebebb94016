"""The worlds that a box can be reset to: `demo`, `empty` and `large`."""

from emulator.arm.cloud import Cloud
from emulator.world import demo, large
from emulator.world.builder import Builder

SEEDS = ("demo", "empty", "large")
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
REGION = "westeurope"
LARGE_MACHINES = 1000


def build(cloud: Cloud, seed: str, *, machines: int = LARGE_MACHINES, share: int = large.SHARE) -> None:
    """Put a known world in place of what stands; `machines` and `share` (of a group) are the measures of `large`."""
    cloud.forget()
    cloud.store.subscriptions[SUBSCRIPTION] = "Demo"
    builder = Builder(cloud.store, cloud.new_id, SUBSCRIPTION)
    builder.add_group("demo", REGION)
    match seed:
        case "demo":
            demo.fill(builder)
        case "large":
            large.fill(builder, machines, share)
        case _:
            pass
