"""Aim: what stops silently is told of, by mail and by web hook, once; a channel that fails breaks nothing.

Method: what is wrong is made in the systems, or in the database where only time would make it; a mail server
and a receiver of web hooks on this machine take what is sent. The time of a look is given.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest

from engine.world import Document, World
from kobling.adapters.postgres.measures import measures
from kobling.model.errors import ConfigurationError, UnreachableError
from kobling.service.alerts import list_alerts
from kobling.service.configuration import read_configuration
from kobling.service.mappings import set_mapping
from kobling.service.notify import look, tell, try_channels, watch
from kobling.service.schedule import list_entries, schedule_store, set_timing
from kobling.service.session import Session, open_session
from service.receivers import HookServer, MailServer, serving

SECRET = "a text that only the receiver knows"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.password = "canary-72aa"
    with serving(server):
        yield server


@pytest.fixture
def hook() -> Iterator[HookServer]:
    server = HookServer()
    with serving(server):
        yield server


class Watch:
    """The alerts of a world as its channels hear of them."""

    def __init__(self, world: World, mail: MailServer, hook: HookServer, **variables: str) -> None:
        self.world, self.mail, self.hook = world, mail, hook
        self._variables = {
            "KOBLING_MAIL_HOST": "127.0.0.1",
            "KOBLING_MAIL_PORT": str(mail.port),
            "KOBLING_MAIL_SECURITY": "none",
            "KOBLING_MAIL_USER": "kobling",
            "KOBLING_MAIL_SECRET": mail.password,
            "KOBLING_MAIL_SENDER": "kobling@example.com",
            "KOBLING_MAIL_RECIPIENTS": "anna@example.com, ola@example.com",
            "KOBLING_WEBHOOK_URL": hook.url,
            "KOBLING_WEBHOOK_SECRET": SECRET,
            "KOBLING_ALERTS_SKIPPED_RECORDS": "1",
            **variables,
        }
        # What earlier tests of the shared world left is none of this one's news, nor is it that nobody works.
        world.command(list_entries)
        execute(world, "update schedule_entry set next_start = now() + interval '1 day'")
        self.look()
        self.forget()

    def forget(self) -> None:
        self.mail.messages.clear()
        self.hook.posts.clear()

    def command(self, work: Any) -> Any:
        configuration = read_configuration(self.world.path, self.world.environment | self._variables)

        async def inside() -> Any:
            async with open_session(configuration) as session:
                return await work(session)

        return asyncio.run(inside())

    def look(self, minutes: float = 0) -> list[tuple[str, str]]:
        """A look so many minutes from now; (kind, subject) of what the web hook is told of as new."""
        before = len(self.hook.posts)

        async def work(session: Session) -> None:
            async with schedule_store(session).changing() as now:
                then = now + timedelta(minutes=minutes)
                await look(session, then)
            await tell(session, then)

        self.command(work)
        told = [one for post in self.hook.documents()[before:] for one in post["alerts"]]
        return sorted((one["kind"], one["subject"]) for one in told if one["cleared_at"] is None)

    def sent(self) -> dict[tuple[str, ...], float]:
        """The counter of messages."""

        async def work(session: Session) -> Any:
            return await measures(session.state.database, session.state.connection_id)

        return dict(self.command(work)["kobling_notifications_total"])


def execute(world: World, statement: LiteralString) -> None:
    with psycopg.connect(world.environment["KOBLING_DATABASE_URL"]) as database:
        database.execute(statement)


def conflict(world: World, pair: tuple[str, str], word: str) -> None:
    world.edit_customer(pair[0], name=f"{word} in BC")
    world.edit_account(pair[1], name=f"{word} in Sales")
    world.sync("CUSTOMER")


def test_a_conflict_is_told_once_then_its_end_then_the_next_one(
    common: World, pair: tuple[str, str], mail: MailServer, hook: HookServer
) -> None:
    watch = Watch(common, mail, hook)
    conflict(common, pair, "Canary")
    assert watch.look() == [("conflicts", "CUSTOMER")]
    [message] = mail.messages
    assert message["Subject"] == "kobling default: alerts, 1 new"
    assert (message["From"], message["To"]) == ("kobling@example.com", "anna@example.com, ola@example.com")
    text = message.get_content()
    assert "CUSTOMER: 1 records are in conflict. A person decides: kobling conflict list." in text
    # No data of records leaves the house.
    assert "Canary" not in text + str(hook.posts)
    assert (watch.look(1), len(mail.messages), len(hook.posts)) == ([], 1, 1)
    common.resolve("bc", mapping="CUSTOMER")
    assert watch.look(2) == []
    assert mail.messages[1]["Subject"] == "kobling default: alerts, 1 over"
    over = hook.documents()[1]["alerts"]
    assert [(one["kind"], one["cleared_at"] is not None) for one in over] == [("conflicts", True)]
    assert over[0]["id"] == hook.documents()[0]["alerts"][0]["id"]
    conflict(common, pair, "Second")
    assert watch.look(3) == [("conflicts", "CUSTOMER")]
    common.resolve("bc", mapping="CUSTOMER")


def test_who_knows_the_secret_knows_that_a_post_is_ours(
    common: World, mail: MailServer, hook: HookServer
) -> None:
    watch = Watch(common, mail, hook)
    document, status = watch.command(try_channels)
    assert (status, [one["ok"] for one in document["channels"]]) == (0, [True, True])
    [(headers, body)] = hook.posts
    signed = headers["Kobling-Timestamp"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Kobling-Signature"] == f"sha256={expected}"
    age = datetime.now(UTC) - datetime.fromtimestamp(int(headers["Kobling-Timestamp"]), UTC)
    assert abs(age) < timedelta(minutes=5)
    assert SECRET not in str(hook.posts)


@pytest.mark.parametrize(
    ("change", "expected", "words"),
    [
        ("running = false, next_start = now() - interval '11 minutes'", "late", "due 11 minutes ago"),
        (
            "running = true, queue_job = -1, started_at = now() - interval '2 hours',"
            " progress_at = now() - interval '31 minutes'",
            "stuck",
            "got nowhere for 31 minutes",
        ),
        ("status = 'Error', message = 'It broke.'", "error", "as often as it may: It broke"),
        ("attempts = 2, message = 'It broke.'", "failed", "2 runs in a row have failed: It broke"),
    ],
)
def test_an_entry_that_stands_still_is_told(
    common: World, mail: MailServer, hook: HookServer, change: LiteralString, expected: str, words: str
) -> None:
    common.command(list_entries)
    still: LiteralString = (
        "update schedule_entry set status = 'Ready', running = false, attempts = 0, message = '',"
        " next_start = now() + interval '1 day', queue_job = null"
    )
    execute(common, still)
    watch = Watch(common, mail, hook)
    where: LiteralString = " where mapping_id = (select id from mapping where name = 'CURRENCY')"
    execute(common, "update schedule_entry set " + change + where)
    assert watch.look() == [(expected, "CURRENCY")]
    assert words in mail.messages[0].get_content()
    listed = watch.command(list_alerts)["alerts"]
    assert [(one["kind"], one["since"] is not None) for one in listed] == [(expected, True)]
    execute(common, still)
    watch.forget()
    assert (watch.look(1), len(hook.posts)) == ([], 1)


def test_what_waits_behind_another_entry_is_not_late_and_a_paused_one_neither(
    common: World, mail: MailServer, hook: HookServer
) -> None:
    from kobling.service.pausing import pause, resume

    common.command(list_entries)
    execute(common, "update schedule_entry set next_start = now() + interval '1 day', status = 'Ready'")
    watch = Watch(common, mail, hook)
    execute(
        common,
        "update schedule_entry set next_start = now() - interval '1 hour', running = name = 'VENDOR',"
        " started_at = now() from mapping where mapping.id = mapping_id and name in ('CUSTOMER', 'VENDOR')",
    )
    assert watch.look() == []
    execute(common, "update schedule_entry set running = false")
    common.command(lambda one: pause(one, ""))
    assert watch.look() == []
    common.command(resume)
    assert watch.look() == [("late", "CUSTOMER"), ("late", "VENDOR")]
    execute(common, "update schedule_entry set next_start = now() + interval '1 day'")


def test_an_entry_that_does_nothing_for_longer_than_its_limit_is_told(
    common: World, mail: MailServer, hook: HookServer
) -> None:
    common.command(lambda one: set_timing(one, "CURRENCY", ["quiet_minutes=120"]))
    execute(common, "update schedule_entry set active_at = now() - interval '1 day'")
    execute(common, "update schedule_entry set next_start = now() + interval '1 day'")
    try:
        watch = Watch(common, mail, hook)
        assert not hook.posts
        [alert] = [one for one in watch.command(list_alerts)["alerts"] if one["kind"] == "quiet"]
        assert alert["message"] == "CURRENCY: it has done nothing for 1440 minutes"
        common.command(lambda one: set_timing(one, "CURRENCY", ["quiet_minutes=never"]))
        assert [one for one in watch.command(list_alerts)["alerts"] if one["kind"] == "quiet"] == []
    finally:
        common.command(lambda one: set_timing(one, "CURRENCY", ["quiet_minutes=default"]))


def test_skipped_held_and_guarded_are_told(
    common: World, pair: tuple[str, str], other_pair: tuple[str, str], mail: MailServer, hook: HookServer
) -> None:
    def setting(edit: str) -> None:
        work = lambda one: set_mapping(one, "CUSTOMER", [edit], existing=False, wait=lambda name: None)  # noqa: E731
        common.command(work)

    watch = Watch(common, mail, hook)
    common.send(
        "crm", "PATCH", common.crm(f"accounts({pair[1]})"), {"fax": "+47 70 00 00 01"}, client="kobling"
    )
    common.sync("CUSTOMER")
    assert watch.look() == [("held", "CUSTOMER")]
    common.edit_customer(other_pair[0], phoneNo="+47 70 00 00 99")
    common.faults("crm", {"method": "PATCH", "path": "accounts", "action": "status", "status": 400})
    common.sync("CUSTOMER")
    common.faults("crm")
    assert watch.look(1) == [("skipped", "CUSTOMER")]
    setting("guard_changes=1")
    for one, city in ((pair, "Bodø"), (other_pair, "Narvik")):
        common.edit_customer(one[0], city=city)
    common.sync("CUSTOMER")
    assert watch.look(2) == [("guard", "CUSTOMER")]
    assert "a guard stopped its last run" in mail.messages[-1].get_content()
    setting("guard_changes=default")
    common.sync("CUSTOMER")
    watch.forget()
    watch.look(3)
    [over] = hook.documents()
    assert "guard" in {one["kind"] for one in over["alerts"] if one["cleared_at"]}


def test_a_secret_and_the_changes_of_a_table_are_told_before_they_expire(
    common: World, mail: MailServer, hook: HookServer
) -> None:
    soon = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    later = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    watch = Watch(common, mail, hook, KOBLING_CRM_SECRET_EXPIRES=soon, KOBLING_BC_SECRET_EXPIRES=later)
    known = {one["subject"]: one for one in watch.command(list_alerts)["alerts"] if one["kind"] == "expires"}
    assert set(known) == {"crm secret"}
    assert re.search(rf"it expires on {soon}, in [89] days", known["crm secret"]["message"])
    watch.look()
    # Times are told in UTC, whatever the time zone of the database.
    told = (
        "select to_char(raised_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from alert"
        " where subject = 'crm secret' and cleared_at is null"
    )
    zone: LiteralString = (
        "do $$ begin execute format('alter database %I set timezone to %L', current_database(), '{}'); end $$"
    )
    execute(common, zone.replace("{}", "Asia/Tokyo"))
    assert common.query(told)[0][0] in [one["since"] for one in watch.command(list_alerts)["alerts"]]
    execute(common, zone.replace("{}", "UTC"))
    execute(common, "update feed set token_at = now() - interval '6 days' where table_name = 'accounts'")
    assert watch.look() == [("expires", "changes of accounts")]
    common.sync("CUSTOMER", "VENDOR")
    assert [one["subject"] for one in watch.command(list_alerts)["alerts"] if one["kind"] == "expires"] == [
        "crm secret"
    ]


def test_a_digest_gathers(
    common: World, pair: tuple[str, str], other_pair: tuple[str, str], mail: MailServer, hook: HookServer
) -> None:
    execute(common, "update schedule_entry set next_start = now() + interval '1 day'")
    watch = Watch(common, mail, hook, KOBLING_ALERTS_DIGEST_MINUTES="60")
    conflict(common, pair, "First")
    assert watch.look() == []
    execute(common, "update schedule_entry set attempts = 3 where id in (select min(id) from schedule_entry)")
    assert watch.look(59) == []
    assert {kind for kind, _ in watch.look(61)} == {"conflicts", "failed"}
    assert (len(mail.messages), len(hook.posts)) == (1, 1)
    execute(common, "update schedule_entry set attempts = 0")
    common.resolve("bc", mapping="CUSTOMER")


def test_a_channel_that_fails_is_counted_and_tried_again_and_the_other_one_is_told(
    common: World, pair: tuple[str, str], mail: MailServer, hook: HookServer, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(common, mail, hook)
    before = watch.sent()
    mail.refuse, hook.status = "550 nobody of that name", 302
    conflict(common, pair, "Third")
    assert (watch.look(), watch.look(0.5), mail.messages, hook.posts) == ([], [], [], [])
    assert "The web hook answers 302." in caplog.text
    assert "takes no mail" in caplog.text
    assert "canary-72aa" not in caplog.text
    hook.status = 204
    assert watch.look(2) == [("conflicts", "CUSTOMER")]
    mail.refuse = ""
    watch.look(10)
    assert (len(mail.messages), len(hook.posts)) == (1, 1)
    after = watch.sent()
    assert after["webhook", "failed"] - before.get(("webhook", "failed"), 0) == 1
    assert after["mail", "failed"] - before.get(("mail", "failed"), 0) == 2
    common.resolve("bc", mapping="CUSTOMER")


def test_a_test_names_what_is_wrong_with_a_channel(common: World, mail: MailServer, hook: HookServer) -> None:
    watch = Watch(common, mail, hook, KOBLING_MAIL_SECRET="wrong", KOBLING_WEBHOOK_URL="http://127.0.0.1:9/x")
    document, status = watch.command(try_channels)
    told: dict[str, Document] = {one["channel"]: one for one in document["channels"]}
    assert "535 5.7.8 who are you" in told["mail"]["message"]
    assert "cannot be reached" in told["webhook"]["message"]
    assert (status, told["mail"]["ok"], told["webhook"]["ok"]) == (UnreachableError.exit_status, False, False)
    watch = Watch(common, mail, hook, KOBLING_MAIL_SECURITY="starttls")
    by_mail, _ = watch.command(try_channels)[0]["channels"]
    assert "STARTTLS extension not supported" in by_mail["message"]
    assert "Change security" in by_mail["cure"]
    # The words of libraries would show a letter of the password, and the key in an address.
    place = f"http://127.0.0.1:{mail.port}/x?key=canary"
    watch = Watch(common, mail, hook, KOBLING_MAIL_SECRET="canäry", KOBLING_WEBHOOK_URL=place)
    by_mail, by_hook = watch.command(try_channels)[0]["channels"]
    assert "beyond ASCII" in by_mail["message"]
    assert "cannot be reached" in by_hook["message"]
    assert not re.search(r"ä|xe4|canary", str((by_mail, by_hook)))
    with pytest.raises(ConfigurationError, match=r"No channel is configured"):
        common.command(try_channels)


def test_one_of_all_workers_looks_once_a_minute(common: World, mail: MailServer, hook: HookServer) -> None:
    one = Watch(common, mail, hook)
    one.command(watch)
    marked = common.query("select mark from mark where name = 'watched'")
    one.command(watch)
    assert common.query("select mark from mark where name = 'watched'") == marked != []


def test_channels_are_checked_before_they_are_used(common: World) -> None:
    def refused(**variables: str) -> str:
        with pytest.raises(ConfigurationError) as caught:
            read_configuration(common.path, common.environment | variables)
        return str(caught.value)

    assert "[webhook] secret is not set" in refused(KOBLING_WEBHOOK_URL="https://b.example/x")
    assert "over http" in refused(KOBLING_WEBHOOK_URL="http://b.example/x", KOBLING_WEBHOOK_SECRET="x")
    mail = {"KOBLING_MAIL_HOST": "b.example", "KOBLING_MAIL_RECIPIENTS": "a@b.example"}
    assert "[mail] sender is not set" in refused(**mail)
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(ConfigurationError, match="a password that could be read"))
        mail |= {"KOBLING_MAIL_SENDER": "a@b.example", "KOBLING_MAIL_SECURITY": "none"}
        read_configuration(common.path, common.environment | mail | {"KOBLING_MAIL_USER": "a"})
