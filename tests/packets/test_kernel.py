"""Our evaluator and the box's oracle against the Linux kernel: rules compiled to nftables, and packets that are real.

`make test` looks at a few pairs of groups, `make test-packets` at many.
"""

import os
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.packets.cases import PATHS, Path, every_aim, expect, last_word, tell
from tests.packets.client import Lab
from tests.packets.hosts import Probe

PAIRS = 200 if os.environ.get("PACKETS") == "long" else 12
# The first failure is shown as it came: to shrink it would take a kernel and much time.
PHASES = (Phase.explicit, Phase.generate)
LOOK = settings(
    max_examples=PAIRS, derandomize=True, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.timeout(240)
def test_the_kernel_does_what_we_and_the_oracle_say(lab: Lab) -> None:
    outcomes: Counter[str] = Counter()

    @LOOK
    @given(PATHS)
    def compare(path: Path) -> None:
        outcomes.update(check(lab, path))

    compare()
    assert 300 * PAIRS <= outcomes.total()
    assert {"open", "filtered"} == set(outcomes)


def check(lab: Lab, path: Path) -> list[str]:
    """Send every probe that there is through these groups, and compare."""
    lab.enforce(path.groups, path.ways)
    probes = [lab.aim(*aim) for aim in every_aim()]
    seen = dict(zip(probes, lab.probe(*probes), strict=True))
    ours = {probe: expect(path, probe) for probe in probes}
    assert differences(ours, seen) == {}
    # What we expect names the groups in the order of the way.
    assert differences({one: tell(path, one) for one in probes}, {one: last_word(ours[one]) for one in probes}) == {}
    return [answer.outcome for answer in seen.values()]


def differences[Word](expected: Mapping[Probe, Word], seen: Mapping[Probe, Word]) -> dict[Probe, tuple[Word, Word]]:
    return {probe: (word, seen[probe]) for probe, word in expected.items() if word != seen[probe]}
