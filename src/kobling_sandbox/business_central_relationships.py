"""What customers, vendors and contacts do by themselves when one is created, changed or deleted.

One rule goes for all: a value that the client sent in the same request is never replaced by a derived one.
"""

from kobling_sandbox.business_central_derive import changes, fill_search_name, value_of
from kobling_sandbox.business_central_errors import dialog
from kobling_sandbox.business_central_writes import Company, Rules
from kobling_sandbox.rows import Row

_SHARED = (
    "name",
    "name2",
    "address",
    "address2",
    "postCode",
    "city",
    "county",
    "countryRegionCode",
    "phoneNo",
    "mobilePhoneNo",
    "faxNo",
    "eMail",
    "homePage",
    "vatRegistrationNo",
    "currencyCode",
    "languageCode",
)
_NAME_PARTS = ("firstName", "middleName", "surname")
_SETUP_CODE = {"Customer": "busRelCodeForCustomers", "Vendor": "busRelCodeForVendors"}
_SELLER = {"Customer": "salespersonCode", "Vendor": "purchaserCode"}


def _fill_place(company: Company, old: Row | None, values: Row) -> None:
    """Post code and city give each other, if the post codes know exactly one place for it."""
    if changes(old, values, "postCode") and "city" not in values:
        places = company.find("Post Code", "code", values["postCode"])
    elif changes(old, values, "city") and "postCode" not in values:
        places = company.find("Post Code", "city", values["city"])
    else:
        return
    country = values.get("countryRegionCode")
    places = [place for place in places if not country or place.get("countryRegionCode") == country]
    if len(places) == 1:
        place = places[0]
        values.setdefault("postCode", place["code"])
        values.setdefault("city", place["city"])
        for key in ("county", "countryRegionCode"):
            if place.get(key):
                values.setdefault(key, place[key])


def _derive_trader(kind: str, company: Company, old: Row | None, values: Row) -> None:
    fill_search_name(old, values, "name", "searchName")
    _fill_place(company, old, values)
    if not changes(old, values, "primaryContactNo"):
        return
    number = values["primaryContactNo"]
    if not number:
        values.setdefault("contact", "")
        return
    contact = company.find("Contact", "no", number)[0]
    own = company_contact(company, kind, value_of(old, values, "no"))
    if own is None or contact.get("companyNo") != own["no"]:
        raise dialog(
            f"Contact {number} {contact.get('name', '')} is not related to {kind.lower()} "
            f"{value_of(old, values, 'no')} {value_of(old, values, 'name')}."
        )
    if contact.get("type") == "Person":
        values.setdefault("contact", contact.get("name", ""))


def _derive_customer(company: Company, old: Row | None, values: Row) -> None:
    _derive_trader("Customer", company, old, values)


def _derive_vendor(company: Company, old: Row | None, values: Row) -> None:
    _derive_trader("Vendor", company, old, values)


def _relations(company: Company, kind: str, number: object) -> list[Row]:
    found = company.find("Contact Business Relation", "no", number)
    return [relation for relation in found if relation.get("linkToTable") == kind]


def company_contact(company: Company, kind: str, number: str) -> Row | None:
    """The contact of type Company that stands for a `Customer` or `Vendor`, if there is one."""
    for relation in _relations(company, kind, number):
        for contact in company.find("Contact", "no", relation["contactNo"]):
            return contact
    return None


def _make_contact(kind: str, company: Company, row: Row) -> None:
    """A new customer or vendor gets its company contact, if Marketing Setup names a relation for it."""
    setups = company.store.rows("Marketing Setup", company.company).by_id.values()
    code = next((setup.get(_SETUP_CODE[kind]) for setup in setups), None)
    if not code:
        return
    values = {key: row[key] for key in _SHARED if key in row}
    if _SELLER[kind] in row:
        values["salespersonCode"] = row[_SELLER[kind]]
    values |= {"type": "Company", "contactBusinessRelation": kind}
    contact = company.create("Contact", values)
    company.create(
        "Contact Business Relation",
        {
            "contactNo": contact["no"],
            "businessRelationCode": code,
            "linkToTable": kind,
            "no": row["no"],
        },
    )


def _update_contact(kind: str, company: Company, old: Row, new: Row) -> None:
    """A change of what both hold goes on to the company contact."""
    if old.get("no") != new.get("no"):
        for relation in _relations(company, kind, old.get("no")):
            company.change("Contact Business Relation", relation, {"no": new["no"]})
    blanks = company.tables.facts["Contact"].blanks
    changed = {key: new.get(key, blanks[key]) for key in _SHARED if old.get(key) != new.get(key)}
    seller = _SELLER[kind]
    if old.get(seller) != new.get(seller):
        changed["salespersonCode"] = new.get(seller, "")
    contact = company_contact(company, kind, new["no"]) if changed else None
    if contact is None:
        return
    changed = {key: value for key, value in changed.items() if contact.get(key, blanks[key]) != value}
    if changed:
        company.change("Contact", contact, changed)


def _release_contact(kind: str, company: Company, row: Row) -> None:
    """The contact of a deleted customer or vendor stays, without the relation."""
    for relation in _relations(company, kind, row.get("no")):
        company.delete("Contact Business Relation", relation)


def _derive_contact(company: Company, old: Row | None, values: Row) -> None:
    _fill_place(company, old, values)
    kind = value_of(old, values, "type") or "Company"
    if kind == "Person":
        _fill_names(old, values)
        if changes(old, values, "companyNo"):
            _fill_company(company, old, values)
    else:
        values["companyNo"] = value_of(old, values, "no")
        values["companyName"] = value_of(old, values, "name")
    fill_search_name(old, values, "name", "searchName")


def _fill_names(old: Row | None, values: Row) -> None:
    """A person's name is made of its parts; a name that comes alone is taken apart."""
    if any(part in values for part in _NAME_PARTS):
        parts = (value_of(old, values, part) for part in _NAME_PARTS)
        values.setdefault("name", " ".join(part for part in parts if part)[:100])
    elif changes(old, values, "name"):
        words = str(values["name"]).split()
        values["surname"] = words[-1][:30] if words else ""
        values["firstName"] = words[0][:30] if len(words) > 1 else ""
        values["middleName"] = " ".join(words[1:-1])[:30]


def _fill_company(company: Company, old: Row | None, values: Row) -> None:
    number = values["companyNo"]
    if not number:
        values["companyName"] = ""
        values["contactBusinessRelation"] = "None"
        return
    employer = company.find("Contact", "no", number)[0]
    if employer.get("type", "Company") != "Company":
        raise dialog(f"Contact {number} {employer.get('name', '')} is not of type Company.")
    values["companyName"] = employer.get("name", "")
    values["contactBusinessRelation"] = employer.get("contactBusinessRelation", "None")


def _pass_on_company_name(company: Company, old: Row, new: Row) -> None:
    if new.get("type", "Company") != "Company":
        return
    keys = ("companyName", "contactBusinessRelation")
    changed = {key: new[key] for key in keys if key in new and old.get(key) != new[key]}
    for person in company.find("Contact", "companyNo", new["no"]) if changed else ():
        if person["id"] != new["id"]:
            company.change("Contact", person, dict(changed))


def _release_company(company: Company, contact: Row) -> None:
    """People of a deleted company contact stay without company; nobody keeps it as main contact."""
    for relation in company.find("Contact Business Relation", "contactNo", contact["no"]):
        company.delete("Contact Business Relation", relation)
    for person in company.find("Contact", "companyNo", contact["no"]):
        company.change("Contact", person, {"companyNo": ""})
    for table in ("Customer", "Vendor"):
        for row in company.find(table, "primaryContactNo", contact["no"]):
            company.change(table, row, {"primaryContactNo": ""})


def _set_contact_relation(company: Company, relation: Row, kind: str) -> None:
    for contact in company.find("Contact", "no", relation.get("contactNo")):
        if contact.get("contactBusinessRelation") != kind:
            company.change("Contact", contact, {"contactBusinessRelation": kind})


RELATIONSHIP_RULES = {
    "Customer": Rules(
        derive=_derive_customer,
        after_create=lambda company, row: _make_contact("Customer", company, row),
        after_change=lambda company, old, new: _update_contact("Customer", company, old, new),
        after_delete=lambda company, row: _release_contact("Customer", company, row),
    ),
    "Vendor": Rules(
        derive=_derive_vendor,
        after_create=lambda company, row: _make_contact("Vendor", company, row),
        after_change=lambda company, old, new: _update_contact("Vendor", company, old, new),
        after_delete=lambda company, row: _release_contact("Vendor", company, row),
    ),
    "Contact": Rules(
        derive=_derive_contact,
        after_change=_pass_on_company_name,
        after_delete=_release_company,
    ),
    "Contact Business Relation": Rules(
        after_create=lambda company, row: _set_contact_relation(
            company, row, str(row.get("linkToTable", "Other"))
        ),
        after_delete=lambda company, row: _set_contact_relation(company, row, "None"),
    ),
}
