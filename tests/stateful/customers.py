"""What customers do to their own groups: they delete rules of ours, and write or take back rules of theirs."""

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from shared.domain.rules import LOCK_MARK, OPEN_MARK
from tests.domain.values import GROUP, SUBNET_GROUP
from tests.domain.values import rule as written
from tests.stateful.acts import Act, Kind
from tests.stateful.drawing import NEWCOMERS
from tests.stateful.happening import happens
from tests.stateful.model import HOLDING
from tests.stateful.stage import FIRST, MACHINES

if TYPE_CHECKING:
    from tests.stateful.story import Story


async def nothing(world: object) -> None:
    """Nobody does anything."""


@happens(1, id_=st.sampled_from((GROUP, SUBNET_GROUP)), mark=st.sampled_from((OPEN_MARK, LOCK_MARK)))
def a_customer_deletes_rules_of_ours(story: "Story", id_: str, mark: str) -> None:
    stage, nsg = story.stage, story.stage.town.cloud.groups[id_.lower()]
    behind = {name for name in MACHINES if id_.lower() in stage.ways(name)}
    stage.town.cloud.put(replace(nsg, rules=tuple(one for one in nsg.rules if one.mark != mark)))
    if mark == LOCK_MARK:
        stage.locked -= behind
    else:
        for life in stage.model.lives.values():
            life.tampered |= life.asked.machine in behind and life.state in HOLDING
    story.act(Act(Kind.OTHER), nothing)


@happens(1, id_=st.sampled_from((GROUP, SUBNET_GROUP)), line=NEWCOMERS)
def a_customer_writes_a_rule_or_takes_it_back(story: "Story", id_: str, line: str) -> None:
    stage, new, nsg = story.stage, written(line), story.stage.town.cloud.groups[id_.lower()]
    mine = stage.foreign[id_.lower()]
    if new.name in mine:
        del mine[new.name]
        rules = tuple(one for one in nsg.rules if one.name != new.name)
    elif all(one.priority != new.priority for one in nsg.rules):
        mine[new.name] = new
        rules = (*nsg.rules, new)
    else:
        return
    stage.town.cloud.put(replace(nsg, rules=rules))
    behind = {name for name in MACHINES if id_.lower() in stage.ways(name)}
    stage.locked -= behind
    if new.priority in {FIRST, FIRST + 1}:
        stage.model.obstructed |= behind
    story.act(Act(Kind.OTHER), nothing)
