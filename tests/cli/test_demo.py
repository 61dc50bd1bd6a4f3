"""A newcomer runs the demo: it ends by itself, says what it did, and leaves nothing behind."""

import subprocess
import sys


def _kobling(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "kobling", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def test_the_demo_matches_merges_shows_the_one_conflict_and_resolves_it() -> None:
    done = _kobling("demo", "--once")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "CUSTOMER: 12 coupled by number." in done.stdout
    assert "C00370" in done.stdout
    lines = [
        line.split(", ") for line in done.stdout.splitlines() if line.startswith(("  BC: ", "  Sales: "))
    ]
    assert [line[1:] for line in lines] == [["Bergen", "+47 55 00 11 22"]] * 4
    names = [line[0].partition(":")[2].strip() for line in lines]
    assert names == ["Named in BC", "Named in Sales", "Named in BC", "Named in BC"]
    assert done.stdout.count("Conflict: Name was") == 1
    assert "No conflicts are left." in done.stdout
    assert "CONTACT: 16 coupled by e-mail address." in done.stdout
    assert "Tora Vik: customer C00450 of its company CT000059" in done.stdout
    assert "In Sales, Tora Vik is the primary contact of Fjellheimen Hotell AS." in done.stdout
    deleted = [line for line in done.stdout.splitlines() if line.startswith("  C00040 ")]
    assert len(deleted) == 1
    assert "deleted" in deleted[0]
    assert "  Restored: in Sales there is Nordlys Mobler Norge AS again." in done.stdout
    assert "Accounts with another telephone: 3; with their own again after the undo: 3." in done.stdout
    assert "ITEM-PRODUCT: To integration table: 20 inserted, 1 modified, 1 outside." in done.stdout
    assert "RESOURCE-PRODUCT: To integration table: 3 inserted, 1 modified." in done.stdout
    # A product that was made in Sales is an item now, another one a resource.
    assert done.stdout.count("From integration table: 1 inserted.") >= 2
    assert " failed" not in done.stdout
    last = done.stdout.rstrip().splitlines()[-1]
    assert " checked: " in last
    assert last.endswith(" 1 waiting, 0 different.")


def test_version_and_help_answer() -> None:
    assert _kobling("--version").stdout.strip()
    assert "demo" in _kobling("--help").stdout


def test_an_unknown_command_is_a_usage_error() -> None:
    assert _kobling("sinc").returncode == 2
