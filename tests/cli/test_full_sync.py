"""Aim: at a terminal a full synchronization asks before it starts and at its end; elsewhere it asks nothing.

Method: the real command in a pseudo-terminal, or with pipes, against a served sandbox.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from cli.program import call
from engine.conftest import world
from engine.world import World
from kobling.service.mappings import show_mappings

__all__ = ["world"]

QUESTION = "May jobs go on creating records"


def arguments(world: World, *words: str) -> list[str]:
    return ["--config", str(world.path), "full-sync", *words]


def run(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    return call(*arguments(world, *words), environment=world.environment)


def at_terminal(world: World, answers: str, *words: str) -> str:
    """What the command shows to a person who types these answers ahead."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "kobling", *arguments(world, *words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, **world.environment, "TERM": "dumb"},
    ):
        os.close(theirs)
        os.write(ours, answers.encode())
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:
            # The other end is closed.
            pass
    os.close(ours)
    return shown.decode()


def jobs(world: World) -> int:
    return int(world.query("select count(*) from job")[0][0])


@pytest.mark.scenario("SU-15")
def coupled_only(world: World, name: str) -> bool:
    return bool(world.command(lambda one: show_mappings(one, name))["variants"][0]["synch_only_coupled"])


def test_who_declines_has_started_nothing(world: World) -> None:
    shown = at_terminal(world, "n\n", "start", "CURRENCY")
    assert "CURRENCY: full" in shown
    assert "Start these 1?" in shown
    assert "Nothing was started" in shown
    assert jobs(world) == 0


def test_whether_jobs_go_on_creating_is_asked_at_the_end(world: World) -> None:
    shown = at_terminal(world, "y\nn\n", "start", "CURRENCY")
    assert QUESTION in shown
    assert coupled_only(world, "CURRENCY")
    assert QUESTION in at_terminal(world, "y\n", "start", "SALESPEOPLE", "--yes")
    assert not coupled_only(world, "SALESPEOPLE")


def test_elsewhere_nothing_is_asked(world: World) -> None:
    done = run(world, "start", "CURRENCY", "--json", "--keep-creating", "yes")
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    assert [one["mapping"] for one in document["lines"]] == ["CURRENCY"]
    assert document["keep_creating"] is True
    assert not coupled_only(world, "CURRENCY")
    plain = run(world, "start", "SALESPEOPLE")
    assert QUESTION not in plain.stdout + plain.stderr
    assert plain.returncode == 0
    assert coupled_only(world, "SALESPEOPLE")


def test_duplicates_are_refused_with_what_to_do(world: World) -> None:
    done = run(world, "start")
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert "CUSTOMER" in line
    assert "--create" in line
    assert jobs(world) == 0


def test_the_review_is_read_by_people_and_programs(world: World) -> None:
    shown = run(world, "review")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "CUSTOMER: Business Central holds 37, 37 uncoupled" in shown.stdout
    lines = json.loads(run(world, "review", "--json").stdout)["lines"]
    assert {"mapping", "recommendation", "status", "bc", "crm"} <= set(lines[0])
