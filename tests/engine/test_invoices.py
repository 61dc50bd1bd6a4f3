"""Aim: posted invoices arrive in Sales whole, and are billed, paid or cancelled as the ledger says."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from engine.test_verify import look
from engine.world import World, wrote

Row = dict[str, Any]
HEADER, LINES = "POSTEDSALESINV-INV", "POSTEDSALESLINE-INV"
ACTIVE, PAID, CANCELED = 0, 2, 3
BILLED, COMPLETE, PARTIAL = 4, 100001, 100002


@pytest.fixture(scope="module")
def shop(common: World) -> World:
    """Invoices of Business Central become invoices of Sales unasked."""
    common.configure(HEADER, synch_only_coupled=False)
    common.sync(HEADER)
    return common


def invoice(world: World, *lines: Row, **values: Any) -> Row:
    """A posted invoice of customer C00060, who buys in local currency; by itself of one table."""
    given = {"sellToCustomerNo": "C00060", "dueDate": "2026-06-30"}
    header = world.create("bc", "salesInvoiceHeaders", **given | values)
    for one in lines or [item("1000")]:
        world.create("bc", "salesInvoiceLines", documentNo=header["no"], **one)
    return header


def item(number: str, **values: Any) -> Row:
    given = {"type": "Item", "no": number, "description": f"Item {number}", "quantity": 2, "unitPrice": 100}
    return given | {"unitOfMeasureCode": "PCS", "vat": 25} | values


def pay(world: World, header: Row, amount: float) -> None:
    """A payment that is applied to the invoice; a negative one takes it back."""
    [entry] = [
        one
        for one in world.get("bc", world.bc("custLedgerEntries"))["value"]
        if one["documentNo"] == header["no"]
    ]
    values = {"custLedgerEntryNo": entry["entryNo"], "entryType": "Application", "amount": -amount}
    world.create("bc", "detailedCustLedgEntries", **values)


def sold(world: World, header: Row) -> Row:
    """The invoice of Sales."""
    [pair] = [one for one in world.couplings(HEADER) if one["bc_id"] == header["id"]]
    return world.get("crm", f"{world.crm('invoices')}({pair['crm_id']})")


def lines_of(world: World, made: Row) -> list[Row]:
    found = world.get("crm", world.crm("invoicedetails"))["value"]
    mine = [one for one in found if one["_invoiceid_value"] == made["invoiceid"]]
    return sorted(mine, key=lambda one: int(one["lineitemnumber"]))


def state(made: Row) -> tuple[int, int]:
    return made["statecode"], made["statuscode"]


def money(value: object) -> Decimal:
    return Decimal(str(value or 0))


def test_salgsfakturahode_and_salgsfakturalinje_arrive_with_all_that_belongs_to_them(shop: World) -> None:
    header = invoice(
        shop,
        item("1000", lineDiscountAmount=20, invDiscountAmount=10),
        {"type": "Resource", "no": "R0010", "unitOfMeasureCode": "HOUR", "quantity": 3, "unitPrice": 110},
        {"description": "Levert til døra"},
        workDescription="Ny spisestue",
    )
    run = shop.sync(HEADER)
    assert run[""] == 0
    assert run[HEADER]["counts"]["to"]["inserted"] == 1
    assert run[LINES]["counts"]["to"]["inserted"] == 3
    made = sold(shop, header)
    now = shop.get("bc", f"{shop.bc('salesInvoiceHeaders')}({header['id']})")
    assert (made["invoicenumber"], made["name"], made["description"]) == (
        header["no"],
        header["no"],
        "Ny spisestue",
    )
    assert (made["duedate"], made["billto_name"], made["shipto_city"]) == (
        "2026-06-30",
        header["billToName"],
        header["shipToCity"],
    )
    [customer] = [one["crm_id"] for one in shop.couplings() if one["number"] == "C00060"]
    [seller] = [one["crm_id"] for one in shop.couplings("SALESPEOPLE") if one["number"] == "LM"]
    assert (made["_customerid_value"], made["_ownerid_value"]) == (customer, seller)
    assert made["_pricelevelid_value"] == shop.couplings("DEFAULT-PRICE")[0]["crm_id"]
    assert made["_bcbi_companyid_value"]
    assert (money(made["totalamountlessfreight"]), money(made["totalamount"])) == (
        money(now["amount"]),
        money(now["amountIncludingVAT"]),
    )
    assert state(made) == (ACTIVE, BILLED)
    table, work, comment = lines_of(shop, made)
    products = {one["number"]: one["crm_id"] for one in shop.couplings("ITEM-PRODUCT")}
    assert (table["_productid_value"], table["isproductoverridden"]) == (products["1000"], False)
    assert (money(table["tax"]), money(table["extendedamount"])) == (Decimal("42.5"), Decimal("222.5"))
    assert work["_productid_value"] in {one["crm_id"] for one in shop.couplings("RESOURCE-PRODUCT")}
    assert (comment["isproductoverridden"], comment["productdescription"]) == (True, "Levert til døra")
    for _ in range(2):
        assert wrote(shop.sync(HEADER)) == 0


@pytest.mark.scenario("OM-05")
def test_codes_of_an_invoice_arrive_as_options(shop: World) -> None:
    header = invoice(shop, paymentTermsCode="NET45", shippingAgentCode="UPS", shipmentMethodCode="FOB")
    run = shop.sync(HEADER)
    assert run[HEADER]["counts"]["to"]["inserted"] == 1
    made = sold(shop, header)
    assert (made["paymenttermscode"], made["shippingmethodcode"]) == (3, 4)
    assert made["description"] == "Free on board", "an invoice of Sales has no freight terms"


@pytest.mark.scenario("ST-06")
@pytest.mark.scenario("ST-08")
def test_an_invoice_is_paid_partly_and_wholly_and_billed_again(shop: World) -> None:
    header = invoice(shop)
    shop.sync(HEADER)
    for amount, wanted in (
        (100, (PAID, PARTIAL)),
        (150, (PAID, COMPLETE)),
        (-250, (ACTIVE, BILLED)),
        (250, (PAID, COMPLETE)),
    ):
        pay(shop, header, amount)
        run = shop.sync(HEADER)
        assert run[""] == 0
        assert state(sold(shop, header)) == wanted
    assert wrote(shop.sync(HEADER)) == 0
    assert look(shop, HEADER)["differences"] == []


def test_a_cancelled_invoice_is_cancelled(shop: World) -> None:
    header = invoice(shop)
    shop.sync(HEADER)
    shop.create("bc", "cancelledDocuments", sourceID=112, cancelledDocNo=header["no"])
    shop.sync(HEADER)
    assert state(sold(shop, header)) == (CANCELED, 100003)


def test_a_paid_invoice_takes_nothing_but_its_state(shop: World) -> None:
    """Sales refuses any other change of it, so it rests; what changed meanwhile follows once it is open."""
    header = invoice(shop)
    pay(shop, header, 250)
    shop.sync(HEADER)
    assert state(sold(shop, header)) == (PAID, COMPLETE)
    place = f"{shop.bc('salesInvoiceHeaders')}({header['id']})"
    shop.send("bc", "PATCH", place, {"dueDate": "2026-09-01"})
    run = shop.sync(HEADER)
    assert (run[""], wrote(run)) == (0, 0)
    pay(shop, header, -250)
    shop.sync(HEADER)
    made = sold(shop, header)
    assert (state(made), made["duedate"]) == ((ACTIVE, BILLED), "2026-09-01")


def test_a_line_that_is_refused_keeps_its_invoice_from_being_closed(shop: World) -> None:
    """An invoice is whole before it takes its state; it is closed once the last line is there."""
    header = invoice(shop, item("1000"), item("1001", quantity=1))
    pay(shop, header, 375)
    rule = {"method": "PATCH", "path": "/invoicedetails", "nth": 2, "action": "status", "status": 400}
    shop.faults("crm", rule)
    run = shop.sync(HEADER)
    shop.faults("crm")
    assert run[""] == 1
    assert "1 of 2 lines" in run[HEADER]["errors"][0]["message"]
    made = sold(shop, header)
    assert (made["statecode"], len(lines_of(shop, made))) == (ACTIVE, 1)
    [failed] = [one for one in shop.skipped() if one["mapping"] == LINES]
    line = f"{shop.bc('salesInvoiceLines')}({failed['bc_id']})"
    shop.send("bc", "PATCH", line, {"description": "Stol"})
    assert shop.sync(HEADER)[""] == 0
    made = sold(shop, header)
    assert (state(made), len(lines_of(shop, made))) == ((PAID, COMPLETE), 2)


def test_what_has_no_place_in_sales_is_a_write_in_product(shop: World) -> None:
    """A blocked item, the write-in item itself, and an account of the ledger."""
    account = {"type": "G_x002F_L_x0020_Account", "no": "6110", "description": "Frakt", "quantity": 1}
    header = invoice(shop, item("1020"), item("1021"), account)
    shop.sync(HEADER)
    found = lines_of(shop, sold(shop, header))
    assert all(one["isproductoverridden"] for one in found)
    assert [one["productdescription"] for one in found] == ["1020 Item 1020", "1021 Item 1021", "6110 Frakt"]


def test_prices_that_include_vat_arrive_without(shop: World) -> None:
    header = invoice(shop, item("1000", unitPrice=125), pricesIncludingVAT=True)
    shop.sync(HEADER)
    made = sold(shop, header)
    [line] = lines_of(shop, made)
    assert (money(line["priceperunit"]), money(line["tax"])) == (100, 50)
    assert money(made["totalamount"]) == 250


def test_a_foreign_currency_needs_its_price_list(shop: World) -> None:
    header = invoice(shop, currencyCode="SEK")
    run = shop.sync(HEADER)
    assert run[""] == 1
    assert "Price List in SEK" in run[HEADER]["errors"][0]["message"]
    rows = shop.get("crm", shop.crm("transactioncurrencies"))["value"]
    krona = next(one["transactioncurrencyid"] for one in rows if one["isocurrencycode"] == "SEK")
    bind = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({krona})"}
    shop.create("crm", "pricelevels", name="Price List in SEK", **bind)
    assert shop.sync(HEADER)[""] == 0
    made = sold(shop, header)
    assert made["_transactioncurrencyid_value"] == krona
    assert state(made) == (ACTIVE, BILLED)


def test_an_invoice_of_an_order_takes_what_the_order_has(shop: World) -> None:
    [account] = [one["crm_id"] for one in shop.couplings() if one["number"] == "C00060"]
    customer = {"customerid_account@odata.bind": f"/accounts({account})"}
    order = shop.create("crm", "salesorders", name="Kontoret", ordernumber="ORD-77", **customer)
    header = invoice(shop, yourReference="ORD-77")
    shop.sync(HEADER)
    made = sold(shop, header)
    assert (made["name"], made["_salesorderid_value"]) == ("Kontoret", order["salesorderid"])
    other = invoice(shop, yourReference="ORD-77", sellToCustomerNo="C00070")
    run = shop.sync(HEADER)
    assert "is for another account" in run[HEADER]["errors"][0]["message"]
    assert other["id"] not in {one["bc_id"] for one in shop.couplings(HEADER)}
    shop.delete("bc", "salesInvoiceHeaders", other["id"])


@pytest.fixture
def only_coupled(shop: World) -> Iterator[World]:
    """New invoices wait to be asked for, as shipped."""
    shop.configure(HEADER, synch_only_coupled=True)
    yield shop
    shop.configure(HEADER, synch_only_coupled=False)


def test_an_invoice_that_is_asked_for_arrives_with_its_lines_and_no_other(only_coupled: World) -> None:
    world = only_coupled
    first, second = invoice(world), invoice(world, item("1000"), item("1001"))
    assert wrote(world.sync(HEADER)) == 0
    run = world.sync(HEADER, full=True, records=(second["id"],))
    assert run[""] == 0
    made = sold(world, second)
    assert (state(made), len(lines_of(world, made))) == ((ACTIVE, BILLED), 2)
    assert first["id"] not in {one["bc_id"] for one in world.couplings(HEADER)}
    world.uncouple(HEADER, second["id"])
    left = {one["crm_id"] for one in world.couplings(LINES)}
    assert left.isdisjoint({one["invoicedetailid"] for one in lines_of(world, made)})
