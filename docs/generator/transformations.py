"""The transformation rules."""

from __future__ import annotations

from collections.abc import Iterator

from kobling.algebra.rules import RULES

from .markdown import code, page, table

_HEAD = """\
A transformation makes another value of what a field holds before it is written to the other side:
`kobling field set CUSTOMER "Home Page" "transformation=trim > lowercase"`. Blank stays blank. What a rule
cannot
take is refused by name for that record alone, and its other fields flow.

- Rules stand in the order in which they work, with `>` between them. Texts stand in `'`; a `'` in one is
  written
  `''`.
- `to: ...; from: ...` says what each way does, `none` for nothing. `both: ...` is the same for each. With
  none of
  these words the rules are the way of a field that flows one way; of a field that flows both ways they
  are the way
  to Sales, and the way back takes them back. Rules that nothing takes back are refused there.
- Regular expressions are those of RE2: no looking ahead or back, and their time is bounded whatever the
  text."""
_EXPRESSIONS = """\
The last rule may be an expression in the Common Expression Language: `cel: value + ' ' + city`. `value`
is what the
rules before it made; every other name is a column of the record on the side that the value comes from, by
its name
on the wire. An expression has no loops, and a field that flows both ways may read only `value`."""


def transformations_page() -> str:
    """The page."""
    return page(
        "Transformations",
        _HEAD,
        "## Rules",
        table(("Rule", "What it makes", "Taken back"), _rules()),
        "## Expressions",
        _EXPRESSIONS,
    )


def _rules() -> Iterator[tuple[str, ...]]:
    for name, rule in RULES.items():
        parameters = ", ".join(
            f"[{one.rstrip('?')}]" if one.endswith("?") else one for one, _ in rule.parameters
        )
        taken = "yes" if rule.undo is not None else "no"
        yield code(f"{name}({parameters})" if parameters else name), rule.words, taken
