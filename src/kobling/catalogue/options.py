"""Option fields of accounts: which option value of Sales stands for which Business Central code."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from kobling.catalogue.facts import first_of, missing, rows_of, text_of
from kobling.catalogue.read import read_yaml
from kobling.model.errors import ConfigurationError
from kobling.model.look_up import Answer, Facts, Reference, Source
from kobling.model.mapping import Side

_OPTIONS: Final = "account options"
_CODE_LENGTH: Final = 10


class OptionField(msgspec.Struct, frozen=True, kw_only=True):
    """An option field. source: the look-up source's name. mapping: of whose table the codes are."""

    source: str
    mapping: str
    column: str
    caption: str
    table: str
    table_id: int


OPTION_FIELDS: Final = (
    OptionField(
        source="payment_terms",
        mapping="PAYMENT TERMS",
        column="paymenttermscode",
        caption="Payment Terms",
        table="paymentTerms",
        table_id=3,
    ),
    OptionField(
        source="shipment_methods",
        mapping="SHIPMENT METHOD",
        column="address1_freighttermscode",
        caption="Freight Terms",
        table="shipmentMethods",
        table_id=10,
    ),
    OptionField(
        source="shipping_agents",
        mapping="SHIPPING AGENT",
        column="address1_shippingmethodcode",
        caption="Shipping Method",
        table="shippingAgents",
        table_id=291,
    ),
)
REFERENCES: Final = (
    Reference(
        name=_OPTIONS,
        side=Side.RIGHT,
        route="account",
        columns=tuple(one.column for one in OPTION_FIELDS),
        options=True,
    ),
    *(
        Reference(name=one.table, side=Side.LEFT, route=one.table, columns=("code",), table_id=one.table_id)
        for one in OPTION_FIELDS
    ),
)


def resolve(field: OptionField, facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: the option value of a code. To Business Central: the code of a value, if it exists there."""
    labels = {
        str(one["value"]): str(one.get("label") or "")
        for one in rows_of(facts, _OPTIONS)
        if one.get("column") == field.column
    }
    codes = {value: code_of(field.column, int(value), label) for value, label in labels.items()}
    if side is Side.RIGHT:
        return {key: _to_right(field, codes, key) for key in keys}
    return {key: _to_left(field, facts, labels, codes, key) for key in keys}


def code_of(column: str, value: int, label: str) -> str:
    """The code that an option value stands for: a default one's own, else made of its label."""
    known = default_codes().get(column, {}).get(value)
    return known or label.strip()[:_CODE_LENGTH].strip().upper()


def _to_right(field: OptionField, codes: dict[str, str], key: str) -> Answer:
    wanted = key.strip().upper()
    if not wanted:
        return None
    # Where several labels begin alike, the default option comes first, then the lowest value.
    found = sorted(int(value) for value, code in codes.items() if code == wanted)
    defaults = default_codes().get(field.column, {})
    if found:
        return min(found, key=lambda value: (defaults.get(value) != wanted, value))
    words = f"{key} has no option in {field.caption} of the account in Sales; add one with that name there"
    return missing(field.source, words)


def _to_left(
    field: OptionField, facts: Facts, labels: dict[str, str], codes: dict[str, str], key: str
) -> Answer:
    if not key:
        return ""
    code = codes.get(key, "")
    row = first_of(rows_of(facts, field.table), "code", code)
    if row is not None:
        return text_of(row, "code")
    if key not in labels:
        words = f"{field.caption} has no option with the value {key} in Sales"
    else:
        words = f"the option {labels[key]!r} needs the code {code} in {field.mapping.title()}, which has none"
    return missing(field.source, words)


@cache
def default_codes() -> dict[str, dict[int, str]]:
    """The codes of the default option values, by column and value. Raises ConfigurationError."""
    file = "options.yaml"
    document = read_yaml((files("kobling.catalogue") / file).read_text(encoding="utf-8"), file)
    try:
        return msgspec.convert(document, dict[str, dict[int, str]])
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}: {error}.", cure="Correct the file at that place.") from error


def _source(field: OptionField) -> Source:
    def answer(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
        return resolve(field, facts, side, keys)

    return Source(name=field.source, references=(_OPTIONS, field.table), resolve=answer)


SOURCES: Final = tuple(_source(one) for one in OPTION_FIELDS)
