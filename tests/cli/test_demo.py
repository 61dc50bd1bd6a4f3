"""A newcomer runs the demo: it ends by itself, says what it did, and leaves nothing behind."""

import subprocess
import sys


def _kobling(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "kobling", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def test_the_demo_merges_edits_of_both_sides_and_shows_the_one_conflict() -> None:
    done = _kobling("demo", "--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert "inserted" in done.stdout
    lines = [line.split(", ") for line in done.stdout.splitlines() if line.startswith("  ")]
    assert [line[1:] for line in lines] == [["Bergen", "+47 55 00 11 22"]] * 2
    assert "One conflict waits for a person: Name" in done.stdout


def test_version_and_help_answer() -> None:
    assert _kobling("--version").stdout.strip()
    assert "demo" in _kobling("--help").stdout


def test_an_unknown_command_is_a_usage_error() -> None:
    assert _kobling("sinc").returncode == 2
