"""A machine under a policy as everybody gets it: the policy, and the truth about its lock and about open sessions."""

from __future__ import annotations

from shared.documents.answers import LeakAnswer, LockAnswer
from shared.documents.answers.policies import GuardedAnswer
from shared.documents.fields import write_person, write_sessions, write_time
from shared.documents.policies import write_policy
from shared.domain.exposure import Leak
from shared.domain.guarding import Guarded
from shared.domain.sessions import CONTINUING, UNMEASURED, Sessions


def write_guarded(guarded: Guarded, leaks: tuple[Leak, ...] | None, sessions: Sessions | None = None) -> GuardedAnswer:
    """A machine's policy with the truth about its lock, and about open sessions as far as that was looked at."""
    unmeasured = UNMEASURED if guarded.policy.end_sessions else CONTINUING
    return {
        "machine": str(guarded.machine.id),
        "policy": write_policy(guarded.policy),
        "lock": write_lock(leaks),
        "sessions": write_sessions(sessions or unmeasured),
        "changedAt": write_time(guarded.changed_at),
        "changedBy": write_person(guarded.changed_by) if guarded.changed_by else None,
    }


def write_lock(leaks: tuple[Leak, ...] | None) -> LockAnswer:
    """Whether a lock holds; when it does not, what lets traffic through, and where."""
    if leaks is None:
        return {"state": "unknown", "because": []}
    because: list[LeakAnswer] = [
        {"address": leak.address, "nsg": leak.nsg, "rule": leak.rule, "priority": leak.priority} for leak in leaks
    ]
    return {"state": "exposed" if leaks else "holds", "because": because}
