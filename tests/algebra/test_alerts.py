"""Aim: an alert is told of once when it comes and once when it has gone, and again when it comes again; a
digest gathers; a channel that was away does not hear of old stories.

Method: the pure functions over made histories; a property over drawn ones.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kobling.algebra.alerts import next_try, telling, turn
from kobling.model.alert import Alert, AlertKind, KeptAlert

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT_ONCE = timedelta(0)


def alert(subject: str = "CUSTOMER", message: str = "it broke") -> Alert:
    return Alert(kind=AlertKind.FAILED, subject=subject, message=message, cure="mend it")


def kept(number: int = 1, subject: str = "CUSTOMER", minutes: int = 0, **more: object) -> KeptAlert:
    raised = NOW + timedelta(minutes=minutes)
    plain = msgspec.structs.asdict(alert(subject))
    return KeptAlert(id=number, raised_at=raised, **{**plain, **more})  # type: ignore[arg-type]


def after(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_what_is_new_what_says_something_else_and_what_is_gone() -> None:
    standing = [kept(1, "CUSTOMER"), kept(2, "VENDOR"), kept(3, "CONTACT")]
    news = turn(standing, [alert("CUSTOMER"), alert("VENDOR", "it broke again"), alert("ITEM")])
    assert [one.subject for one in news.raised] == ["ITEM"]
    assert [(old.id, new.message) for old, new in news.again] == [(2, "it broke again")]
    assert [one.id for one in news.cleared] == [3]


def test_the_same_subject_of_another_kind_is_another_alert() -> None:
    other = msgspec.structs.replace(alert(), kind=AlertKind.LATE)
    news = turn([kept()], [other])
    assert (news.raised, [one.id for one in news.cleared]) == ((other,), [1])


def test_a_channel_that_knows_is_not_told_again() -> None:
    assert [one.id for one in telling([kept()], "mail", NOW, AT_ONCE).came] == [1]
    assert not telling([kept(told=("mail",))], "mail", NOW, AT_ONCE)
    assert telling([kept(told=("mail",))], "webhook", NOW, AT_ONCE)


def test_the_end_is_told_to_who_knows_the_beginning() -> None:
    over = kept(cleared_at=after(5), told=("mail",))
    assert [one.id for one in telling([over], "mail", after(5), AT_ONCE).went] == [1]
    assert not telling([msgspec.structs.replace(over, told_over=("mail",))], "mail", after(5), AT_ONCE)


def test_what_came_and_went_before_a_digest_is_in_it_once() -> None:
    known = [kept(1, cleared_at=after(5)), kept(2, "VENDOR", 50)]
    digest = timedelta(minutes=60)
    assert not telling(known, "mail", after(59), digest)
    news = telling(known, "mail", after(60), digest)
    assert ([one.id for one in news.came], news.went) == ([1, 2], ())


def test_a_new_channel_is_not_told_of_what_is_long_over() -> None:
    old = kept(cleared_at=after(5))
    assert not telling([old], "mail", NOW + timedelta(days=2), AT_ONCE)
    assert telling([kept()], "mail", NOW + timedelta(days=2), AT_ONCE)


def test_a_broken_channel_is_tried_less_and_less_often() -> None:
    waits = [(next_try(failures, NOW) - NOW).total_seconds() for failures in (1, 2, 3, 7, 1_000)]
    assert waits == [60, 120, 240, 3600, 3600]


@settings(max_examples=60)
@given(st.lists(st.sets(st.sampled_from("ABC")), max_size=12), st.integers(0, 4))
def test_every_alert_is_told_once_when_it_comes_and_once_when_it_goes(
    history: list[set[str]], digest_minutes: int
) -> None:
    known: list[KeptAlert] = []
    came: list[int] = []
    went: list[int] = []
    rounds = [*history, *[set[str]()] * (digest_minutes + 2)]
    for minute, subjects in enumerate(rounds):
        now = after(minute)
        news = turn([one for one in known if one.cleared_at is None], [alert(one) for one in subjects])
        gone = {one.id for one in news.cleared}
        known = [msgspec.structs.replace(one, cleared_at=now) if one.id in gone else one for one in known]
        known += [kept(len(known) + at, one.subject, minute) for at, one in enumerate(news.raised)]
        told = telling(known, "mail", now, timedelta(minutes=digest_minutes))
        came += [one.id for one in told.came]
        # Who hears of one that is over already, hears both at once.
        over = {one.id for one in (*told.came, *told.went) if one.cleared_at is not None}
        went += sorted(over)
        new = {one.id for one in told.came}
        known = [
            msgspec.structs.replace(
                one,
                told=("mail",) if one.id in new else one.told,
                told_over=("mail",) if one.id in over else one.told_over,
            )
            for one in known
        ]
    assert sorted(came) == sorted(went) == [one.id for one in known]
