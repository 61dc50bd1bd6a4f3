"""Aim: a newcomer comes from nothing to a connection that is known to work, and each thing that can be wrong
on the way is one line with its cure, the right exit status, and no secret.

Method: the real command as a process of its own against a served sandbox with faults.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cli.program import call
from sandboxes import Sandbox, addresses
from tidy.test_start_up import LATE, imported_by

CANARY = "canary-93d1"
BC_STEPS = ["bc sign-in", "bc company", "bc extension", "bc rights"]
CRM_STEPS = ["crm sign-in", "crm organization", "crm user", "crm change tracking", "crm rights"]
STEPS = ["configuration", *BC_STEPS, *CRM_STEPS, "database"]
Kobling = Callable[..., "subprocess.CompletedProcess[str]"]


def surroundings(**more: str) -> dict[str, str]:
    """The environment of this process without what would configure kobling."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KOBLING_")}
    return kept | more


@pytest.fixture
def kobling(tmp_path: Path) -> Kobling:
    """Runs the command in a directory of the test's own; every line of its answer is without the canary."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = call(*words, environment=environment, folder=tmp_path)
        assert CANARY not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def ports(sandbox: Sandbox) -> list[str]:
    bc, crm = (urlsplit(each).port for each in (sandbox.business_central, sandbox.dataverse))
    return ["--bc-port", str(bc), "--crm-port", str(crm)]


@pytest.fixture(scope="session")
def initial(served: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what `init --sandbox` writes."""
    folder = tmp_path_factory.mktemp("initial")
    command = [sys.executable, "-m", "kobling", "init", "--sandbox", *ports(served)]
    subprocess.run(command, cwd=folder, env=surroundings(), check=True, capture_output=True)
    return folder


@pytest.fixture
def ready(kobling: Kobling, initial: Path, sandbox: Sandbox, database_url: str, tmp_path: Path) -> Kobling:
    """The command with a configuration for the sandbox; the database is one of a running server."""
    shutil.copytree(initial, tmp_path, dirs_exist_ok=True)

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return kobling(*words, **{"KOBLING_DATABASE_URL": database_url} | environment)

    return run


def steps(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """The steps of `connection test --json` by name."""
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert set(document) == {"ok", "checks"}
    assert all(set(check) == {"name", "ok", "message", "cure"} for check in document["checks"])
    assert document["ok"] is (done.returncode == 0) is all(check["ok"] for check in document["checks"])
    return {check["name"]: check for check in document["checks"]}


def failed(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [name for name, check in steps(done).items() if not check["ok"]]


def refused(done: subprocess.CompletedProcess[str], status: int = 2) -> str:
    """The one line with which the command refused."""
    assert (done.returncode, done.stdout) == (status, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("kobling: ")
    return line


@pytest.mark.scenario("SU-35")
# init


def test_for_a_sandbox_nothing_else_need_be_set(kobling: Kobling, sandbox: Sandbox, tmp_path: Path) -> None:
    done = kobling("init", "--sandbox", *ports(sandbox))
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE((tmp_path / "kobling.secret").stat().st_mode) == 0o600
    assert (tmp_path / "kobling.secret").read_text() == "sandbox\n"
    assert "Next: `kobling connection test`." in done.stdout
    tested = kobling("connection", "test")
    assert (tested.returncode, tested.stderr) == (0, "")
    lines = tested.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"ok     {name}" for name in STEPS]
    assert (tmp_path / "kobling-data").is_dir()


def test_what_is_there_is_not_overwritten_unless_asked(
    kobling: Kobling, sandbox: Sandbox, tmp_path: Path
) -> None:
    file, secret = tmp_path / "kobling.toml", tmp_path / "kobling.secret"
    file.write_text("mine")
    assert "kobling.toml is there already" in refused(kobling("init"))
    assert "kobling.toml is there already" in refused(kobling("init", "--sandbox", *ports(sandbox)))
    assert not secret.exists()
    file.unlink()
    secret.write_text(CANARY)
    secret.chmod(0o644)
    assert "kobling.secret is there already" in refused(kobling("init", "--sandbox", *ports(sandbox)))
    assert (secret.read_text(), file.exists()) == (CANARY, False)
    assert kobling("init", "--sandbox", *ports(sandbox), "--force").returncode == 0
    assert (secret.read_text(), stat.S_IMODE(secret.stat().st_mode)) == ("sandbox\n", 0o600)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["kobling.secret", "kobling.toml"]


@pytest.mark.parametrize("place", ["before", "after", "variable"])
def test_the_file_is_the_one_that_is_named(
    kobling: Kobling, sandbox: Sandbox, place: str, tmp_path: Path
) -> None:
    named = str(tmp_path / "deep" / "side two.toml")
    before = ["--config", named] if place == "before" else []
    after = ["--config", named] if place == "after" else []
    variable = {"KOBLING_CONFIG": named} if place == "variable" else {}
    made = kobling(*before, "init", "--sandbox", *ports(sandbox), *after, "--json", **variable)
    assert made.returncode == 0
    document = json.loads(made.stdout)
    assert document["written"] == [str(tmp_path / "deep" / "side two.secret"), named]
    following = "kobling connection test" + ("" if variable else f" --config '{named}'")
    assert document["next"] == following
    assert [one.name for one in tmp_path.iterdir()] == ["deep"]
    tested = kobling(*before, "connection", "test", *after, "--json", **variable)
    assert steps(tested)["configuration"]["message"] == named


@pytest.mark.scenario("SU-06")
@pytest.mark.scenario("SU-07")
@pytest.mark.scenario("SU-36")
@pytest.mark.scenario("SU-37")
@pytest.mark.scenario("SU-39")
def test_what_comes_after_the_command_wins(kobling: Kobling, tmp_path: Path) -> None:
    kobling("--config", "a.toml", "init", "--config", "b.toml", KOBLING_CONFIG="c.toml")
    assert [one.name for one in tmp_path.iterdir()] == ["b.toml"]


def test_the_template_is_filled_in_key_by_key(kobling: Kobling, tmp_path: Path, database_url: str) -> None:
    made = kobling("init")
    assert made.returncode == 0
    assert [one.name for one in tmp_path.iterdir()] == ["kobling.toml"]
    given = {"KOBLING_DATABASE_URL": database_url}
    for step, key in [("bc", "TENANT"), ("bc", "CLIENT_ID"), ("crm", "URL"), ("crm", "TENANT")]:
        done = kobling("connection", "test", "--json", **given)
        assert done.returncode == 2
        check = steps(done)[f"{step} sign-in"]
        assert f"[{step}] {key.lower()} is not set" in check["message"]
        variable = f"KOBLING_{step}_{key}".upper()
        assert variable in check["cure"]
        given[variable] = "https://127.0.0.1:9" if key == "URL" else "x"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["init", "--bc-port", "5"], "--bc-port and --crm-port belong to --sandbox"),
        (["init", "--sandbox"], "--sandbox needs --bc-port and --crm-port"),
        (["init", "--sandbox", "--bc-port", "5", "--crm-port", "0"], "--crm-port"),
        (["init", "--sandbox", "--bc-port", "x", "--crm-port", "5"], "--bc-port"),
        (["init", "--config", "/dev/null/x.toml"], "cannot be written"),
        (["init", "--what"], "--what"),
        (["sinc"], "No such command 'sinc'"),
        (["connection", "tst"], "Did you mean 'test'"),
        (["connection", "test", "more"], "more"),
    ],
)
def test_wrong_usage_is_one_line(kobling: Kobling, tmp_path: Path, words: list[str], said: str) -> None:
    assert said in refused(kobling(*words))
    assert list(tmp_path.iterdir()) == []


def test_without_a_command_the_help_is_shown_as_a_usage_error(kobling: Kobling) -> None:
    done = kobling()
    assert (done.returncode, done.stdout) == (2, "")
    assert "connection" in done.stderr


@pytest.mark.scenario("SU-16")
# connection test


def test_each_step_says_what_was_found(ready: Kobling) -> None:
    found = {name: check["message"] for name, check in steps(ready("--json", "connection", "test")).items()}
    assert list(found) == STEPS
    words = {
        "bc sign-in": "environment 'production'",
        "bc company": "'Fjordlys'",
        "bc extension": "extension's API answers",
        "bc rights": "changes",
        "crm organization": "'fjordlys'",
        "crm user": "'# kobling', an application user",
        "crm change tracking": "on for account",
        "crm rights": "accounts",
        "database": "schema is up to date",
    }
    assert {name: text for name, text in words.items() if text not in found[name]} == {}


def test_nothing_is_written_to_either_service(ready: Kobling, sandbox: Sandbox) -> None:
    def held() -> list[dict[str, object]]:
        states = [sandbox.control(each, "state") for each in (sandbox.business_central, sandbox.dataverse)]
        return [{name: value for name, value in state.items() if name != "now"} for state in states]

    before = held()
    assert "counts" in before[0]
    assert ready("connection", "test").returncode == 0
    assert held() == before


@pytest.mark.scenario("SU-08")
@pytest.mark.parametrize(
    ("environment", "status", "wrong", "said"),
    [
        ({"KOBLING_BC_SECRET": CANARY}, 3, BC_STEPS, "refuses client 'kobling'"),
        ({"KOBLING_CRM_SECRET": CANARY}, 3, CRM_STEPS, "refuses client 'kobling'"),
        ({"KOBLING_BC_TENANT": "other"}, 3, BC_STEPS, "Tenant 'other' not found"),
        ({"KOBLING_BC_URL": "http://127.0.0.1:9"}, 3, BC_STEPS, "127.0.0.1:9 does not answer"),
        ({"KOBLING_CRM_TOKEN_URL": "http://127.0.0.1:9/t"}, 3, CRM_STEPS, "127.0.0.1:9 does not answer"),
        ({"KOBLING_CRM_URL": "https://no-such-host.invalid"}, 3, CRM_STEPS, "no-such-host.invalid"),
        ({"KOBLING_BC_ENVIRONMENT": "elsewhere"}, 3, BC_STEPS, "404"),
        ({"KOBLING_BC_COMPANY": "Fjordlis"}, 2, BC_STEPS[1:], "has no company 'Fjordlis'"),
        ({"KOBLING_CRM_CA_FILE": "none.pem"}, 2, CRM_STEPS, "none.pem cannot be used"),
        ({"KOBLING_CRM_CA_FILE": "kobling.toml"}, 2, CRM_STEPS, "kobling.toml cannot be used"),
        ({"KOBLING_BC_SECRET_FILE": "none"}, 2, BC_STEPS, "none cannot be read"),
        ({"KOBLING_BC_SECRET_COMMAND": f"sh -c 'echo {CANARY}; exit 4'"}, 2, BC_STEPS, "'sh' ended with 4"),
        (
            {"KOBLING_DATABASE_URL": f"postgresql://u:{CANARY}@127.0.0.1:9/x"},
            3,
            ["database"],
            "cannot be reached",
        ),
        ({"KOBLING_DATABASE_URL": f"postgresql://u:x/{CANARY}@h/x"}, 2, ["database"], "%40"),
    ],
)
def test_what_is_wrong_in_one_place_hides_nothing_of_the_others(
    ready: Kobling, environment: dict[str, str], status: int, wrong: list[str], said: str
) -> None:
    done = ready("connection", "test", "--json", **environment)
    assert (done.returncode, failed(done)) == (status, wrong)
    first = steps(done)[wrong[0]]
    assert said in f"{first['message']} {first['cure']}"
    assert first["cure"]
    for name in wrong[1:]:
        assert steps(done)[name]["message"] == f"Not tested, as '{wrong[0]}' failed."


def test_people_read_one_line_a_step(ready: Kobling) -> None:
    done = ready("connection", "test", KOBLING_BC_SECRET=CANARY)
    assert (done.returncode, done.stderr) == (3, "")
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0].split(None, 1) for line in lines] == [
        ["FAILED" if name in BC_STEPS else "ok", name] for name in STEPS
    ]
    assert lines[1].endswith(
        "Check the client id, the secret and its expiry, and the application user's rights."
    )


@pytest.mark.parametrize(
    ("side", "rule", "wrong", "said"),
    [
        ("bc", {"path": "api/v2.0/companies", "action": "html", "status": 200}, BC_STEPS, "not JSON"),
        ("bc", {"path": "api/v2.0/companies", "action": "truncate"}, BC_STEPS, "Business Central"),
        ("bc", {"path": "oauth2", "action": "html", "status": 200}, BC_STEPS, "not JSON"),
        (
            "bc",
            {"path": "rowVersions", "action": "status", "status": 404},
            BC_STEPS[2:],
            "Install the kobling",
        ),
        ("bc", {"path": "customers", "action": "status", "status": 403}, ["bc rights"], "read customers"),
        (
            "bc",
            {"method": "PATCH", "path": "customers", "action": "status", "status": 403},
            ["bc rights"],
            "missing: change customers",
        ),
        ("crm", {"path": "WhoAmI", "action": "html", "status": 501}, CRM_STEPS, "501"),
        ("crm", {"path": "WhoAmI", "action": "truncate"}, CRM_STEPS, "Dataverse"),
        ("crm", {"path": "WhoAmI", "action": "status", "status": 401}, CRM_STEPS, "refuses the token"),
        ("crm", {"path": "organizations", "action": "status", "status": 403}, CRM_STEPS[1:], "that right"),
        ("crm", {"path": "systemusers\\(", "action": "status", "status": 403}, ["crm user"], "privilege"),
        ("crm", {"path": "EntityDef", "action": "status", "status": 500}, ["crm change tracking"], "500"),
        ("crm", {"path": "/accounts", "action": "status", "status": 403}, ["crm rights"], "read accounts"),
        (
            "crm",
            {"method": "PATCH", "path": "/accounts", "action": "status", "status": 403},
            ["crm rights"],
            "missing: change accounts",
        ),
    ],
)
def test_a_bad_answer_is_named_with_its_step(
    ready: Kobling, sandbox: Sandbox, side: str, rule: dict[str, Any], wrong: list[str], said: str
) -> None:
    base = sandbox.business_central if side == "bc" else sandbox.dataverse
    sandbox.control(base, "faults", {"rules": [rule]})
    done = ready("connection", "test", "--json")
    assert (done.returncode, failed(done)) == (3, wrong)
    first = steps(done)[wrong[0]]
    assert said in f"{first['message']} {first['cure']}"


def test_a_disabled_user_is_named(ready: Kobling, sandbox: Sandbox) -> None:
    done = ready("connection", "test", "--json", KOBLING_CRM_CLIENT_ID="SYSTEM")
    assert failed(done) == ["crm user"]
    assert "disabled" in steps(done)["crm user"]["message"]


def test_a_database_that_cannot_start_is_named(kobling: Kobling, sandbox: Sandbox, tmp_path: Path) -> None:
    kobling("init", "--sandbox", *ports(sandbox))
    (tmp_path / "kobling-data").write_text("no directory")
    done = kobling("connection", "test", "--json")
    assert (done.returncode, failed(done)) == (3, ["database"])
    assert "set KOBLING_DATABASE_URL" in steps(done)["database"]["cure"]


def test_a_wrong_configuration_is_the_one_step_that_is_told(kobling: Kobling, tmp_path: Path) -> None:
    (tmp_path / "kobling.toml").write_text('[crm]\nurl = "https://a.example"\nsecrett = "canary"\n')
    done = kobling("connection", "test", "--json")
    assert (done.returncode, failed(done)) == (2, ["configuration"])
    assert steps(done)["configuration"]["cure"] == "Did you mean 'secret'?"


def other_sandbox(*words: str) -> AbstractContextManager[dict[str, Any]]:
    return addresses("--dataset", "empty", *words)


def configured(folder: Path, place: dict[str, Any], more: str = "") -> None:
    lines = []
    for section, base in (("bc", place["business_central"]), ("crm", place["dataverse"])):
        lines += [f"[{section}]", f'url = "{base}"', 'tenant = "sandbox"', 'client_id = "kobling"', more]
        lines += ['secret = "sandbox"', f'token_url = "{base}{{tenant}}/oauth2/v2.0/token"']
        lines += ['environment = "production"'] if section == "bc" else []
    (folder / "kobling.toml").write_text("\n".join(lines))
    (folder / "kobling.toml").chmod(0o600)


def test_of_several_companies_one_must_be_named(kobling: Kobling, tmp_path: Path, database_url: str) -> None:
    with other_sandbox("--companies", "2") as place:
        configured(tmp_path, place)

        def company(name: str) -> subprocess.CompletedProcess[str]:
            given = {"KOBLING_BC_COMPANY": name, "KOBLING_DATABASE_URL": database_url}
            return kobling("connection", "test", "--json", **given)

        done = company("")
        assert (done.returncode, failed(done)) == (2, BC_STEPS[1:])
        check = steps(done)["bc company"]
        assert "has 2 companies" in check["message"]
        names = check["cure"].partition("id: ")[2].rstrip(".").replace("'", "").split(", ")
        assert len(names) == 2
        for name in names:
            found = steps(company(name))["bc company"]["message"]
            assert f"{name!r}" in found
            identifier = found.rpartition("(")[2].rstrip(")")
            assert steps(company(f"{{{identifier.upper()}}}"))["bc company"]["message"] == found


def test_an_authority_of_ones_own_is_trusted_when_it_is_named(
    kobling: Kobling, tmp_path: Path, database_url: str
) -> None:
    with other_sandbox("--tls") as place:
        configured(tmp_path, place)
        done = kobling("connection", "test", "--json", KOBLING_DATABASE_URL=database_url)
        assert (done.returncode, failed(done)) == (3, [*BC_STEPS, *CRM_STEPS])
        assert "certificate that is not trusted" in steps(done)["bc sign-in"]["message"]
        assert "ca_file" in steps(done)["bc sign-in"]["cure"]
        configured(tmp_path, place, f'ca_file = "{place["ca_file"]}"')
        done = kobling("connection", "test", "--json", KOBLING_DATABASE_URL=database_url)
        assert failed(done) == []


# How every command ends


def _heeds_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_ends_the_command_at_once_and_without_a_trace(ready: Kobling, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        given = surroundings(KOBLING_BC_URL=address, KOBLING_BC_TOKEN_URL=f"{address}/token")
        command = [sys.executable, "-m", "kobling", "connection", "test"]
        with subprocess.Popen(
            command,
            cwd=tmp_path,
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs the tests in the background has told them to ignore interrupts.
            preexec_fn=_heeds_interrupts,
        ) as process:
            # It has asked and waits for an answer that never comes.
            connection, _ = silent.accept()
            assert connection.recv(1)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)
            connection.close()
    assert (process.returncode, said) == (130, ("", ""))


@pytest.mark.parametrize("words", [["--help"], ["init", "--json"]])
def test_a_reader_that_has_gone_is_no_error(tmp_path: Path, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "kobling", *words]
    done = subprocess.run(
        command, cwd=tmp_path, env=surroundings(), stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


BROKEN = f"""
from kobling.cli import main

@main.app.command()
def broken() -> None:
    raise LookupError("{CANARY}")

main.main()
"""


def test_a_bug_is_one_line_and_its_trace_is_shown_on_demand() -> None:
    command = [sys.executable, "-c", BROKEN, "broken"]
    done = subprocess.run(command, env=surroundings(), capture_output=True, text=True, check=False)
    line = refused(done, 70)
    assert "bug: LookupError" in line
    assert "issue tracker" in line
    assert CANARY not in line
    traced = subprocess.run(
        command, env=surroundings(KOBLING_DEBUG="1"), capture_output=True, text=True, check=False
    )
    assert traced.returncode == 70
    assert f"LookupError: {CANARY}" in traced.stderr


def test_what_the_terminal_cannot_show_is_shown_in_part(ready: Kobling) -> None:
    done = ready("connection", "test", KOBLING_BC_COMPANY="Blåfjell", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert "Bl\\xe5fjell" in done.stdout


@pytest.mark.parametrize("words", [("init",), ("connection", "test")])
def test_help_imports_nothing_that_it_does_not_need(words: tuple[str, ...]) -> None:
    assert imported_by("-m", "kobling", *words, "--help") & LATE == set()
