"""Aim: look-ups of Dataverse are plain values for the engine, whichever names the wire has for them.

Method: written and read through the adapter, against a served sandbox.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from adapters.kits import ACCOUNTS, CONTACTS, CRM, pages
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Table
from kobling.ports import Method, Outcome, Row, RowWrite, Service
from sandboxes import Sandbox

TABLES = (
    ACCOUNTS,
    CONTACTS,
    Table(name="team", caption="Team", route="teams", key="teamid", columns=()),
    Table(name="systemuser", caption="User", route="systemusers", key="systemuserid", columns=()),
    Table(name="bcbi_company", caption="BC", route="bcbi_companies", key="bcbi_companyid", columns=()),
)
COLUMNS = tuple(one.name for one in ACCOUNTS.columns)


async def written(service: Service, table: Table, row: Row | None = None, **body: Any) -> Row:
    """The row as the service gives it back, which must be what a read and the feed give too."""
    columns = tuple(one.name for one in table.columns)
    write = RowWrite(
        method=Method.CREATE if row is None else Method.UPDATE,
        table=table.route,
        id=str(uuid.uuid4()) if row is None else row["id"],
        body=body,
        version="" if row is None else row["@odata.etag"],
        select=columns,
    )
    [result] = await service.write([write])
    assert result.outcome is Outcome.DONE, result
    assert result.row is not None
    made = {name: result.row[name] for name in (*columns, "id", "@odata.etag", "modifiedBy")}
    read = (await service.read(table.route, columns, [write.id]))[write.id]
    fed = [one for page in await pages(service, table.route, columns) for one in page.rows]
    for other in (read, next(one for one in fed if one["id"] == write.id)):
        assert {name: other[name] for name in made} == made
    return made


async def first_id(service: Service, route: str) -> str:
    found = await pages(service, route, [])
    return str(found[0].rows[0]["id"])


def test_a_look_up_to_one_table_is_its_id(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        contact = await written(service, CONTACTS, lastname="Lie")
        other = await written(service, CONTACTS, lastname="Moe")
        company = await first_id(service, "bcbi_companies")
        account = await written(
            service, ACCOUNTS, name="A", primarycontactid=contact["id"], bcbi_companyid=company
        )
        assert (account["primarycontactid"], account["bcbi_companyid"]) == (contact["id"], company)
        account = await written(service, ACCOUNTS, account, primarycontactid=other["id"])
        assert (account["primarycontactid"], account["bcbi_companyid"]) == (other["id"], company)

    CRM.run(sandbox, work, tables=TABLES)


@pytest.mark.parametrize("blank", [None, "", "00000000-0000-0000-0000-000000000000"])
def test_blank_clears_a_look_up(sandbox: Sandbox, blank: str | None) -> None:
    async def work(service: Service) -> None:
        contact = await written(service, CONTACTS, lastname="Lie")
        company = await first_id(service, "bcbi_companies")
        account = await written(
            service, ACCOUNTS, name="A", primarycontactid=contact["id"], bcbi_companyid=company
        )
        account = await written(service, ACCOUNTS, account, primarycontactid=blank, bcbi_companyid=blank)
        assert (account["primarycontactid"], account["bcbi_companyid"]) == (None, None)
        child = await written(service, CONTACTS, lastname="Li", parentcustomerid=f"account/{account['id']}")
        child = await written(service, CONTACTS, child, parentcustomerid=blank)
        assert child["parentcustomerid"] is None

    CRM.run(sandbox, work, tables=TABLES)


def test_a_look_up_to_several_tables_tells_which(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        account = await written(service, ACCOUNTS, name="A")
        assert account["ownerid"] == f"systemuser/{account['modifiedBy']}"
        team = await first_id(service, "teams")
        account = await written(service, ACCOUNTS, account, ownerid=f"team/{team}")
        assert account["ownerid"] == f"team/{team}"
        parent = await written(service, CONTACTS, lastname="Lie")
        for value in (f"account/{account['id']}", f"contact/{parent['id']}"):
            child = await written(service, CONTACTS, lastname="Moe", parentcustomerid=value)
            assert child["parentcustomerid"] == value

    CRM.run(sandbox, work, tables=TABLES)


def test_the_navigation_of_one_target_stands_for_those_of_all(sandbox: Sandbox) -> None:
    [lastname, parent] = CONTACTS.columns
    named = Table(
        name="contact",
        caption="Contact",
        route="contacts",
        key="contactid",
        columns=(
            lastname,
            type(parent)(
                name=parent.name,
                caption=parent.caption,
                targets=parent.targets,
                navigation="parentcustomerid_account",
            ),
        ),
    )

    async def work(service: Service) -> None:
        parent = await written(service, named, lastname="Lie")
        child = await written(service, named, lastname="Moe", parentcustomerid=f"contact/{parent['id']}")
        assert child["parentcustomerid"] == f"contact/{parent['id']}"
        child = await written(service, named, child, parentcustomerid=None)
        assert child["parentcustomerid"] is None

    CRM.run(sandbox, work, tables=(named,))


def test_a_look_up_to_a_missing_row_is_rejected_and_the_row_is_not_gone(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        account = await written(service, ACCOUNTS, name="A")
        missing = str(uuid.uuid4())
        [result] = await service.write([CRM.update(account, primarycontactid=missing)])
        assert (result.outcome, result.code) == (Outcome.REJECTED, "0x80040217")
        assert missing in result.message

    CRM.run(sandbox, work, tables=TABLES)


@pytest.mark.parametrize("value", ["lead/9f1b2c34-0000-4000-8000-000000000001", "no-table"])
def test_a_look_up_to_an_unknown_table_is_a_matter_of_configuration(sandbox: Sandbox, value: str) -> None:
    async def work(service: Service) -> None:
        account = await written(service, ACCOUNTS, name="A")
        with pytest.raises(ConfigurationError, match=r"account\.ownerid.*Its tables are systemuser, team"):
            await service.write([CRM.update(account, ownerid=value)])

    CRM.run(sandbox, work, tables=TABLES)


def test_what_plug_ins_make_of_a_write_comes_back_with_it(sandbox: Sandbox) -> None:
    rule = {"entity": "account", "on": "update", "field": "name", "upper": True}
    sandbox.control(sandbox.dataverse, "plugins", {"rules": [rule]})

    async def work(service: Service) -> None:
        account = await written(service, ACCOUNTS, name="A")
        account = await written(service, ACCOUNTS, account, name="Ærlig")
        assert account["name"] == "ÆRLIG"

    CRM.run(sandbox, work, tables=TABLES)
    sandbox.control(sandbox.dataverse, "plugins", {"rules": []})
