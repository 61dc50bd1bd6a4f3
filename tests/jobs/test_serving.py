"""Aim: `kobling serve` works through the schedule, tells whether it lives and works, and what was done.

Method: the real process on a free port, asked over HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from docs.test_reference import text_of
from engine.world import World
from jobs.processes import Process, ask, only

Start = Callable[..., Process]


def served_at(process: Process) -> str:
    heard = [one for one in process.lines if one["message"] == "listens"]
    line = heard[0] if heard else process.said("listens")
    return f"http://{line['host']}:{line['port']}"


def values(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^(kobling\S*) (\S+)$", text, re.MULTILINE)}


def test_serve_runs_the_schedule_and_answers(synchronized: World, start: Start) -> None:
    only(synchronized, "CUSTOMER")
    process = start("serve")
    # The worker and the web face begin side by side.
    place = served_at(process)
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, city="Kirkenes")
    only(synchronized, "CUSTOMER")
    process.until(lambda line: line.get("mapping") == "CUSTOMER" and line.get("to") == {"modified": 1})
    assert synchronized.account(account)["address1_city"] == "Kirkenes"
    assert ask(f"{place}/health") == (200, '{"status": "ok"}')
    assert ask(f"{place}/ready") == (200, '{"status": "ready"}')
    assert ask(f"{place}/nothing")[0] == 404
    assert process.stop() == 0


def test_every_metric_that_is_told_is_documented_and_counts(synchronized: World, start: Start) -> None:
    only(synchronized, "CUSTOMER")
    process = start("serve")
    process.said("finished")
    place = served_at(process)
    status, text = ask(f"{place}/metrics")
    assert status == 200
    told = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    assert told == set(re.findall(r"^\| `(kobling\S+)` \|", text_of("metrics.md"), re.MULTILINE))
    known = values(text)
    inserted = known[
        'kobling_records_total{connection="default",direction="to",mapping="CUSTOMER",outcome="inserted"}'
    ]
    rows = synchronized.query(
        "select sum((counts->'to'->>'inserted')::int)::float8 from job join mapping"
        " on mapping.id = mapping_id where name = 'CUSTOMER'"
    )
    assert rows == [(inserted,)]
    assert known['kobling_requests_total{connection="default",mapping="CUSTOMER",system="bc"}'] >= 1
    assert known['kobling_open_records{connection="default",mapping="CUSTOMER",reason="waiting"}'] == 1
    assert known["kobling_workers"] >= 1
    assert known['kobling_lag_seconds{connection="default",mapping="CURRENCY"}'] == 0
    assert process.stop() == 0


def test_without_its_database_it_lives_but_is_not_ready(synchronized: World, start: Start) -> None:
    only(synchronized)
    process = start("serve")
    place = served_at(process)
    assert ask(f"{place}/ready")[0] == 200
    _forbid(synchronized, "false")
    status, text = ask(f"{place}/ready")
    assert (status, json.loads(text)["status"]) == (503, "not ready")
    assert ask(f"{place}/metrics")[0] == 503
    assert ask(f"{place}/health")[0] == 200
    _forbid(synchronized, "true")
    assert ask(f"{place}/ready")[0] == 200
    assert process.stop() == 0


def test_a_place_that_is_taken_is_told(synchronized: World, start: Start) -> None:
    first = start("serve")
    port = first.said("listens")["port"]
    second = start("serve", port=port)
    assert second.process.wait(timeout=60) == 2
    assert f"127.0.0.1:{port}" in second.rest()
    assert first.stop() == 0


def _forbid(world: World, allowed: str) -> None:
    """Nobody may connect to the database any more, or everybody again."""
    import psycopg
    from psycopg import sql

    url = world.environment["KOBLING_DATABASE_URL"]
    name = url.partition("///")[2].partition("?")[0]
    with psycopg.connect(url.replace(f"///{name}?", "///postgres?"), autocommit=True) as database:
        statement = sql.SQL("alter database {} with allow_connections " + allowed)
        database.execute(statement.format(sql.Identifier(name)))
