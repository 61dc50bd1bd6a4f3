"""The rules of currencies: the local one, the organization's base currency, and decimals."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kobling.catalogue.facts import all_touched, first_of, missing, rows_of, text_of, to_sales
from kobling.catalogue.rates import (
    CURRENCIES,
    IN_SALES,
    ORGANIZATION,
    RATES,
    SETUP,
    base_id,
    base_rates,
    iso_code,
    local_code,
    local_rates,
    local_touched,
    setup_touched,
)
from kobling.model.look_up import KEEP, Answer, Facts, Outside, Reference, Source
from kobling.model.mapping import Side
from kobling.model.pair import Missing

# ISO 4217: the currencies that do not have two decimals. Dataverse takes at most four.
_DECIMALS: Final = {
    **{"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0},
    **{"UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0},
    **{"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3},
    **{"CLF": 4, "UYW": 4},
}
_DEFAULT_DECIMALS: Final = 2
# ISO 4217, with those that went out of use in the last years and may stand in books still.
_STANDARD: Final = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
    CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP
    GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW
    KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD
    NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE
    SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED
    VES VND VUV WST XAF XCD XCG XDR XOF XPF XSU XUA YER ZAR ZMW ZWG ZWL
    """.split()  # noqa: SIM905 - a line a code would hide the rules
)


def local_currency(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """Blank and the local currency's code are one currency in Sales, which comes back as blank.

    All other keys are left to the couplings.
    """
    local = local_code(facts)
    row = first_of(rows_of(facts, IN_SALES), "isocurrencycode", iso_code(facts, local))
    identifier = None if row is None else text_of(row, "transactioncurrencyid").lower()
    if side is Side.LEFT:
        return {key: "" for key in keys if key in {"", identifier}}
    own = [key for key in keys if not key or key.upper() == local.upper()]
    return {key: _missing(local) if identifier is None else identifier for key in own}


def _missing(local: str) -> Missing:
    words = f"Sales has no currency {local}, the company's local currency; add it there"
    if not local:
        words = "General Ledger Setup has no LCY Code, so the local currency is not known; fill it in"
    return missing("CURRENCY", words)


def base_currency(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """The id of the organization's base currency, whatever the key."""
    return {key: base_id(facts) or KEEP for key in keys}


@to_sales
def decimals(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: how many decimals a currency has; one that is not of ISO 4217 is outside."""
    return {key: _decimals(key, iso_code(facts, key)) for key in keys if key}


def _decimals(code: str, iso: str) -> Answer:
    if iso not in _STANDARD:
        words = f"{iso} is no ISO code of a currency; fill in the ISO Code of {code} if it has one"
        return Outside(words, f"currency_precision/{code}")
    return _DECIMALS.get(iso, _DEFAULT_DECIMALS)


REFERENCES: Final = (
    Reference(name=SETUP, side=Side.LEFT, route=SETUP, columns=("lcyCode",), table_id=98),
    Reference(name=CURRENCIES, side=Side.LEFT, route=CURRENCIES, columns=("code", "isoCode"), table_id=4),
    Reference(
        name=RATES,
        side=Side.LEFT,
        route=RATES,
        columns=(
            "currencyCode",
            "startingDate",
            "exchangeRateAmount",
            "relationalCurrencyCode",
            "relationalExchRateAmount",
        ),
        table_id=330,
    ),
    Reference(
        name=IN_SALES,
        side=Side.RIGHT,
        route=IN_SALES,
        columns=("transactioncurrencyid", "isocurrencycode"),
    ),
    Reference(
        name=ORGANIZATION,
        side=Side.RIGHT,
        route=ORGANIZATION,
        columns=("organizationid", "_basecurrencyid_value"),
    ),
)
SOURCES: Final = (
    Source(
        name="CURRENCY",
        references=(SETUP, CURRENCIES, IN_SALES),
        resolve=local_currency,
        touched=setup_touched,
    ),
    Source(name="base_currency", references=(ORGANIZATION,), resolve=base_currency),
    Source(
        name="exchange_rates",
        references=(SETUP, CURRENCIES, RATES, IN_SALES, ORGANIZATION),
        resolve=base_rates,
        # Relative to the base of the organization each rate is a cross rate.
        touched=all_touched,
    ),
    Source(name="local_rates", references=(SETUP, RATES), resolve=local_rates, touched=local_touched),
    Source(name="currency_precision", references=(CURRENCIES,), resolve=decimals),
)
