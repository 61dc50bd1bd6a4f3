"""Aim: whatever stands in the file or in the environment is either understood or refused in one line that
names the place, what is wrong and how to mend it; and no secret ever shows.

Method: real files with real modes, real programs for secrets, an environment given as a dictionary.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.model.errors import ConfigurationError
from kobling.service.configuration import (
    SECTIONS,
    Configuration,
    configuration_path,
    read_configuration,
    require,
    variable_of,
)
from kobling.service.settings import settings_of_file

CANARY = "canary-7f3a"
WHOLE = """\
[bc]
tenant = "contoso.example"
environment = "Production Å"
company = "Fjordlys"
client_id = "app"
secret_file = "my.secret"
[crm]
url = "https://contoso.crm4.dynamics.com/"
tenant = "contoso.example"
client_id = "app"
secret = "in the file"
"""


def written(folder: Path, text: str | bytes = WHOLE, mode: int = 0o600) -> Path:
    path = folder / "kobling.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def read(folder: Path, text: str | bytes = WHOLE, **environment: str) -> Configuration:
    return read_configuration(written(folder, text), environment)


def refused(folder: Path, text: str | bytes = WHOLE, **environment: str) -> str:
    """The one line with which this is refused."""
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text, **environment)
    return line_of(caught.value)


@pytest.mark.scenario("SU-19")
def line_of(error: ConfigurationError) -> str:
    assert error.exit_status == 2
    assert error.cure
    assert "\n" not in str(error)
    return str(error)


def test_what_is_written_is_read_and_the_rest_has_its_documented_value(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert (
        found.bc.root == "https://api.businesscentral.dynamics.com/v2.0/contoso.example/Production%20%C3%85"
    )
    assert found.bc.token_url == "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
    assert found.bc.scope == "https://api.businesscentral.dynamics.com/.default"
    assert (found.crm.url, found.crm.scope) == (
        "https://contoso.crm4.dynamics.com",
        "https://contoso.crm4.dynamics.com/.default",
    )
    assert (found.connection.name, found.connection.owner_model) == ("default", "person")
    assert not found.database.url
    assert found.crm.secret.reveal() == "in the file"


@pytest.mark.scenario("SU-20")
@pytest.mark.parametrize(
    ("section", "key"), [(section, key) for section, keys in SECTIONS.items() for key in keys]
)
def test_every_key_is_also_a_variable_which_wins(tmp_path: Path, section: str, key: str) -> None:
    values = {
        "url": "postgresql://db.example/b" if section == "database" else "https://b.example",
        "token_url": "https://b.example/token",
        "ca_file": "b.pem",
        "owner_model": "team",
        "format": "json",
        "level": "warning",
        "port": "8600",
        "public_url": "https://b.example",
        "web_url": "https://b.example",
        "security": "tls",
        "secret_expires": "2027-01-31",
        "secret_file": "b.secret",
        "secret_command": f"{sys.executable} -c \"print('b')\"",
    }
    (tmp_path / "b.secret").write_text("b\n")
    (tmp_path / "b.secret").chmod(0o600)
    value = values.get(key, "7" if section in {"alerts", "retention"} else "b")
    beside = {variable_of(section, "secret"): "b"} if section == "webhook" and key == "url" else {}
    if section == "mail" and key == "host":
        beside = {variable_of(section, one): "a@b.example" for one in ("sender", "recipients")}
    found = getattr(read(tmp_path, WHOLE, **{variable_of(section, key): value, **beside}), section)
    if key in {"secret", "secret_file", "secret_command"}:
        assert found.secret.reveal() == "b"
    elif section == "database":
        assert found.url.reveal() == value
    elif key in {"recipients", "connections"}:
        assert getattr(found, key) == (tmp_path / value if key == "connections" else value,)
    else:
        assert str(getattr(found, key)) == (str(tmp_path / value) if key == "ca_file" else value)


def test_a_variable_without_a_value_counts_as_not_set(tmp_path: Path) -> None:
    found = read(tmp_path, KOBLING_DATABASE_URL="", KOBLING_BC_COMPANY=" ", KOBLING_BC_URI="")
    assert not found.database.url
    assert found.bc.company == "Fjordlys"


def test_variables_of_other_sections_and_programs_are_left_alone(tmp_path: Path) -> None:
    others = {"KOBLING_CONFIG": "x", "KOBLING_DEBUG": "1", "KOBLING_BC": "x", "BC_URI": "x"}
    assert repr(read(tmp_path, **others, KOBLINGER_BC_URI="x")) == repr(read(tmp_path))


@pytest.mark.scenario("SU-14")
@pytest.mark.scenario("SU-30")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[bc]\ntenant = "a\n', "line 2"),
        (b'[bc]\n\ncompany = "\xff"\n', "line 3 is no UTF-8"),
        ("x = " + "[" * 50_000, "nested too deep"),
        ("#" * 1_000_001, "1,000,000 bytes"),
        ("[bcc]\n", "unknown section 'bcc'. Did you mean 'bc'?"),
        (
            'url = "x"\n',
            "unknown key 'url'. Use a section: bc, crm, database, connection, log, worker, web,",
        ),
        ('[crm]\nurll = "x"\n', "unknown key 'urll' in [crm]. Did you mean 'url'?"),
        ('[crm]\nzzz = "x"\n', "Use a key of [crm]: url, tenant, client_id,"),
        ("crm = 5\n", "'crm' must be a section, found a number. Write [crm]."),
        ("[bc]\ntenant = 5\n", "[bc] tenant must be text, found a number."),
        ("[bc]\ntenant = true\n", "found a switch (true or false)"),
        ('[bc]\ntenant = ["a"]\n', "found a list"),
        ("[bc]\ntenant = {a = 1}\n", "found a table"),
        ("[bc]\ntenant = 2026-01-01\n", "found a date"),
        ('[bc]\ntenant = "a\\nb"\n', "[bc] tenant holds a line break"),
        ('[connection]\nowner_model = "group"\n', "is 'group'. Use one of: person, team."),
        ('[log]\nformat = "xml"\n', "is 'xml'. Use one of: text, json."),
        ('[log]\nlevel = "loud"\n', "is 'loud'. Use one of: info, debug, warning, error."),
        ('[web]\nport = "http"\n', "Use a number from 0 to 65535."),
        ('[web]\nport = "65536"\n', "Use a number from 0 to 65535."),
        ('[bc]\nsecret = "a"\nsecret_command = "b"\n', "Two secrets are given"),
        ('[bc]\nurl = "api.example"\n', "no https address"),
        ('[bc]\nurl = "ftp://api.example"\n', "no https address"),
        ('[bc]\nurl = "https://"\n', "no https address"),
        ('[bc]\nurl = "https://a.example:port"\n', "host or port cannot be read"),
        ('[bc]\nurl = "https://a.example/v2.0/t/e"\n', "more than the service's address"),
        ('[crm]\nurl = "https://a.example/?app=1"\n', "more than the service's address"),
        ('[crm]\nurl = "https://a.example/#x"\n', "more than the service's address"),
        ('[crm]\nurl = "https://a b.example"\n', "has a blank"),
        ('[crm]\nurl = "http://a.example"\n', "Use https"),
        ('[crm]\ntoken_url = "http://a.example/token"\n', "Use https"),
        ('[crm]\ntoken_url = "https://a.example/token?x=1"\n', "more than"),
        ('[database]\nurl = "mysql://a"\n', "no PostgreSQL URL"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, text: str | bytes, words: str) -> None:
    line = refused(tmp_path, text)
    assert words in line
    assert str(tmp_path / "kobling.toml") in line


def test_a_misspelt_variable_of_a_known_section_is_named(tmp_path: Path) -> None:
    line = refused(tmp_path, KOBLING_CRM_CLIENTID="x")
    assert (
        line
        == "The environment variable KOBLING_CRM_CLIENTID is unknown. Did you mean 'KOBLING_CRM_CLIENT_ID'?"
    )


def test_an_error_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    assert refused(tmp_path, KOBLING_BC_URL="http://a.example").startswith(
        "KOBLING_BC_URL is 'http://a.example'"
    )


@pytest.mark.scenario("SU-13")
@pytest.mark.scenario("SU-38")
@pytest.mark.parametrize(
    "address",
    [
        "https://contoso.crm4.dynamics.com",
        "https://contoso.crm4.dynamics.com/",
        "HTTPS://Contoso.CRM4.Dynamics.com//",
        " https://CONTOSO.crm4.dynamics.com ",
    ],
)
def test_an_address_is_one_however_it_is_spelt(tmp_path: Path, address: str) -> None:
    found = read(tmp_path, WHOLE, KOBLING_CRM_URL=address).crm
    assert (found.url, found.scope) == (
        "https://contoso.crm4.dynamics.com",
        "https://contoso.crm4.dynamics.com/.default",
    )


@pytest.mark.parametrize("address", ["http://127.0.0.1:80", "http://localhost", "http://[::1]:8080"])
def test_http_is_for_this_machine(tmp_path: Path, address: str) -> None:
    assert read(tmp_path, KOBLING_CRM_URL=address).crm.url == address


def test_a_missing_file_says_how_to_get_one_and_a_directory_that_it_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as missing:
        read_configuration(tmp_path / "none.toml", {})
    assert "Run `kobling init`" in line_of(missing.value)
    with pytest.raises(ConfigurationError) as directory:
        read_configuration(tmp_path, {})
    assert "Is a directory" in line_of(directory.value)
    with pytest.raises(ConfigurationError) as long:
        read_configuration(tmp_path / ("a" * 300), {})
    assert "cannot be read (File name too long" in line_of(long.value)


def test_the_path_given_wins_then_the_variable_then_the_present_directory(tmp_path: Path) -> None:
    named = {"KOBLING_CONFIG": str(tmp_path / "b.toml")}
    assert configuration_path(tmp_path / "a.toml", named) == tmp_path / "a.toml"
    assert configuration_path(None, named) == tmp_path / "b.toml"
    assert configuration_path(None, {}) == Path.cwd() / "kobling.toml"


@pytest.mark.parametrize(("section", "key"), [("bc", "tenant"), ("bc", "environment"), ("crm", "secret")])
def test_what_is_missing_is_named_when_it_is_needed(tmp_path: Path, section: str, key: str) -> None:
    text = "\n".join(line for line in WHOLE.splitlines() if not (line.startswith(key) and key != "tenant"))
    if key == "tenant":
        text = text.replace('tenant = "contoso.example"\n', "", 1)
    with pytest.raises(ConfigurationError) as caught:
        require(read(tmp_path, text), section)
    line = line_of(caught.value)
    assert f"[{section}] {key} is not set" in line
    assert variable_of(section, key) in line


@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode())))
def test_any_bytes_are_understood_or_refused_in_one_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            read(Path(folder), content)
        except ConfigurationError as error:
            line_of(error)


# Secrets


def secret_error(configuration: Configuration) -> str:
    with pytest.raises(ConfigurationError) as caught:
        configuration.bc.secret.reveal()
    line = line_of(caught.value)
    assert CANARY not in line
    return line


def test_a_secret_is_read_from_a_file_of_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "my.secret"
    file.write_text(f"{CANARY}\n")
    file.chmod(0o600)
    assert read(tmp_path).bc.secret.reveal() == CANARY
    for mode in (0o640, 0o604, 0o644):
        file.chmod(mode)
        assert f"chmod 600 {file}" in secret_error(read(tmp_path))


def test_a_secret_in_the_configuration_needs_that_file_to_be_private(tmp_path: Path) -> None:
    configuration = read(tmp_path, f'[bc]\nsecret = "{CANARY}"\n')
    assert configuration.bc.secret.reveal() == CANARY
    configuration = read(tmp_path, f'[bc]\nsecret = "{CANARY}"\n')
    configuration.path.chmod(0o644)
    assert f"chmod 600 {configuration.path}" in secret_error(configuration)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (CANARY.encode() + b"\nmore\n", "several lines"),
        (CANARY.encode() + b"\x00", "control character"),
        (CANARY.encode() + b"\xff", "no UTF-8"),
    ],
)
def test_a_file_that_holds_no_secret_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "my.secret"
    file.write_bytes(content)
    file.chmod(0o600)
    line = secret_error(read(tmp_path))
    assert words in line
    assert "[bc] secret_file" in line


def test_a_missing_secret_file_is_named_when_it_is_needed(tmp_path: Path) -> None:
    assert f"{tmp_path / 'my.secret'} cannot be read (No such file" in secret_error(read(tmp_path))


def command(code: str) -> str:
    return f'[bc]\nsecret_command = """{sys.executable} -c "{code}" """\n'


def test_a_program_prints_the_secret_and_starts_beside_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, command("import os; print(os.getcwd())"))
    assert found.bc.secret.reveal() == os.path.realpath(tmp_path)
    # No shell stands between.
    assert read(tmp_path, command("import sys; print(sys.argv[1:])") + "").bc.secret.reveal() == "[]"
    assert (
        read(tmp_path, '[bc]\nsecret_command = "echo $HOME; echo x"\n').bc.secret.reveal() == "$HOME; echo x"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (command(f"print('{CANARY}'); exit(3)"), "ended with 3"),
        (command(f"import sys; print('{CANARY}', file=sys.stderr); exit(1)"), "ended with 1"),
        (command("pass"), "is empty"),
        (command(f"print('{CANARY}'); print(2)"), "several lines"),
        ('[bc]\nsecret_command = "no-such-program-here a"\n', "'no-such-program-here' cannot be run"),
        ('[bc]\nsecret_command = "a \'b"\n', "cannot be taken apart"),
    ],
)
def test_a_program_that_gives_no_secret_is_named(
    tmp_path: Path, text: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert words in secret_error(read(tmp_path, text))
    assert capfd.readouterr() == ("", "")


def test_a_secret_of_the_environment_replaces_whatever_kind_the_file_has(tmp_path: Path) -> None:
    found = read(tmp_path, command("exit(1)"), KOBLING_BC_SECRET=CANARY)
    assert found.bc.secret.reveal() == CANARY


def test_nothing_is_run_or_opened_before_the_secret_is_needed(tmp_path: Path) -> None:
    mark = tmp_path / "was-run"
    found = read(tmp_path, command(f"open('{mark}', 'w'); print(1)"))
    assert found.bc.secret
    assert not mark.exists()
    assert found.bc.secret.reveal() == "1"
    assert mark.exists()


def test_no_representation_shows_a_secret(tmp_path: Path) -> None:
    url = f"postgresql://user:{CANARY}@db.example/b"
    found = read(
        tmp_path, f'[bc]\nsecret = "{CANARY}"\n', KOBLING_CRM_SECRET=CANARY, KOBLING_DATABASE_URL=url
    )
    assert found.crm.secret.reveal() == CANARY
    assert found.database.url.reveal() == url
    assert CANARY not in repr(settings_of_file(found.path, SECTIONS))
    for shown in (
        repr(found),
        str(found),
        f"{found.crm.secret}",
        f"{found.bc.secret!r}",
        str([found.database]),
    ):
        assert CANARY not in shown


@pytest.mark.parametrize(
    "address",
    [f"https://user:{CANARY}@a.example", f"https://user:{CANARY}/b@a.example", f"https://{CANARY}@:x"],
)
def test_a_password_in_an_address_is_refused_unseen(tmp_path: Path, address: str) -> None:
    assert CANARY not in refused(tmp_path, KOBLING_BC_URL=address)
