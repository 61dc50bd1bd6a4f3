"""Aim: what a service is asked to leave out is nothing that the filter lets through.

Method: drawn rows are created in a served sandbox, drawn filters are sent to it as far as they can be; what
comes, judged by our own predicate, must be what the predicate lets through of all rows.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.kits import BC, CRM, Kit
from kobling.adapters.dataverse.service import Dataverse
from kobling.adapters.odata.pushdown import Dialect, pushed
from kobling.algebra.filters import outside
from kobling.catalogue.definition import Changes
from kobling.catalogue.filter_text import parse_filter
from kobling.catalogue.load import definitions, executable
from kobling.model.mapping import Mapping, Side, Table
from kobling.ports import Method, Outcome, Row, RowWrite, Service
from sandboxes import Sandbox

CUSTOMER = definitions()["CUSTOMER"]
WORDS = [
    "Oslo",
    "oslo",
    "OSLO",
    "Osló",
    "O",
    "Bergen",
    "x'y",
    "50%",
    "a_b",
    "[ab]",
    "A*B",
    "a&b",
    "null",
    "Åre",
]
BLOCKED = ["_x0020_", "Ship", "Invoice", "All"]
SIDES = {"bc": Side.LEFT, "crm": Side.RIGHT}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def joined(term: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        term,
        lambda inner: st.builds(
            lambda parts, sign: "(" + sign.join(parts) + ")",
            st.lists(inner, min_size=2, max_size=3),
            st.sampled_from("|&"),
        ),
        max_leaves=4,
    )


word = st.sampled_from(WORDS).map(quoted)
bare = st.sampled_from(["O", "o", "s", "lo", "Ber", "å", "b", "%", "_", "'['", "'*'"])
texts = joined(
    st.one_of(
        word,
        word.map(lambda one: f"<>{one}"),
        st.sampled_from(["''", "<>''", "A..P", "..o", ">=b", "<O", "*", "?*", "<>O*", "@osl?", "<>@*o"]),
        st.builds(lambda *parts: "".join(parts), st.sampled_from(["", "*", "@"]), bare, st.just("*"), bare),
        st.builds(lambda one, end: f"{one}*{end}*", bare, bare),
    )
)
numbers = joined(
    st.sampled_from(["0", "''", "<>0", "0.5", "<>1000", "0.5..1000", "..0.5", ">0", "<=1000", "<0.5"])
)
FILTERS = {
    "bc": st.one_of(
        st.builds(lambda one: f"Name = {one}", texts),
        st.builds(lambda one: f"City = {one}", texts),
        st.builds(lambda one: f"Post Code = {one}", texts),
        st.builds(lambda one: f"Credit Limit (LCY) = {one}", numbers),
        st.builds(
            lambda one: f"Blocked = {one}",
            joined(st.sampled_from(["''", "Ship", "<>All", "<>''", "All|Invoice"])),
        ),
    ),
    "crm": st.one_of(
        st.builds(lambda one: f"name = {one}", texts),
        st.builds(lambda one: f"address1_city = {one}", texts | st.sampled_from(["null", "<>null"])),
        st.builds(lambda one: f"creditlimit = {one}", numbers | st.sampled_from(["null|0.5", "<>null"])),
        st.builds(
            lambda one: f"customertypecode = {one}",
            joined(st.sampled_from(["3", "<>3", "null", "<>null", "1..5", "3|11", "<>3&<>''"])),
        ),
        st.builds(
            lambda one: f"bcbi_companyid = {one}",
            joined(st.sampled_from(["''", "<>''", str(uuid.UUID(int=1)), f"<>{uuid.UUID(int=1)}"])),
        ),
        st.just(f"ownerid <> {uuid.UUID(int=1)}"),
    ),
}
amounts = st.sampled_from([Decimal(0), Decimal("0.5"), Decimal("0.49"), Decimal(1000), Decimal(7)])
maybe = st.none() | st.sampled_from(WORDS)
ROWS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "bc": st.fixed_dictionaries(
        {
            "name": st.sampled_from(WORDS),
            "city": st.sampled_from(["", *WORDS]),
            "postCode": st.sampled_from(["", "O", "OSLO", "A*B"]),
            "creditLimitLCY": amounts,
            "blocked": st.sampled_from(BLOCKED),
        }
    ),
    "crm": st.fixed_dictionaries(
        {
            "name": st.sampled_from(WORDS),
            "address1_city": maybe,
            "creditlimit": st.none() | amounts,
            "customertypecode": st.sampled_from([None, 3, 11, 1]),
        }
    ),
}


def filtered(kit: Kit, text: str) -> Table:
    """The table of CUSTOMER with that filter, and with all columns that the drawn filters are about."""
    side = getattr(CUSTOMER, kit.side)
    changes = Changes(**{f"{kit.side}_filter": parse_filter(text, side.columns)})
    mapping: Mapping = executable(CUSTOMER, changes, {"CONTACT", "CURRENCY", "SALESPEOPLE"})
    return mapping.table(SIDES[kit.side])


def inside(table: Table, rows: list[Row]) -> set[str]:
    values = [(row["id"], tuple(row.get(one.name) for one in table.columns)) for row in rows]
    return {identifier for identifier, held in values if outside(table, held) is None}


@pytest.mark.parametrize("kit", [BC, CRM], ids=["bc", "crm"])
def test_nothing_is_left_out_that_the_filter_lets_through(sandbox: Sandbox, kit: Kit) -> None:
    left_out = 0

    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(
        rows=st.lists(ROWS[kit.side], min_size=1, max_size=5),
        texts=st.lists(st.lists(FILTERS[kit.side], min_size=1, max_size=2), min_size=1, max_size=4),
    )
    def ask(rows: list[dict[str, Any]], texts: list[list[str]]) -> None:
        nonlocal left_out

        async def work(service: Service) -> int:
            made = await service.write(
                [
                    RowWrite(method=Method.CREATE, table=tables[0].route, id=str(uuid.uuid4()), body=one)
                    for one in rows
                ]
            )
            assert {one.outcome for one in made} == {Outcome.DONE}, made
            return sum([await compared(service, one) for one in tables])

        tables = [filtered(kit, " AND ".join(one)) for one in texts]
        left_out += kit.run(sandbox, work, tables=tables)

    ask()
    assert left_out > 0


async def compared(service: Service, table: Table) -> int:
    """How many rows the service left out; those that came are judged as all of them are."""
    columns = [one.name for one in table.columns]
    everything = [row async for page in service.changes(table.route, columns, None) for row in page.rows]
    came = [row async for rows in service.inside(table, columns) for row in rows]
    assert inside(table, came) == inside(table, everything), table.conditions
    if not isinstance(service, Dataverse):
        read = [row async for page in service.changes(table.route, columns, None, table) for row in page.rows]
        assert [row["id"] for row in read] == [row["id"] for row in came]
    return len(everything) - len(came)


@pytest.mark.parametrize(
    ("side", "text", "sent"),
    [
        ("bc", "Blocked = ''", "(blocked eq ' ')"),
        ("bc", "Blocked = Ship|'Not Known'", "((blocked eq 'Ship') or (blocked eq 'Not Known'))"),
        (
            "bc",
            "City = O*&*lo|Bergen",
            "(((startswith(city,'O')) and (endswith(city,'lo'))) or (city eq 'Bergen'))",
        ),
        (
            "bc",
            "City = O*sl*lo",
            "((startswith(city,'O')) and (contains(city,'sl')) and (endswith(city,'lo')))",
        ),
        ("bc", "City = @oslo", ""),
        ("bc", "City = @oslo|Bergen", ""),
        ("bc", "City <> Oslo", ""),
        ("bc", "City <> ''", "(city ne '')"),
        ("bc", "City = A..C", ""),
        ("bc", "City = '50%'*", ""),
        ("bc", "Credit Limit (LCY) = 0.5..1000", "((creditLimitLCY ge 0.5) and (creditLimitLCY le 1000))"),
        ("crm", "statecode = 0 AND name = Test", "(statecode eq 0) and (name eq 'Test')"),
        ("crm", "statecode <> 0", "(statecode ne 0 or statecode eq null)"),
        ("crm", "bcbi_companyid = null", "(_bcbi_companyid_value eq null)"),
        ("crm", "name = null", ""),
        ("crm", f"ownerid <> {uuid.UUID(int=1)}", ""),
        ("bc", "City = " + "|".join(["Oslo"] * 300) + " AND Blocked = Ship", "(blocked eq 'Ship')"),
    ],
)
def test_what_a_service_is_sent(side: str, text: str, sent: str) -> None:
    kit = BC if side == "bc" else CRM
    dialect = Dialect(nulls=side == "crm", name=lambda one: f"_{one.name}_value" if one.targets else one.name)
    assert pushed(filtered(kit, text), dialect) == sent
