"""The demo: the main job on a sandbox of its own, edits on both sides, and what became of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kobling.cli.show import progress_bar, say, say_job, say_verified, wait_notice
from kobling.model.errors import KoblingError, UnreachableError
from kobling.model.mapping import DeletionConflict
from kobling.service.checks import check_connection, extension_api
from kobling.service.configuration import Configuration, read_configuration
from kobling.service.couplings import list_couplings
from kobling.service.initial import Ports, write_initial
from kobling.service.matching import MatchRequest, match_couplings
from kobling.service.session import Session, open_session
from kobling.service.synchronize import Request, synchronize
from kobling.service.undo import undo_job
from kobling.service.verify import verify
from kobling.service.waiting import Resolution, Word, list_conflicts, list_skipped, resolve_conflicts, speak

_DELETED: Final = "C00040"
_PERSON: Final = "Anna"


def run_demo(*, once: bool) -> None:
    """Runs the demo; without `once` the sandbox stays until Ctrl-C."""
    with (
        tempfile.TemporaryDirectory(prefix="kobling-demo-", ignore_cleanup_errors=True) as folder,
        _sandbox() as place,
    ):
        bc, crm = (urllib.parse.urlsplit(place[name]).port for name in ("business_central", "dataverse"))
        path = Path(folder) / "kobling.toml"
        write_initial(path, Ports(bc=bc or 0, crm=crm or 0), replace=False)
        configuration = read_configuration(path)
        asyncio.run(_story(configuration))
        if not once:
            _until_interrupted(configuration)


@contextmanager
def _sandbox() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "kobling_sandbox.cli", "serve", "--bc-port", "0", "--crm-port", "0"]
    command += ["--dataset", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise UnreachableError("The sandbox did not start.", cure="Install kobling with `[sandbox]`.")
            yield json.loads(line)
        finally:
            process.terminate()


def _until_interrupted(configuration: Configuration) -> None:
    say()
    say("The sandbox and its data stay until Ctrl-C. In another terminal, try for example:")
    say(f"  export KOBLING_CONFIG={configuration.path}")
    say("  kobling job list; kobling coupling list CUSTOMER; kobling sync --all --dry-run")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say("Stopped; everything that the demo started is gone.")


async def _story(configuration: Configuration) -> None:
    _title("The connection")
    await _test(configuration)
    async with open_session(configuration) as session:
        _title("Records that stand on both sides are coupled")
        await _match(session)
        _title("A full synchronization")
        await _full(session)
        _title("A person edits one pair on both sides")
        person = _Person(configuration)
        pair = await _pair(session)
        _edit(person, pair)
        await _sync(session, Request(mappings=("CUSTOMER",)))
        await _conflict(session, person, pair)
        _title("A person makes a customer with a contact; the contact alone is synchronized, and waits")
        await _newcomers(session, person)
        _title("A person deletes an account in Sales; nothing else is deleted, and a person decides")
        await _deletion(session, person)
        _title(
            "Somebody gives every customer in Bergen the same telephone; the job that took it over is undone"
        )
        await _mistake(session, person)
        _title("Both sides are read afresh and compared")
        await _verify(session)


def _title(text: str) -> None:
    say()
    say(text)


async def _test(configuration: Configuration) -> None:
    checked = await check_connection(configuration)
    for check in checked.checks:
        say(f"  {check.name}: {check.message}")
    if not checked.ok:
        raise KoblingError("The connection to the sandbox does not work.")


async def _match(session: Session) -> None:
    passes = (
        ("SALESPEOPLE", "E-Mail=internalemailaddress", "e-mail address"),
        ("VENDOR", "Name=name", "name"),
        ("CUSTOMER", "No.=accountnumber", "number"),
        ("CUSTOMER", "Name=name", "name"),
        ("CONTACT", "E-Mail=emailaddress1", "e-mail address"),
    )
    for mapping, on, words in passes:
        request = MatchRequest(mapping=mapping, on=(on,), use="bc")
        document, _ = await match_couplings(session, request, wait=wait_notice)
        say(f"  {mapping}: {len(document['matched'])} coupled by {words}.")


async def _full(session: Session) -> None:
    await _sync(session, Request(all=True, full=True))


async def _sync(session: Session, request: Request) -> list[dict[str, Any]]:
    with progress_bar(quiet=False) as progress:
        document, _ = await synchronize(session, request, progress=progress, wait=wait_notice)
    for job in document["jobs"]:
        say_job(job)
    return list(document["jobs"])


async def _pair(session: Session) -> dict[str, str]:
    return min(await _couplings(session), key=lambda one: str(one["number"]))


def _edit(person: _Person, pair: dict[str, str]) -> None:
    person.change("bc", "customers", pair["bc_id"], {"city": "Bergen", "name": "Named in BC"})
    changes = {"telephone1": "+47 55 00 11 22", "name": "Named in Sales"}
    person.change("crm", "accounts", pair["crm_id"], changes)
    say(f"  {pair['number']} in Business Central: city Bergen, name 'Named in BC'.")
    say("  The same account in Sales: telephone +47 55 00 11 22, name 'Named in Sales'.")


async def _conflict(session: Session, person: _Person, pair: dict[str, str]) -> None:
    _title("City and telephone are merged; the name is the one conflict, and each side keeps its own")
    _show(person, pair)
    for one in (await list_conflicts(session))["conflicts"]:
        say(f"  Conflict: {one['field']} was {one['base']!r}; BC has {one['bc']!r}, Sales {one['crm']!r}.")
    _title("It is resolved: Business Central's name holds")
    request = Resolution(use="bc", mapping="CUSTOMER", record=f"bc:{pair['bc_id']}")
    await resolve_conflicts(session, request, wait=wait_notice)
    _show(person, pair)
    left = len((await list_conflicts(session))["conflicts"])
    say(f"  {left or 'No'} conflicts are left.")


async def _newcomers(session: Session, person: _Person) -> None:
    customer, contact = _make(person)
    await _sync(session, Request(mappings=("CONTACT",), full=True, records=(f"bc:{contact['id']}",)))
    _title("The customer gets its account; the contact goes through by itself, then is the primary contact")
    await _sync(session, Request(mappings=("CUSTOMER",), full=True, records=(f"bc:{customer['id']}",)))
    await _sync(session, Request(mappings=("CUSTOMER", "CONTACT")))
    [account] = [one["crm_id"] for one in await _couplings(session) if one["bc_id"] == customer["id"]]
    primary = person.read("crm", "accounts", account)["_primarycontactid_value"]
    found = person.read("crm", "contacts", primary)
    says = "is the primary contact of" if found["_parentcustomerid_value"] == account else "is no contact of"
    say(f"  In Sales, {found['fullname']} {says} {customer['name']}.")


def _make(person: _Person) -> tuple[dict[str, Any], dict[str, Any]]:
    """A customer, and a person of its company who is its primary contact."""
    customer = person.create("bc", "customers", {"name": "Fjellheimen Hotell AS", "salespersonCode": "AH"})
    relations = person.everything("bc", "contactBusinessRelations")
    company = next(one["contactNo"] for one in relations if one["no"] == customer["no"])
    values = {"type": "Person", "companyNo": company, "firstName": "Tora", "surname": "Vik"}
    contact = person.create("bc", "contacts", values)
    person.change("bc", "customers", customer["id"], {"primaryContactNo": contact["no"]})
    say(f"  Customer {customer['no']} {customer['name']}, contact {contact['no']} {contact['name']}.")
    return customer, contact


async def _couplings(session: Session) -> list[dict[str, str]]:
    return list((await list_couplings(session, "CUSTOMER"))["couplings"])


def _show(person: _Person, pair: dict[str, str]) -> None:
    bc = person.read("bc", "customers", pair["bc_id"])
    crm = person.read("crm", "accounts", pair["crm_id"])
    say(f"  BC:    {bc['name']}, {bc['city']}, {bc['phoneNo']}")
    say(f"  Sales: {crm['name']}, {crm['address1_city']}, {crm['telephone1']}")


async def _deletion(session: Session, person: _Person) -> None:
    couplings = (await list_couplings(session, "CUSTOMER"))["couplings"]
    pair = next(one for one in couplings if one["number"] == _DELETED)
    person.delete("crm", "accounts", pair["crm_id"])
    await _sync(session, Request(mappings=("CUSTOMER",)))
    for one in (await list_skipped(session))["skipped"]:
        if one["reason"] == "deleted":
            say(f"  {one['number']} {one['name']}: {one['message']}.")
    word = Word(mapping="CUSTOMER", record=_DELETED, deletion=DeletionConflict.RESTORE)
    await speak(session, word, wait=wait_notice)
    [made] = [one["crm_id"] for one in await _couplings(session) if one["number"] == _DELETED]
    say(f"  Restored: in Sales there is {person.read('crm', 'accounts', made)['name']} again.")


async def _mistake(session: Session, person: _Person) -> None:
    coupled = {one["bc_id"]: one["crm_id"] for one in await _couplings(session)}
    customers = [one for one in person.everything("bc", "customers") if one["city"] == "Bergen"]
    accounts = [coupled[one["id"]] for one in customers if one["id"] in coupled]
    before = _telephones(person, accounts)
    for one in customers:
        person.change("bc", "customers", one["id"], {"phoneNo": "+47 00 00 00 00"})
    [job] = await _sync(session, Request(mappings=("CUSTOMER",)))
    changed = _telephones(person, accounts)
    await undo_job(session, job["job"], dry_run=False, wait=wait_notice)
    after = _telephones(person, accounts)
    wrong = sum(one != other for one, other in zip(before, changed, strict=True))
    right = sum(one == other for one, other in zip(before, after, strict=True))
    say(f"  Accounts with another telephone: {wrong}; with their own again after the undo: {right}.")


def _telephones(person: _Person, accounts: list[str]) -> list[str]:
    return [str(person.read("crm", "accounts", one)["telephone1"]) for one in accounts]


async def _verify(session: Session) -> None:
    document, _ = await verify(session, (), progress=lambda what, count: None)
    say_verified(document)


class _Person:
    """Somebody who works in both systems through their own APIs, and knows nothing of kobling."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        company = self._send("GET", f"{configuration.bc.root}/api/v2.0/companies", "bc")["value"][0]["id"]
        self._place = {
            "bc": extension_api(configuration, company),
            "crm": f"{configuration.crm.url}/api/data/v9.2",
        }

    def read(self, system: str, table: str, identifier: str) -> dict[str, Any]:
        """The record as the system shows it."""
        return self._send("GET", f"{self._place[system]}/{table}({identifier})", system)

    def everything(self, system: str, table: str) -> list[dict[str, Any]]:
        """The records of a table."""
        return list(self._send("GET", f"{self._place[system]}/{table}", system)["value"])

    def create(self, system: str, table: str, values: dict[str, str]) -> dict[str, Any]:
        """Makes a record; what it then holds."""
        return self._send("POST", f"{self._place[system]}/{table}", system, values)

    def change(self, system: str, table: str, identifier: str, values: dict[str, str]) -> None:
        """Writes these values, whatever the record held."""
        self._send("PATCH", f"{self._place[system]}/{table}({identifier})", system, values)

    def delete(self, system: str, table: str, identifier: str) -> None:
        """Deletes a record."""
        self._send("DELETE", f"{self._place[system]}/{table}({identifier})", system)

    def _send(self, method: str, url: str, system: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token(system)}", "Content-Type": "application/json"}
        if method == "PATCH":
            headers["If-Match"] = "*"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the sandbox's address
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            text = answer.read()
        return dict(json.loads(text)) if text else {}

    def _token(self, system: str) -> str:
        place = self._configuration.bc if system == "bc" else self._configuration.crm
        form = {
            "grant_type": "client_credentials",
            "client_id": _PERSON,
            "client_secret": place.secret.reveal(),
            "scope": place.scope,
        }
        data = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(place.token_url, data, timeout=30) as answer:  # noqa: S310
            return str(json.load(answer)["access_token"])
