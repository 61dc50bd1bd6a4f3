"""The first configuration file: a template for a person to fill in, or complete for a running sandbox."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Final

import msgspec

from kobling.model.errors import ConfigurationError
from kobling.service.configuration import BUSINESS_CENTRAL_URL, DATABASE_EXAMPLE, DATAVERSE_EXAMPLE

_SANDBOX_SECRET: Final = "sandbox"  # noqa: S105 - the sandbox's published secret guards nothing
_SECRET_MODE: Final = 0o600
_FILE_MODE: Final = 0o644

_HEAD: Final = """\
# The configuration of kobling. Each key is also an environment variable, KOBLING_<SECTION>_<KEY>, which wins.
# A secret comes from a file (secret_file, mode 600, one line), from a program that prints it (secret_command)
# or from the environment (KOBLING_BC_SECRET, KOBLING_CRM_SECRET).
"""
_DATABASE: Final = f"""\
[database]
# Without a url an embedded PostgreSQL keeps its data in kobling-data/ beside this file.
# url = "{DATABASE_EXAMPLE}"
"""
_CONNECTION: Final = """\
[connection]
# The name under which the state is kept in the database.
name = "default"
# Who owns records in Sales: "person" or "team".
owner_model = "person"
"""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Where on this machine a sandbox listens."""

    bc: int
    crm: int


def write_initial(path: Path, sandbox: Ports | None, *, replace: bool) -> list[Path]:
    """Writes the file, and for a sandbox its secret beside it; gives what was written.

    Raises ConfigurationError where something is there already, unless it may be replaced, and where it cannot
    be written; then nothing is changed.
    """
    secret = secret_path(path)
    texts = {path: (_template(secret.name), _FILE_MODE)}
    if sandbox is not None:
        texts = {
            secret: (f"{_SANDBOX_SECRET}\n", _SECRET_MODE),
            path: (_sandbox(sandbox, secret.name), _FILE_MODE),
        }
    if not replace:
        _refuse_present(list(texts))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for file, (text, mode) in texts.items():
            write_whole(file, text, mode)
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename or path} cannot be written ({error.strerror}).",
            cure="Name another place with --config.",
        ) from None
    return list(texts)


def secret_path(path: Path) -> Path:
    """Where the secret of this configuration file lies: beside it, under its name."""
    beside = path.with_name(f"{path.stem}.secret")
    return path.with_name(f"{path.name}.secret") if beside == path else beside


def _refuse_present(files: list[Path]) -> None:
    present = [file for file in files if os.path.lexists(file)]
    if present:
        raise ConfigurationError(
            f"{present[0]} is there already; nothing was written.",
            cure="Name another file with --config, or replace it with --force.",
        )


def write_whole(file: Path, text: str, mode: int) -> None:
    """The file is there whole or not at all, and nobody else could read it for a moment."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(draft, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def _template(secret_name: str) -> str:
    secret = f"secret_file = {_quoted(secret_name)}"
    return f"""\
{_HEAD}# Fill in what is empty, then run: kobling connection test

[bc]
# Business Central. The application is registered in Microsoft Entra and known in Business Central.
url = "{BUSINESS_CENTRAL_URL}"
# The id or the domain of the Microsoft Entra tenant.
tenant = ""
environment = "production"
# Its name or id; empty where the environment has only one.
company = ""
client_id = ""
{secret}

[crm]
# Dataverse, e.g. {DATAVERSE_EXAMPLE}
url = ""
tenant = ""
client_id = ""
{secret}
# Both sections also take token_url, scope and ca_file (certificates of an authority of your own, PEM).

{_DATABASE}
{_CONNECTION}"""


def _sandbox(ports: Ports, secret_name: str) -> str:
    bc, crm = (f"http://127.0.0.1:{port}" for port in (ports.bc, ports.crm))
    secret = f"secret_file = {_quoted(secret_name)}"
    return f"""\
{_HEAD}
[bc]
url = "{bc}"
tenant = "sandbox"
environment = "production"
company = ""
client_id = "kobling"
token_url = "{bc}/{{tenant}}/oauth2/v2.0/token"
{secret}

[crm]
url = "{crm}"
tenant = "sandbox"
client_id = "kobling"
token_url = "{crm}/{{tenant}}/oauth2/v2.0/token"
{secret}

{_DATABASE}
{_CONNECTION}"""


def _quoted(text: str) -> str:
    """A TOML string: for what a file's name can hold, JSON writes it the same way."""
    return json.dumps(text, ensure_ascii=False)
