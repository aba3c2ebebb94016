"""The steps of the story, one after another. Knows what happens in which order; how, the plot knows."""

from typing import Final

from emulator.story.plot import (
    ATTACKERS,
    DURATION,
    HTTPS,
    REQUESTOR,
    SSH,
    Step,
    approve,
    ask,
    lock,
    look_around,
    look_at_activity,
    look_back,
    run_out,
)
from emulator.story.stage import Traffic

ATTACK, SECOND_ATTACK, THIRD_ATTACK = (Traffic("brute-force", 40, seed) for seed in (1, 2, 3))
WORK: Final = Traffic("user", 3, 4, REQUESTOR)

STEPS: Final = (
    Step(
        "The machine as it stands",
        "web-01 has a public address. Whoever wants to may knock at its doors, and they open.",
        look_around,
        lambda _source, _port: True,
    ),
    Step(
        "An administrator locks it",
        "SSH may be asked for, and somebody else has to agree. All else is locked; port 443, the web site, goes on.",
        lock,
        lambda _source, port: port == HTTPS,
        (ATTACK,),
    ),
    Step(
        "A requestor asks for access",
        f"SSH, from {REQUESTOR}, for {DURATION} seconds. Nothing opens yet: nobody has agreed.",
        ask,
        lambda _source, port: port == HTTPS,
    ),
    Step(
        "An approver agrees",
        f"The door opens for {REQUESTOR}. The next address, {ATTACKERS[1]}, gains nothing by it. The clock starts.",
        approve,
        lambda source, port: port == HTTPS or (port == SSH and source == REQUESTOR),
        (WORK, SECOND_ATTACK),
    ),
    Step(
        "Time runs out",
        "Nobody does anything now. The app closes the door by itself.",
        run_out,
        lambda _source, port: port == HTTPS,
    ),
    Step(
        "Everything is locked again",
        "What is left behind: the lock, and the customer's rules.",
        look_back,
        lambda _source, port: port == HTTPS,
        (THIRD_ATTACK,),
    ),
    Step(
        "An auditor looks back",
        "While all this went on a botnet was at work, before, during and after the access of the requestor.",
        look_at_activity,
        lambda _source, port: port == HTTPS,
    ),
)
