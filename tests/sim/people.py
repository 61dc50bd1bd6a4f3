"""People who edit, create and delete customers on both sides, and remember who wrote what last."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from engine.world import World

BC: Final = "bc"
CRM: Final = "crm"
# A column of a customer and the column of an account that it is in step with; how a value of it looks.
FIELDS: Final = {
    "name": ("name", "Firm {}"),
    "address": ("address1_line1", "Torget {}"),
    "address2": ("address1_line2", "Floor {}"),
    "eMail": ("emailaddress1", "post{}@firm.example"),
    "faxNo": ("fax", "+47 22 {}"),
    "phoneNo": ("telephone1", "+47 33 {}"),
}
# Nobody edits this one: it tells which customer and which account are the same.
TAG: Final = ("homePage", "websiteurl")
_ROWS: Final = {BC: ("customers", "id"), CRM: ("accounts", "accountid")}


@dataclass
class Firm:
    """One customer with its account, whether they are coupled yet or not.

    last: by field the value that a person wrote last and the side on which it was. own: by side and field the
    last of that side. blank: the fields that were blank when it was adopted.
    """

    tag: str
    last: dict[str, tuple[str, str]] = field(default_factory=dict)
    own: dict[tuple[str, str], str] = field(default_factory=dict)
    blanked: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    blank: frozenset[str] = frozenset()

    def edit(self, side: str, name: str, value: str) -> None:
        self.last[name] = (side, value)
        self.own[side, name] = value


class Sides:
    """Both tables as they are, read by plain HTTP: rows by tag. Raises if a tag stands on a side twice."""

    def __init__(self, world: World) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self.all: dict[str, dict[str, dict[str, Any]]] = {}
        for at, (side, rows) in enumerate(((BC, world.customers()), (CRM, world.accounts()))):
            tagged = [one for one in rows if (one[TAG[at]] or "").startswith("https://firm")]
            twice = [tag for tag, times in Counter(one[TAG[at]] for one in tagged).items() if times > 1]
            assert twice == [], f"{side} has more than one record of {twice}"
            self.rows[side] = {one[TAG[at]]: one for one in tagged}
            self.all[side] = {one[_ROWS[side][1]]: one for one in rows}

    def identifier(self, side: str, tag: str) -> str | None:
        row = self.rows[side].get(tag)
        return None if row is None else str(row[_ROWS[side][1]])

    def value(self, side: str, tag: str, name: str) -> str:
        """What that side holds; blank is ''."""
        column = name if side == BC else FIELDS[name][0]
        return self.rows[side][tag][column] or ""


class People:
    """All of them, drawing from one source of chance. log: what they did, for who reads a failure."""

    def __init__(self, world: World, chance: Random) -> None:
        self.world = world
        self.chance = chance
        self.firms: list[Firm] = []
        self.log: list[str] = []
        self._count = 0
        self._seller = world.accounts("customertypecode eq 3")[0]["_ownerid_value"]
        self._template = world.customer(world.pair()[0])

    def adopt(self, number: int) -> None:
        """Takes some pairs that are coupled already as firms of theirs."""
        for pair in sorted(self.world.couplings(), key=lambda one: one["number"])[:number]:
            firm = self._new_firm()
            customer = self.world.customer(pair["bc_id"])
            firm.blank = frozenset(name for name in FIELDS if not customer[name])
            self.world.edit_customer(pair["bc_id"], homePage=firm.tag)
            self.world.edit_account(pair["crm_id"], websiteurl=firm.tag)

    def act(self) -> None:
        """One deed of somebody."""
        deed = self.chance.choices(
            (self._edit, self._edit_both, self._create, self._delete), weights=(60, 20, 16, 4)
        )[0]
        deed()

    def _edit(self) -> None:
        self._change(self.chance.choice(self.firms), self.chance.choice((BC, CRM)))

    def _edit_both(self) -> None:
        """The same field or another one on either side, right after each other."""
        firm = self.chance.choice(self.firms)
        for side in self.chance.sample((BC, CRM), 2):
            self._change(firm, side)

    def _change(self, firm: Firm, side: str) -> None:
        identifier = Sides(self.world).identifier(side, firm.tag)
        if identifier is None:
            return
        name = self.chance.choice(list(FIELDS))
        value = self._value(firm, name)
        self.log.append(f"{side} {identifier} {firm.tag}: {name} = {value!r}")
        if side == BC:
            self.world.edit_customer(identifier, **{name: value})
        else:
            self.world.edit_account(identifier, **{FIELDS[name][0]: value or None})
        firm.edit(side, name, value)

    def _value(self, firm: Firm, name: str) -> str:
        # Blank once only: a value that comes back is no change to who compares with what was before.
        if name != "name" and firm.own and name not in firm.blanked and self.chance.random() < 0.1:
            firm.blanked.add(name)
            if name not in firm.blank:
                return ""
        return FIELDS[name][1].format(self._next())

    def _create(self) -> None:
        firm = self._new_firm()
        side = self.chance.choice((BC, CRM))
        values = {name: FIELDS[name][1].format(self._next()) for name in FIELDS}
        self.log.append(f"{side} new {firm.tag}: {values}")
        if side == BC:
            same = ("salespersonCode", "currencyCode", "countryRegionCode")
            self.world.create(
                "bc", "customers", homePage=firm.tag, **values, **{one: self._template[one] for one in same}
            )
        else:
            rest = {"customertypecode": 3, "ownerid@odata.bind": f"/systemusers({self._seller})"}
            made = {FIELDS[name][0]: value for name, value in values.items()}
            self.world.create("crm", "accounts", websiteurl=firm.tag, **made, **rest)
        for name, value in values.items():
            firm.edit(side, name, value)

    def _delete(self) -> None:
        firm, side = self.chance.choice(self.firms), self.chance.choice((BC, CRM))
        identifier = Sides(self.world).identifier(side, firm.tag)
        # One that nobody has coupled yet is made again, as nobody knows that it was there.
        coupled = self.world.query("select left_id::text, right_id::text from coupling")
        if firm.deleted or not any(identifier in pair for pair in coupled):
            return
        self.log.append(f"{side} {identifier} {firm.tag}: deleted")
        self.world.delete(side, _ROWS[side][0], identifier)
        firm.deleted.add(side)

    def _new_firm(self) -> Firm:
        firm = Firm(tag=f"https://firm{self._next()}.example")
        self.firms.append(firm)
        return firm

    def _next(self) -> int:
        self._count += 1
        return 1000 + self._count
