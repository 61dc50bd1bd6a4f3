"""What every company and every organization has before the first customer: set-up, codes and the users."""

from kobling_sandbox.datasets.model import CompanyRows, Row, identifier, lines

LOCAL_CURRENCY = "EUR"
INTEGRATION_USER = "kobling"
# Dataverse's own user, who wrote what no person did.
SYSTEM_USER = "SYSTEM"

_PAYMENT_TERMS = """
    NET30      | Net 30 days                  | 30D |     | 0
    2%10NET30  | 2% 10 days, net 30 days      | 30D | 10D | 2
    NET45      | Net 45 days                  | 45D |     | 0
    NET60      | Net 60 days                  | 60D |     | 0
"""
_SHIPMENT_METHODS = """
    FOB      | Free on board
    NOCHARGE | No charge for freight
"""
_SHIPPING_AGENTS = """
    AIRBORNE   | Airborne Express      | https://airborne.example
    DHL        | DHL Freight           | https://dhl.example
    FEDEX      | FedEx                 | https://fedex.example
    UPS        | United Parcel Service | https://ups.example
    POSTALMAIL | Postal mail           |
    FULLLOAD   | Full load haulage     |
    WILLCALL   | Picked up by customer |
"""
_COUNTRIES = """
    AT | Austria        | AT | 040 | AT
    BE | Belgium        | BE | 056 | BE
    CH | Switzerland    | CH | 756 |
    DE | Germany        | DE | 276 | DE
    DK | Denmark        | DK | 208 | DK
    ES | Spain          | ES | 724 | ES
    FI | Finland        | FI | 246 | FI
    FR | France         | FR | 250 | FR
    GB | Great Britain  | GB | 826 |
    IE | Ireland        | IE | 372 | IE
    IS | Iceland        | IS | 352 |
    IT | Italy          | IT | 380 | IT
    NL | Netherlands    | NL | 528 | NL
    NO | Norway         | NO | 578 |
    PL | Poland         | PL | 616 | PL
    SE | Sweden         | SE | 752 | SE
    US | United States  | US | 840 |
"""
# Each city and each code stands once, so that either of them names the other.
_POST_CODES = """
    1010     | Wien         |                  | AT
    1000     | Bruxelles    |                  | BE
    8001     | Zürich       | ZH               | CH
    10115    | Berlin       |                  | DE
    20095    | Hamburg      |                  | DE
    80331    | München      | Bayern           | DE
    8000     | Aarhus C     |                  | DK
    28001    | Madrid       |                  | ES
    00100    | Helsinki     |                  | FI
    69001    | Lyon         | Rhône            | FR
    75001    | Paris        |                  | FR
    M1 1AE   | Manchester   |                  | GB
    EC1A 1BB | London       |                  | GB
    D02 AF30 | Dublin       |                  | IE
    101      | Reykjavík    |                  | IS
    20121    | Milano       | MI               | IT
    1012     | Amsterdam    |                  | NL
    0150     | Oslo         |                  | NO
    5003     | Bergen       | Vestland         | NO
    6002     | Ålesund      | Møre og Romsdal  | NO
    9008     | Tromsø       | Troms            | NO
    00-001   | Warszawa     |                  | PL
    111 20   | Stockholm    |                  | SE
    411 03   | Göteborg     | Västra Götaland  | SE
    98101    | Seattle      | WA               | US
"""
_UNITS = """
    PCS    | Piece  | EA
    BOX    | Box    | BX
    PALLET | Pallet | PF
    HOUR   | Hour   | HUR
    DAY    | Day    | DAY
    KG     | Kilo   | KGM
"""


def company_id(number: int) -> str:
    """The id of the company with this number, counted from 1."""
    return identifier("company", number)


def company_row_id(number: int) -> str:
    """The id of the row that stands for that company in Dataverse."""
    return identifier("bcbi_company", number)


def company(number: int, name: str, display_name: str) -> CompanyRows:
    """A company with its set-up tables and nothing else."""
    rows = CompanyRows(id=company_id(number), name=name, display_name=display_name)
    rows.tables.update(_single_rows(number, display_name))
    rows.tables.update(_code_rows(number))
    return rows


def _single_rows(number: int, display_name: str) -> dict[str, list[Row]]:
    marketing: Row = {
        "contactNos": "CONT",
        "busRelCodeForCustomers": "CUST",
        "busRelCodeForVendors": "VEND",
        "busRelCodeForBankAccs": "BANK",
    }
    ledger: Row = {
        "lcyCode": LOCAL_CURRENCY,
        "localCurrencySymbol": "€",
        "localCurrencyDescription": "Euro",
        "amountRoundingPrecision": 0.01,
        "unitAmountRoundingPrecision": 0.00001,
        "amountDecimalPlaces": "2:2",
        "unitAmountDecimalPlaces": "2:5",
    }
    about: Row = {
        "name": display_name,
        "address": "Storgata 1",
        "postCode": "0150",
        "city": "Oslo",
        "countryRegionCode": "NO",
        "phoneNo": "+47 22 00 00 00",
        "eMail": "post@fjordlys.example",
        "homePage": "https://fjordlys.example",
    }
    sales: Row = {"customerNos": "CUST", "priceListNos": "S-PL"}
    return {
        "Sales & Receivables Setup": _keyed(number, "Sales & Receivables Setup", [("", sales)]),
        "Marketing Setup": _keyed(number, "Marketing Setup", [("", marketing)]),
        "General Ledger Setup": _keyed(number, "General Ledger Setup", [("", ledger)]),
        "Company Information": _keyed(number, "Company Information", [("", about)]),
    }


def _code_rows(number: int) -> dict[str, list[Row]]:
    relations = (("CUST", "Customer"), ("VEND", "Vendor"), ("BANK", "Bank Account"))
    salutations = (("M", "Mr."), ("F", "Ms."), ("UNISEX", "Neutral"))
    return {
        "Business Relation": _codes(number, "Business Relation", relations),
        "Salutation": _codes(number, "Salutation", salutations),
        "Payment Terms": _table(
            number,
            "Payment Terms",
            _PAYMENT_TERMS,
            ("code", "description", "dueDateCalculation", "discountDateCalculation", "discount"),
        ),
        "Shipment Method": _table(number, "Shipment Method", _SHIPMENT_METHODS, ("code", "description")),
        "Shipping Agent": _table(
            number, "Shipping Agent", _SHIPPING_AGENTS, ("code", "name", "internetAddress")
        ),
        "Country/Region": _table(
            number,
            "Country/Region",
            _COUNTRIES,
            ("code", "name", "isoCode", "isoNumericCode", "euCountryRegionCode"),
        ),
        "Post Code": _table(
            number, "Post Code", _POST_CODES, ("code", "city", "county", "countryRegionCode")
        ),
        "Unit of Measure": _table(
            number, "Unit of Measure", _UNITS, ("code", "description", "internationalStandardCode")
        ),
    }


def places() -> dict[str, tuple[str, str, str]]:
    """City, county and country by post code, as the set-up knows them."""
    return {code: (city, county, country) for code, city, county, country in lines(_POST_CODES)}


def _table(number: int, table: str, text: str, columns: tuple[str, ...]) -> list[Row]:
    rows: list[tuple[str, Row]] = []
    for cells in lines(text):
        row: Row = dict(zip(columns, cells, strict=True))
        if "discount" in row:
            row["discount"] = int(cells[columns.index("discount")])
        rows.append((cells[0], row))
    return _keyed(number, table, rows)


def _codes(number: int, table: str, pairs: tuple[tuple[str, str], ...]) -> list[Row]:
    return _keyed(number, table, [(code, {"code": code, "description": text}) for code, text in pairs])


def _keyed(number: int, table: str, rows: list[tuple[str, Row]]) -> list[Row]:
    return [{"id": identifier(number, table, key), **row} for key, row in rows]


ORGANIZATION = identifier("organization")
BUSINESS_UNIT = identifier("businessunit", "root")
TEAM = identifier("team", "root")
# Tables of pairs: they know neither times nor authors.
INTERSECT_TABLES = ("teamroles", "systemuserroles", "teammembership")
# The role that lets a team own what the integration writes.
INTEGRATION_ROLE = "Business Central Integration User"
_ADMINISTRATOR_ROLE = "System Administrator"
BASE_CURRENCY = identifier("transactioncurrency", LOCAL_CURRENCY)


def user_id(name: str) -> str:
    """The id of the user of this name, in both services."""
    return identifier("systemuser", name)


def organization(companies: list[CompanyRows]) -> dict[str, list[Row]]:
    """An organization with its root business unit, default team, roles, base currency and own users."""
    return {
        "organization": [
            {
                "organizationid": ORGANIZATION,
                "name": "fjordlys",
                "basecurrencyid": BASE_CURRENCY,
                "basecurrencyprecision": 2,
                "basecurrencysymbol": "€",
                "currencydecimalprecision": 2,
                "languagecode": 1033,
                "expirechangetrackingindays": 7,
            }
        ],
        "businessunit": [{"businessunitid": BUSINESS_UNIT, "name": "fjordlys", "isdisabled": False}],
        "team": [
            {
                "teamid": TEAM,
                "name": "fjordlys",
                "businessunitid": BUSINESS_UNIT,
                "isdefault": True,
                "teamtype": 0,
                "administratorid": user_id(SYSTEM_USER),
            }
        ],
        **_roles(),
        "transactioncurrency": [currency(LOCAL_CURRENCY, "Euro", "€", 1, 2)],
        "systemuser": [_integration_user(), _system_user()],
        "bcbi_company": [
            {
                "bcbi_companyid": company_row_id(number),
                "bcbi_externalid": each.id,
                "bcbi_name": each.name,
            }
            for number, each in enumerate(companies, start=1)
        ],
    }


def _roles() -> dict[str, list[Row]]:
    names = (_ADMINISTRATOR_ROLE, INTEGRATION_ROLE, "Salesperson")
    of_team = {"teamid": TEAM, "roleid": identifier("role", INTEGRATION_ROLE)}
    of_user = {
        "systemuserid": user_id(INTEGRATION_USER),
        "roleid": identifier("role", _ADMINISTRATOR_ROLE),
    }
    return {
        "role": [
            {"roleid": identifier("role", name), "name": name, "businessunitid": BUSINESS_UNIT}
            for name in names
        ],
        "teamroles": [{"teamroleid": identifier("teamroles", "root"), **of_team}],
        "systemuserroles": [{"systemuserroleid": identifier("systemuserroles", "kobling"), **of_user}],
    }


def currency(code: str, name: str, symbol: str, rate: float, precision: int) -> Row:
    """A Dataverse currency; `rate` is how much of it one unit of the base currency buys."""
    return {
        "transactioncurrencyid": identifier("transactioncurrency", code),
        "isocurrencycode": code,
        "currencyname": name,
        "currencysymbol": symbol,
        "exchangerate": rate,
        "currencyprecision": precision,
        "statecode": 0,
        "statuscode": 1,
    }


def _integration_user() -> Row:
    return {
        "systemuserid": user_id(INTEGRATION_USER),
        "applicationid": identifier("application", INTEGRATION_USER),
        "firstname": "#",
        "lastname": INTEGRATION_USER,
        "fullname": f"# {INTEGRATION_USER}",
        "domainname": f"{INTEGRATION_USER}@fjordlys.example",
        "internalemailaddress": f"{INTEGRATION_USER}@fjordlys.example",
        "businessunitid": BUSINESS_UNIT,
        "accessmode": 4,
        "isdisabled": False,
        "islicensed": False,
        "isintegrationuser": True,
    }


def _system_user() -> Row:
    return person(SYSTEM_USER, "", SYSTEM_USER, licensed=False) | {
        "isdisabled": True,
        "fullname": SYSTEM_USER,
    }


def person(
    name: str, first: str, last: str, *, phone: str = "", title: str = "", licensed: bool = True
) -> Row:
    """A user who is a person. The e-mail address is made from the user's name."""
    return {
        "systemuserid": user_id(name),
        "firstname": first,
        "lastname": last,
        "fullname": f"{first} {last}",
        "domainname": f"{name}@fjordlys.example",
        "internalemailaddress": f"{name}@fjordlys.example",
        "mobilephone": phone or None,
        "jobtitle": title or None,
        "businessunitid": BUSINESS_UNIT,
        "accessmode": 0,
        "isdisabled": False,
        "islicensed": licensed,
        "isintegrationuser": False,
    }
