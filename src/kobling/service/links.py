"""Where a person opens a record, in the web client of its own system."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from kobling.catalogue.definition import OPTION_ROUTE, Definition
from kobling.model.values import guid
from kobling.service.session import COMPANY_NAME, Session


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of the records of one mapping, up to what tells a record apart; "" where a record has no
    page of its own, or where it is not known which address the web client has."""

    bc: str
    crm: str

    def of(self, number: str, crm_id: str) -> dict[str, str | None]:
        """The addresses of a record of Business Central with that number, and of one of Sales with that id,
        each None where it is not known."""
        # A quotation mark within a value of a filter is written twice.
        value = number.replace("'", "''")
        return {
            "bc_url": f"{self.bc}{quote(value, safe='')}%27" if self.bc and number else None,
            "crm_url": f"{self.crm}{crm_id}" if self.crm and crm_id else None,
        }


async def links_of(session: Session, definition: Definition) -> Links:
    """The addresses of a mapping's records; nothing is asked of the services."""
    known = (await session.state.marks()).get(COMPANY_NAME)
    configuration = session.configuration
    company = configuration.bc.company if known is None else known
    entity = "" if definition.crm.route.startswith(OPTION_ROUTE) else definition.crm.table
    return Links(
        bc="" if guid(company) else _page(configuration.bc.web, company, definition),
        crm=f"{configuration.crm.url}/main.aspx?etn={entity}&pagetype=entityrecord&id=" if entity else "",
    )


def _page(web: str, company: str, definition: Definition) -> str:
    """The page of one record, up to the value of its number."""
    table = definition.bc
    if not web or not table.page or table.number is None:
        return ""
    chosen = f"company={quote(company, safe='')}&" if company else ""
    field = quote(table.columns[table.number].caption, safe="")
    return f"{web}/?{chosen}page={table.page}&filter=%27{field}%27%20IS%20%27"
