"""What people do to customers and accounts between two runs, as values that Hypothesis draws.

A firm is a customer with its account. Values come from small sets, so that both sides often write the same
field, and now and then the same value.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from engine.world import Document, World
from stages import Stages

BC: Final = "bc"
CRM: Final = "crm"
SIDES: Final = (BC, CRM)
SYSTEMS: Final = {"left": BC, "right": CRM}
TABLES: Final = {BC: ("customers", "id"), CRM: ("accounts", "accountid")}
FIRMS: Final = 3
# A column of a customer, the column of an account that it is in step with, and the values it takes.
FIELDS: Final[dict[str, tuple[str, tuple[Any, ...]]]] = {
    "name": ("name", ("Anker AS", "Bergen AS", "ANKER AS")),
    "address": ("address1_line1", ("", "Torget 1", "Torget 2")),
    "address2": ("address1_line2", ("", "Floor 1", "Floor 2")),
    "eMail": ("emailaddress1", ("", "post@anker.example", "post@bergen.example")),
    "faxNo": ("fax", ("", "+47 22 00 00 01", "+47 22 00 00 02")),
    "phoneNo": ("telephone1", ("", "+47 33 00 00 01", "+47 33 00 00 02")),
}
# It flows to Sales only.
ONE_WAY: Final = {"creditLimitLCY": ("creditlimit", (0, 500, 1250))}
ALL_FIELDS: Final = FIELDS | ONE_WAY
_LEFT: Final = {BC: {"blocked": "All"}, CRM: {"statecode": 1, "statuscode": 2}}
_BACK: Final = {BC: {"blocked": "_x0020_"}, CRM: {"statecode": 0, "statuscode": 1}}
DRAWN: Final = settings(deadline=None, suppress_health_check=list(HealthCheck))
_NAMESPACE: Final = uuid.UUID("3f0c5b0e-6a0b-4c59-9d0f-5d1c1d0a7c11")


class Deed(NamedTuple):
    """What somebody does to a firm on one side: `edit` a field, `delete`, `leave` the filter or go `back`."""

    firm: int
    side: str
    what: str
    column: str = ""
    value: Any = None


@st.composite
def edits(draw: st.DrawFn) -> Deed:
    """A field of one of the firms gets a value, maybe the one that it has."""
    column = draw(st.sampled_from(sorted(ALL_FIELDS)))
    side = BC if column in ONE_WAY else draw(st.sampled_from(SIDES))
    value = draw(st.sampled_from(ALL_FIELDS[column][1]))
    return Deed(draw(st.integers(0, FIRMS - 1)), side, "edit", column, value)


def deeds() -> st.SearchStrategy[Deed]:
    """Mostly edits."""
    rare = st.builds(
        Deed,
        st.integers(0, FIRMS - 1),
        st.sampled_from(SIDES),
        st.sampled_from(("new", "new", "delete", "leave", "back")),
        st.just(""),
        st.none(),
    )
    return st.one_of(edits(), edits(), edits(), rare)


@dataclass
class Firm:
    """ids: of its records by side, of those that are there."""

    ids: dict[str, str]


class Office:
    """People at work in one world, of which every example begins anew with the same firms."""

    def __init__(self, world: World, stages: Stages) -> None:
        self.world = world
        self.stages = stages
        self._count = 0
        self._begun = world.stage
        customer, account = world.pair()
        shared = ("salespersonCode", "currencyCode", "countryRegionCode")
        self._customer = {one: world.customer(customer)[one] for one in shared}
        owner = world.account(account)["_ownerid_value"]
        self._account = {"customertypecode": 3, "ownerid@odata.bind": f"/systemusers({owner})"}

    def begin(self, update_conflict: str = "none", deletion_conflict: str = "none") -> list[Firm]:
        """The firms, coupled, whom nobody has touched yet, and the policies that hold; nothing is due."""
        world, self._count, made = self.world, FIRMS, [self._id(BC, number) for number in range(FIRMS)]
        world.stage = self._begun
        self.stages.reach(world, self.found)
        self.policies(update_conflict, deletion_conflict)
        partners = {one["bc_id"]: one["crm_id"] for one in world.couplings()}
        return [Firm({BC: one, CRM: partners[one]}) for one in made]

    def found(self, world: World) -> None:
        """Makes the firms; a stage of the world."""
        self._count = 0
        self.policies()
        for _ in range(FIRMS):
            self.create(BC)
        world.sync("CUSTOMER")

    def policies(self, update_conflict: str = "none", deletion_conflict: str = "none") -> None:
        """What holds from now on; new records always get a counterpart."""
        self.world.configure(
            "CUSTOMER",
            synch_only_coupled=False,
            update_conflict=update_conflict,
            deletion_conflict=deletion_conflict,
        )

    def create(self, side: str) -> Firm:
        """A record that has no partner yet."""
        identifier = self._id(side, self._count)
        self._count += 1
        table, key = TABLES[side]
        rest = self._customer if side == BC else self._account
        self.world.create(side, table, **{key: identifier, "name": f"Firm {self._count} AS"}, **rest)
        return Firm({side: identifier})

    def _id(self, side: str, number: int) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{side}/{number}"))

    def do(self, firms: list[Firm], done: Iterable[Deed]) -> None:
        """Carries these deeds out; what is meant for a record that is gone is left out."""
        for one in done:
            if one.what == "new":
                firms.append(self.create(one.side))
                continue
            firm = firms[one.firm]
            if one.side not in firm.ids:
                continue
            table, _ = TABLES[one.side]
            if one.what == "delete":
                self.world.delete(one.side, table, firm.ids.pop(one.side))
            else:
                self._write(one, firm.ids[one.side])

    def _write(self, deed: Deed, identifier: str) -> None:
        if deed.what != "edit":
            values = (_LEFT if deed.what == "leave" else _BACK)[deed.side]
        elif deed.side == BC:
            values = {deed.column: deed.value}
        else:
            values = {ALL_FIELDS[deed.column][0]: deed.value or None}
        edit = self.world.edit_customer if deed.side == BC else self.world.edit_account
        edit(identifier, **values)


Rows = dict[str, dict[str, Document]]


def rows_of(world: World) -> Rows:
    """Every customer and account as it is, by system and id."""
    return {
        BC: {one["id"]: one for one in world.customers()},
        CRM: {one["accountid"]: one for one in world.accounts()},
    }


# What tells when and in which order records were written, and not what they hold.
_VOLATILE: Final = frozenset(
    {"@odata.etag", "modifiedon", "createdon", "versionnumber", "systemModifiedAt", "systemCreatedAt"}
    | {"systemRowVersion", "overriddencreatedon"}
)


def lasting(rows: Rows) -> Rows:
    """The same without times and versions."""
    return {
        system: {key: {k: v for k, v in row.items() if k not in _VOLATILE} for key, row in held.items()}
        for system, held in rows.items()
    }


Writes = dict[tuple[str, str, str], tuple[str, str]]


def plain(value: Any) -> str:
    """A number is the same however it is written, and so is a blank."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value)
    return format(Decimal(str(value)).normalize(), "f") if isinstance(value, int | float | Decimal) else value


def noted(writes: Writes, key: tuple[str, str, str], before: Any, after: Any) -> None:
    """What is written twice goes from what was there first to what is there last."""
    first, _ = writes.get(key, (plain(before), ""))
    writes[key] = (first, plain(after))


def rehearsed(actions: Sequence[Document], known: Rows) -> tuple[Writes, set[str], set[str]]:
    """What a rehearsal says that it would write, by source, system and column; of which records a counterpart
    would be created; and of which pairs one would be deleted."""
    writes: Writes = {}
    for one in actions:
        key = _key(one["bc_id"], one["crm_id"], known)
        for system, columns in one["fields"].items():
            for column, (before, after) in columns.items():
                noted(writes, (key, system, column), before, after)
    kinds = {
        kind: {_key(one["bc_id"], one["crm_id"], known) for one in actions if one["action"] == kind}
        for kind in ("create", "delete")
    }
    return writes, kinds["create"], kinds["delete"]


Audit = Sequence[tuple[str, str, str, str, Document]]


def carried_out(audit: Audit, known: Rows) -> tuple[Writes, set[str], set[str]]:
    """The same of what was written."""
    writes: Writes = {}
    for left, right, side, _, columns in audit:
        for column, (before, after) in columns.items():
            noted(writes, (_key(left, right, known), SYSTEMS[side], column), before, after)
    kinds = {
        kind: {_key(left, right, known) for left, right, _, method, _ in audit if method == kind}
        for kind in ("create", "delete")
    }
    return writes, kinds["create"], kinds["delete"]


def _key(left: str | None, right: str | None, known: Rows) -> str:
    """The record of a pair that was there before the run."""
    return left if left in known[BC] else str(right or left)


def assert_held(audit: Audit, rows: Rows) -> None:
    """Both services hold what was written last, and nothing of what was deleted."""
    last: dict[tuple[str, str, str], str] = {}
    gone: set[tuple[str, str]] = set()
    for left, right, side, method, columns in audit:
        record = (SYSTEMS[side], left if side == "left" else right)
        if method == "delete":
            gone.add(record)
            continue
        last |= {(*record, column): plain(after) for column, (_, after) in columns.items()}
    for system, identifier in gone:
        assert identifier not in rows[system]
    for (system, identifier, column), value in last.items():
        if (system, identifier) in gone:
            continue
        row = rows[system][identifier]
        name = column if column in row else f"_{column}_value"
        assert plain(row[name]) == (value if name == column else value.rpartition("/")[2])
