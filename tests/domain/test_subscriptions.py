"""Addresses are secrets: they are kept, and never shown."""

from dataclasses import replace

from shared.domain.issues import Refused
from shared.domain.people import Person
from shared.domain.subscriptions import Format, Kind, Notification, Subscription, restored
from tests.domain.values import LATER, NOW

SECRET = Notification("https://hooks.example.com/in/hunter2?sig=hunter2", Format.TEAMS, (Kind.OPENED,))
OTHER = Notification("https://hooks.example.com/other")
ANN = Person("ann", "Ann")


def test_nothing_shown_of_an_address_is_secret() -> None:
    mine = Subscription.of(ANN, SECRET, NOW)
    assert SECRET.shown.startswith("https://hooks.example.com/#kept-")
    assert [] == [text for text in (SECRET.shown, SECRET.name, repr(SECRET), repr(mine), mine.id) if "hunter2" in text]


def test_what_was_shown_stands_for_the_address_and_may_be_told_otherwise() -> None:
    sent = Notification(SECRET.shown, Format.CLOUD_EVENTS, ())
    assert (Notification(SECRET.url), OTHER) == restored([sent, OTHER], [SECRET])


def test_one_address_in_two_forms_is_two_receivers_and_one_mark() -> None:
    other = replace(SECRET, format=Format.CLOUD_EVENTS)
    assert (True, False) == (SECRET.shown == other.shown, SECRET.name == other.name)


def test_what_stands_for_nothing_is_refused_at_its_place() -> None:
    answer = restored([OTHER, Notification(SECRET.shown)], [OTHER])
    assert isinstance(answer, Refused)
    assert [("unknownUrl", "notifications[1].url")] == [(one.code, one.path) for one in answer.issues]


def test_the_mark_of_one_host_does_not_stand_for_an_address_of_another() -> None:
    elsewhere = Notification(SECRET.shown.replace("hooks.", "evil."))
    assert isinstance(restored([elsewhere], [SECRET]), Refused)


def test_no_kinds_are_all_of_them() -> None:
    assert [(True, kind is Kind.OPENED) for kind in Kind] == [(OTHER.wants(kind), SECRET.wants(kind)) for kind in Kind]


def test_subscribing_again_is_the_same_subscription_and_somebody_elses_is_another() -> None:
    mine = Subscription.of(ANN, SECRET, NOW)
    again = Subscription.of(ANN, replace(SECRET, kinds=()), LATER)
    theirs = Subscription.of(Person("bob", "Bob"), SECRET, NOW)
    assert (True, False) == (mine.id == again.id, mine.id == theirs.id)
