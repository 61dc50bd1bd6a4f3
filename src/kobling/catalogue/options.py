"""Option fields of accounts: which option value of Sales stands for which Business Central code."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, partial
from importlib.resources import files
from typing import Any, Final

import msgspec

from kobling.catalogue.facts import first_of, missing, rows_of, text_of
from kobling.catalogue.read import read_yaml
from kobling.model.errors import ConfigurationError
from kobling.model.look_up import Answer, Facts, Found, Reference, Rejected, Rows, Source, Through
from kobling.model.mapping import Side
from kobling.model.pair import Missing

ACCOUNT_OPTIONS: Final = "account options"
_CODE_LENGTH: Final = 10


class OptionField(msgspec.Struct, frozen=True, kw_only=True):
    """An option field. source, naming: the names of its look-up sources: which option or code stands for
    another, and what a new one is called. mapping: of whose table the codes are."""

    source: str
    naming: str
    mapping: str
    column: str
    caption: str
    table: str
    table_id: int


OPTION_FIELDS: Final = (
    OptionField(
        source="payment_terms",
        naming="payment_terms_names",
        mapping="PAYMENT TERMS",
        column="paymenttermscode",
        caption="Payment Terms",
        table="paymentTerms",
        table_id=3,
    ),
    OptionField(
        source="shipment_methods",
        naming="shipment_methods_names",
        mapping="SHIPMENT METHOD",
        column="address1_freighttermscode",
        caption="Freight Terms",
        table="shipmentMethods",
        table_id=10,
    ),
    OptionField(
        source="shipping_agents",
        naming="shipping_agents_names",
        mapping="SHIPPING AGENT",
        column="address1_shippingmethodcode",
        caption="Shipping Method",
        table="shippingAgents",
        table_id=291,
    ),
)
REFERENCES: Final = (
    Reference(
        name=ACCOUNT_OPTIONS,
        side=Side.RIGHT,
        route="account",
        columns=tuple(one.column for one in OPTION_FIELDS),
        options=True,
        made_with=tuple(f"options/account.{one.column}" for one in OPTION_FIELDS),
    ),
    *(
        Reference(name=one.table, side=Side.LEFT, route=one.table, columns=("code",), table_id=one.table_id)
        for one in OPTION_FIELDS
    ),
)


def resolve(
    field: OptionField, facts: Facts, side: Side, keys: Collection[str]
) -> dict[str, Answer | Through]:
    """To Sales: the option of a code. To Business Central: the code of a value, if it exists there.

    What is coupled comes first; where nothing is, the label says which code an option stands for, unless a
    person said that the code stands for none.
    """
    rows = [one for one in rows_of(facts, ACCOUNT_OPTIONS) if one.get("column") == field.column]
    if side is Side.RIGHT:
        return {key: _to_right(field, facts, rows, key) for key in keys}
    by_value = {str(one["value"]): one for one in rows}
    return {key: _to_left(field, facts, by_value, key) for key in keys}


def finish(field: OptionField, facts: Facts, side: Side, values: Collection[Found]) -> dict[Found, Answer]:
    """To Sales: the value of the option that was found, blank where a person said that there is none."""
    if side is Side.LEFT:
        return {one: one[1] for one in values}
    by_id = {text_of(one, "id"): int(one["value"]) for one in rows_of(facts, ACCOUNT_OPTIONS)}
    words = f"the option that is coupled in {field.mapping} is no longer in Sales"
    gone = missing(field.source, words)
    return {one: by_id.get(one[1], gone) if one[1] else "" for one in values}


def code_of(column: str, value: int, label: str) -> str:
    """The code that an option value stands for: a default one's own, else made of its label."""
    return default_codes().get(column, {}).get(value) or _cut(label)


def code_of_label(column: str, label: str) -> str:
    """The code that a label gives: a default one's own where it is written like it, else its first ten."""
    plain = "".join(one for one in label.upper() if one.isalnum() or one == "%")
    return plain if plain in default_codes().get(column, {}).values() else _cut(label)


def _cut(label: str) -> str:
    return label.strip()[:_CODE_LENGTH].strip().upper()


def _to_right(field: OptionField, facts: Facts, rows: Rows, key: str) -> Answer | Through:
    wanted = key.strip().upper()
    if not wanted:
        return None
    if wanted in facts.blank.get(field.mapping, ()):
        return _through(field, wanted, "")
    codes = {int(one["value"]): code_of(field.column, int(one["value"]), _label(one)) for one in rows}
    # Where several labels begin alike, the default option comes first, then the lowest value.
    found = sorted(value for value, code in codes.items() if code == wanted)
    defaults = default_codes().get(field.column, {})
    if found:
        first = min(found, key=lambda value: (defaults.get(value) != wanted, value))
        identifier = next(text_of(one, "id") for one in rows if int(one["value"]) == first)
        return _through(field, wanted, identifier)
    words = f"{key} has no option in {field.caption} of the account in Sales; add one with that name there"
    return _through(field, wanted, missing(field.source, words))


def _to_left(
    field: OptionField, facts: Facts, by_value: dict[str, dict[str, Any]], key: str
) -> Answer | Through:
    if not key:
        return ""
    option = by_value.get(key)
    if option is None:
        return missing(field.source, f"{field.caption} has no option with the value {key} in Sales")
    code = code_of(field.column, int(key), _label(option))
    if code in facts.blank.get(field.mapping, ()):
        return _through(field, text_of(option, "id"), "")
    row = first_of(rows_of(facts, field.table), "code", code)
    other: str | Missing
    if row is not None:
        other = text_of(row, "code")
    else:
        where = f"the code {code} in {field.mapping.title()}"
        other = missing(field.source, f"the option {_label(option)!r} needs {where}, which has none")
    return _through(field, text_of(option, "id"), other)


def _through(field: OptionField, key: str, otherwise: str | Missing) -> Through:
    return Through(
        key=key,
        what=f"the option {key}",
        via=(field.mapping,),
        coupled_is_enough=True,
        otherwise=otherwise,
    )


def name(field: OptionField, facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """What a new or renamed option is called: its label of a code, its code of a label."""
    if side is Side.RIGHT:
        return {key: _named(field, key, key) for key in keys}
    labels = [_label(one) for one in rows_of(facts, ACCOUNT_OPTIONS) if one.get("column") == field.column]
    return {key: _code_named(field, labels, key) for key in keys}


def _code_named(field: OptionField, labels: Collection[str], label: str) -> Answer:
    code = code_of_label(field.column, label)
    alike = [one for one in labels if one != label and code_of_label(field.column, one) == code]
    if label and alike:
        words = (
            f"the options {label!r} and {alike[0]!r} both make the code {code}; rename one of them in Sales, "
            "so that their first ten characters differ"
        )
        return Rejected(words, f"{field.naming}/{alike[0]}")
    return _named(field, label, code)


def _named(field: OptionField, given: str, made: str) -> Answer:
    if "," in given and made not in default_codes().get(field.column, {}).values():
        return Rejected(f"{given!r} has a comma, which the name of an option cannot have; rename it")
    return made


def _label(option: dict[str, Any]) -> str:
    return str(option.get("label") or "")


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
    return Source(
        name=field.source,
        references=(ACCOUNT_OPTIONS, field.table),
        resolve=partial(resolve, field),
        via=(field.mapping,),
        finish=partial(finish, field),
    )


def _naming(field: OptionField) -> Source:
    return Source(name=field.naming, references=(ACCOUNT_OPTIONS,), resolve=partial(name, field))


SOURCES: Final = tuple(make(one) for one in OPTION_FIELDS for make in (_source, _naming))
