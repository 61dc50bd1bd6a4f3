"""What the rules of single tables share: a value after the write, whether it changes, search names,
and what a line of a document comes to.
"""

from decimal import ROUND_HALF_UP, Decimal

from kobling_sandbox.rows import Row

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)


def value_of(old: Row | None, values: Row, key: str) -> str:
    """A text as it will be after the write, blank if neither the row nor the write has it."""
    return str(values[key] if key in values else (old or {}).get(key, ""))


def changes(old: Row | None, values: Row, key: str) -> bool:
    """Whether the write gives this text a new value."""
    return key in values and values[key] != (old or {}).get(key, "")


def fill_search_name(old: Row | None, values: Row, source: str, key: str) -> None:
    """The search name follows the name until somebody gives it a value of its own."""
    follows = old is None or old.get(key, "") in ("", _upper(str(old.get(source, ""))))
    if source in values and follows:
        values.setdefault(key, _upper(str(values[source])))


def _upper(text: str) -> str:
    # Capitals can be longer than the letters that they stand for.
    return text.strip(" ").upper()[:100]


def line_amounts(values: Row) -> None:
    """Amounts of a line from quantity, price, discounts and VAT."""
    quantity, price, rate = (values.get(name, Decimal(0)) for name in ("quantity", "unitPrice", "vat"))
    discounts = values.get("lineDiscountAmount", Decimal(0)) + values.get("invDiscountAmount", Decimal(0))
    gross = (quantity * price - discounts).quantize(_CENT, ROUND_HALF_UP)
    factor = 1 + rate / _HUNDRED
    if values.pop("pricesIncludingVAT", False):
        values |= {"amountIncludingVAT": gross, "amount": (gross / factor).quantize(_CENT, ROUND_HALF_UP)}
    else:
        values |= {"amount": gross, "amountIncludingVAT": (gross * factor).quantize(_CENT, ROUND_HALF_UP)}
