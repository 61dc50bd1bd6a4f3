"""Aim: `doctor` and `connection setup` say what they found in one line each, and end with the right status.

Method: the real commands against a served sandbox.
"""

from __future__ import annotations

import json
import subprocess

from cli.program import call
from engine.conftest import world
from engine.world import World

__all__ = ["world"]


def run(world: World, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return call("--config", str(world.path), *words, environment=world.environment | environment)


def test_a_sound_installation_is_said_to_be(world: World) -> None:
    done = run(world, "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    levels = {line.split()[0] for line in done.stdout.splitlines()}
    assert levels <= {"ok", "hint"}
    document = json.loads(run(world, "doctor", "--json").stdout)
    assert document["ok"] is True
    assert {"name", "level", "message", "cure"} == set(document["checks"][0])


def test_a_problem_has_its_cure_and_its_status(world: World) -> None:
    done = run(world, "doctor", KOBLING_BC_SECRET_EXPIRES="2020-01-01")
    assert done.returncode == 2
    [line] = [one for one in done.stdout.splitlines() if one.startswith("problem")]
    assert line.startswith("problem bc secret: it expired on 2020-01-01. Make a new secret")
    unreachable = run(world, "doctor", "--json", KOBLING_CRM_URL="http://127.0.0.1:9")
    assert unreachable.returncode == 3
    assert json.loads(unreachable.stdout)["ok"] is False


def test_a_configuration_that_cannot_be_read_is_a_problem_of_its_own(world: World) -> None:
    world.path.write_text("[bc\n")
    done = run(world, "doctor")
    assert (done.returncode, done.stderr) == (2, "")
    [line] = done.stdout.splitlines()
    assert line.startswith("problem configuration: ")


def test_a_set_up_is_checked_or_applied(world: World) -> None:
    usage = run(world, "connection", "setup")
    assert usage.returncode == 2
    assert "--check or --apply" in usage.stderr
    world._control("crm", "variants", {"untracked": ["account"]})
    checked = run(world, "connection", "setup", "--check")
    assert checked.returncode == 1
    missing = [line for line in checked.stdout.splitlines() if line.startswith("MISSING")]
    assert [line.partition(":")[0] for line in missing] == ["MISSING change tracking of account"]
    applied = run(world, "connection", "setup", "--apply", "--json")
    assert applied.returncode == 0
    made = [one["name"] for one in json.loads(applied.stdout)["requirements"] if one["applied"]]
    assert made == ["change tracking of account"]
