"""What is on record and what logs tell, written short. Times are minutes after the tests' noon."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain.activity import Entry, fold
from shared.domain.evidence import Alert, Beat, Counts, Edit, Evidence, Failures, LetIn, Passed, SignIn, Source
from shared.domain.people import Person
from shared.domain.records import Record, stays
from tests.domain.values import GRANT, GROUP, NOW, OFFICE, STRANGER, SUBSCRIPTION, machine_id

ANN, BOB = Person("ann", "Ann"), Person("bob", "Bob")
OTHER_GRANT = "1" * 24


def folded(records: Iterable[Record], evidence: Evidence, since: datetime) -> tuple[Entry, ...]:
    """All entries, with the grants that these very records tell of."""
    every = tuple(records)
    return fold(every, evidence, stays(every).values(), since)


def minute(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def logged_as(name: str = "web-01") -> str:
    """A machine as logs name it."""
    return f"{SUBSCRIPTION}/demo/{name}"


def record(kind: str, at: float, grant: str = GRANT, **changes: Any) -> Record:  # noqa: ANN401  # As the fields'.
    """One line of the record about a grant of Ann's for ssh from the office to web-01."""
    key = f"{minute(at).isoformat()}|{grant}|{kind}"
    known = Record(key, minute(at), kind, str(machine_id()), ANN, grant, "ann", f"22-22/Tcp {OFFICE}")
    return replace(known, **changes)


def about_policy(at: float, kind: str = "policySet") -> Record:
    return Record(f"{minute(at).isoformat()}|{kind}", minute(at), kind, str(machine_id()), BOB)


def about_lock(at: float, kind: str = "lockMissing") -> Record:
    return Record(f"{minute(at).isoformat()}|{kind}", minute(at), kind, GROUP, detail="It was gone.")


def life(opened: float, over: float | None = None, grant: str = GRANT, **changes: Any) -> list[Record]:  # noqa: ANN401  # As above.
    """A grant that was opened at a time, and expired at another if it did."""
    ending = [record("grantExpired", over, grant, **{**changes, "by": None})] if over is not None else []
    return [record("grantOpening", opened, grant, **changes), record("grantActive", opened, grant, **changes), *ending]


def tried(address: str = STRANGER, *counts: int, span: tuple[float, float] = (0, 10), **changes: Any) -> Source:  # noqa: ANN401  # As above.
    """An address that was denied; `counts` are flows denied, let in by grants, and let in by other rules."""
    first, last = map(minute, span)
    return replace(Source(address, Counts(*counts), first, last, machines=(logged_as(),)), **changes)


def failed(address: str, count: int, span: tuple[float, float] = (0, 10), machine: str = "web-01") -> Failures:
    return Failures(logged_as(machine), address, count, minute(span[0]), minute(span[1]), ("root",))


def signed_in(address: str, at: float, machine: str = "web-01", user: str = "azureuser") -> SignIn:
    return SignIn(minute(at), logged_as(machine), address, user)


def passed(rule: str, source: str, connections: int, span: tuple[float, float]) -> Passed:
    return Passed(logged_as(), rule, source, connections, minute(span[0]), minute(span[1]))


def reached(rule: str, source: str, span: tuple[float, float] = (0, 10), port: int = 22) -> LetIn:
    """What another rule than a grant's let in where others were denied."""
    return LetIn(passed(rule, source, 1, span), port, "TCP")


def heard(name: str = "web-01") -> Beat:
    """An agent reports."""
    return Beat(logged_as(name), name, "Azure", "Linux", minute(0))


def edited(at: float, id_: str = "abc") -> Edit:
    return Edit(id_, minute(at), f"{GROUP}/securityrules/hole", GROUP, "securityRules/write", "eve", "192.0.2.1")


def alerted(at: float, id_: str = "def") -> Alert:
    return Alert(id_, minute(at), logged_as(), "Brute force", "High", "Somebody tries many names.")
