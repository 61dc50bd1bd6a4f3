"""How many pairs of CUSTOMER a second the pure planner decides on one core: `python -m tests.bench planner`.

Prints pairs a second where one pair of a hundred was changed, where every pair was changed in one field,
and where every pair is in conflict. All rules of CUSTOMER are on: owner, currency, options, credit limit,
filters.
"""

from __future__ import annotations

import time
from decimal import Decimal

from kobling.algebra.plan import plan_pair
from kobling.catalogue.load import default_mappings
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Base, Kind, Pair, Record
from kobling.model.values import Value, Values

_PAIRS = 20_000
_ROUNDS = 5
_USER = "11111111-1111-4111-8111-111111111111"
_EURO = "22222222-2222-4222-8222-222222222222"
_LOCAL = "33333333-3333-4333-8333-333333333333"
LOOK_UPS = {
    ("SALESPEOPLE", Side.RIGHT, "AH"): _USER,
    ("CURRENCY", Side.RIGHT, "EUR"): _EURO,
    ("CURRENCY", Side.RIGHT, ""): _LOCAL,
    ("CURRENCY", Side.LEFT, _EURO): "EUR",
    ("CURRENCY", Side.LEFT, _LOCAL): "",
    ("local_rates", Side.RIGHT, "EUR"): Decimal("0.0842"),
    ("payment_terms", Side.RIGHT, "NET30"): 1,
    ("payment_terms", Side.LEFT, "1"): "NET30",
    ("shipment_methods", Side.RIGHT, "FOB"): 1,
    ("shipment_methods", Side.LEFT, "1"): "FOB",
    ("shipping_agents", Side.RIGHT, "DHL"): 2,
    ("shipping_agents", Side.LEFT, "2"): "DHL",
    ("countries", Side.RIGHT, "NO"): "NO",
    ("countries", Side.LEFT, "NO"): "NO",
}
_LEFT: dict[str, Value] = {
    "salespersonCode": "AH",
    "currencyCode": "EUR",
    "paymentTermsCode": "NET30",
    "shipmentMethodCode": "FOB",
    "shippingAgentCode": "DHL",
    "countryRegionCode": "NO",
    "creditLimitLCY": Decimal("50000.50"),
    "blocked": "_x0020_",
}
_RIGHT: dict[str, Value] = {
    "ownerid": f"systemuser/{_USER}",
    "transactioncurrencyid": _EURO,
    "paymenttermscode": 1,
    "address1_freighttermscode": 1,
    "address1_shippingmethodcode": 2,
    "address1_country": "NO",
    "creditlimit": Decimal("4210.04"),
    "statecode": 0,
    "customertypecode": 3,
    "bcbi_companyid": None,
}


def pairs(mapping: Mapping, changed: int, *, both: bool) -> list[Pair]:
    """As many pairs; every `changed`-th has another name in Business Central, with `both` in Sales too."""
    made: list[Pair] = []
    for number in range(_PAIRS):
        left = _values(mapping, Side.LEFT, _LEFT, number)
        right = _values(mapping, Side.RIGHT, _RIGHT, number)
        base = Base(left=left, right=right, made=tuple("" for _ in mapping.rows))
        if changed and number % changed == 0:
            left = _renamed(mapping, Side.LEFT, left, "Another name")
            right = _renamed(mapping, Side.RIGHT, right, "A third name") if both else right
        # As from the wire: equal values, other objects.
        one, other = Record(id="l", values=_copied(left)), Record(id="r", values=_copied(right))
        made.append(Pair(left=one, right=other, base=base))
    return made


def _values(mapping: Mapping, side: Side, known: dict[str, Value], number: int) -> Values:
    return tuple(known.get(one.name, f"{one.name} {number}") for one in mapping.table(side).columns)


def _renamed(mapping: Mapping, side: Side, values: Values, name: str) -> Values:
    at = [one.name for one in mapping.table(side).columns].index("name")
    return (*values[:at], name, *values[at + 1 :])


def _copied(values: Values) -> Values:
    return tuple(f"{one} "[:-1] if isinstance(one, str) else one for one in values)


def rate(mapping: Mapping, given: list[Pair], expected: int) -> int:
    """Pairs a second, the best of some rounds; the actions are counted, so that nothing is left out."""
    best = 0.0
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        acted = sum(plan_pair(mapping, one, LOOK_UPS).kind is not Kind.NOTHING for one in given)
        best = max(best, len(given) / (time.perf_counter() - begun))
        assert acted == expected, (acted, expected)
    return round(best)


def main() -> None:
    """Prints one line a case."""
    mapping = default_mappings()["CUSTOMER"]
    fields = len(mapping.rows)
    print(f"planner, CUSTOMER with {fields} rows, one core, pairs a second:")
    print(f"  one percent changed  {rate(mapping, pairs(mapping, 100, both=False), _PAIRS // 100):>9,}")
    print(f"  all changed          {rate(mapping, pairs(mapping, 1, both=False), _PAIRS):>9,}")
    print(f"  all in conflict      {rate(mapping, pairs(mapping, 1, both=True), 0):>9,}")


if __name__ == "__main__":
    main()
