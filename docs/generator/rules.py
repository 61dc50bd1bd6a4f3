"""The derived rows, and the sources that look-ups ask."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from kobling.catalogue.definition import Definition, Field
from kobling.catalogue.load import every_variant
from kobling.catalogue.options import default_codes
from kobling.catalogue.sources import REFERENCES, SOURCES
from kobling.model.look_up import Source
from kobling.model.mapping import Side

from .markdown import MissingWordsError, code, page, table

_HEAD = """\
Some fields are not copied but made by a rule: a rate, a code of a series, the company's stamp. Each rule is
a field row of its mapping, so `kobling mapping show` lists it, with its name in the column *Rule*. Nothing
else writes."""
_SOURCES_HEAD = """\
A look-up row asks a source. A source is a mapping: the answer is then the record that the other one is
coupled with. Or it is one of these, which answer from small tables that each run reads at its opening. A name
that stands in both answers what it knows itself first. When a row of such a table changes, the pairs that it
concerns are planned again. *KEEP* means that the field stays as it is."""
_OPTIONS_HEAD = """\
An option of an account stands for a code in Business Central. These are the codes of the values that every
organization has; any other option goes by the first ten characters of its label, in upper case. What is
coupled in PAYMENT TERMS, SHIPMENT METHOD or SHIPPING AGENT comes before that. An option whose code does not
exist in Business Central, or a code without an option in Sales, leaves the field waiting, and blank is
written meanwhile."""


def rules_page() -> str:
    """The page."""
    return page(
        "Rules of derived rows",
        _HEAD,
        *_rules(),
        "## Sources of look-ups",
        _SOURCES_HEAD,
        table(("Source", "What it answers", "Reads"), _sources()),
        "## Options and their codes",
        _OPTIONS_HEAD,
        table(("Account column", "Value", "Code"), _options()),
    )


def _rules() -> Iterator[str]:
    said: dict[str, list[str]] = {}
    for definition in (one for variants in every_variant().values() for one in variants):
        for row in definition.fields:
            if row.rule:
                said.setdefault(row.rule, []).append(_rule(definition, row))
    for rule, words in said.items():
        yield "\n\n".join([f"## {rule}", *words])


def _rule(definition: Definition, row: Field) -> str:
    if not row.note:
        raise MissingWordsError(f"{definition.name}: the row of rule {row.rule} has no note in its file.")
    writes = f"`{row.crm}`" if row.bc is None else f"*{definition.bc.columns[row.bc].caption}*"
    if row.bc is not None and row.crm is not None:
        writes = f"`{row.crm}` from *{definition.bc.columns[row.bc].caption}*"
    says = [f"{definition.name}, {row.direction.value}: writes {writes}."]
    if row.moment.value == "insert":
        says.append("Only when the record is created.")
    if row.when:
        says.append(
            f"Once, when the other record leaves the filter by `{row.when}`; writes `{row.constant}`."
        )
    if row.claim:
        says.append("It is also written to the Sales record itself, before its counterpart is created.")
    if row.gate:
        says.append("It may keep a record outside, as a filter does.")
    if row.conversion.source:
        says.append(f"Asks the source [`{row.conversion.source}`](#sources-of-look-ups).")
    return " ".join(says) + f"\n\n{row.note}"


def _sources() -> Iterator[tuple[str, str, str]]:
    for one in SOURCES.values():
        reads = ", ".join(f"{REFERENCES[name].route} ({_system(name)})" for name in one.references)
        yield code(one.name), _answers(one), reads


def _system(reference: str) -> str:
    return "BC" if REFERENCES[reference].side is Side.LEFT else "Sales"


def _answers(source: Source) -> str:
    # Of a rule that serves several fields, a part is given already.
    text = inspect.getdoc(getattr(source.resolve, "func", source.resolve))
    if not text:
        raise MissingWordsError(f"the source {source.name} has no docstring.")
    return text


def _options() -> Iterator[tuple[str, str, str]]:
    for column, codes in default_codes().items():
        for value, text in codes.items():
            yield code(column), str(value), code(text)
