"""The shipped mappings with every field row, and what can be changed of a mapping."""

from __future__ import annotations

from collections.abc import Iterator

from kobling.catalogue.definition import OF_PARTS, Changes
from kobling.catalogue.describe import depends_on
from kobling.catalogue.filter_expression import CONSTANTS
from kobling.catalogue.load import definitions, every_variant
from kobling.catalogue.settings import SETTINGS, left_in, words_of
from kobling.model.mapping import DeletionConflict, Direction, UpdateConflict

from .mapping_pages import slug, switch_text
from .markdown import code, page, table, words_for

_HEAD = """\
A mapping says which table of Business Central and which table of Sales belong together, which records take
part, and which fields flow which way. These are the mappings that kobling has. `kobling mapping show NAME`
shows one of them as it is in your database, with your changes.

*To integration table* means from Business Central into Sales, *From integration table* the other way."""
_OPTIONS = {
    "enabled": "Whether the mapping takes part in runs.",
    "direction": "Which way values may flow. It narrows each field row; it never widens one.",
    "synch_only_coupled": "`on`: records that are not coupled are ignored. `off`: a run also creates "
    "their counterparts.",
    "update_conflict": "Who wins where both sides changed one field to different values. `none`: a "
    "person decides. "
    "`send`: Business Central. `get`: Sales.",
    "deletion_conflict": "What happens to a pair whose one record was deleted. `none`: a person "
    "decides. `restore`: it "
    "is created anew. `remove-coupling`: the other record stays, uncoupled. `delete`: the other is "
    "deleted, too.",
    "bc_filter": "Which records of Business Central take part; see [Filters](#filters).",
    "crm_filter": "Which records of Sales take part; see [Filters](#filters).",
    "observe": "`on`: runs show what they would do, and write nothing.",
    "guard_deletions": "At most so many coupled pairs may have a deleted record in one run: a number, a "
    "share of the pairs, or both, whichever is more. `20 or 50%` unless you change it.",
    "guard_changes": "At most so many coupled pairs may have a changed record in one run, said likewise. "
    "`off` unless you change it.",
    "guard_empty": "A run stops where a side answers for none of the records that it is known to have.",
    "guard_schema": "A run stops where a field is gone, of another type, or shorter than it was.",
    "guard_mapping": "A run stops where the mapping is another than in the last run. `off` unless you change "
    "it.",
}
_FILTERS = f"""\
A filter is conditions with `AND` between them. A condition is a field, `=`, and a filter expression as
Business Central has them. `<>`, `<`, `<=`, `>` and `>=` may stand in the place of `=`.

- A field goes by its caption or by its name on the wire: `City`, `address1_city`. It must be one that the
  mapping knows; they stand below the field table of each mapping.
- The form of Business Central itself is read as well: `Blocked: '', No.: 10000..20000`.
- An empty filter lets all records through. Between fields there is no *or*.

| Write | For |
| --- | --- |
| `Oslo` | this value |
| `Oslo\\|Bergen` | one of these |
| `''` | blank; in Sales also `null` |
| `<>Oslo`, `<>''` | not this value, not blank |
| `10000..20000`, `..20000`, `10000..` | from, up to, or both, the ends included |
| `>100`, `>=100`, `<100`, `<=100` | above, from, below, up to |
| `A*`, `*sen`, `*holm*`, `M?ss` | texts; `*` is any text, `?` one letter |
| `@oslo`, `@*holm*` | the same without regard to case and accents |
| `A*&<>*AS` | both |
| `A*&(*sen\\|*holm)` | `&` binds tighter than `\\|`; parentheses go before both |
| `'A\\|B'`, `*'*'*`, `'L''Eclair'` | quotes take the meaning from all signs within; `''` is one quote |

What stands in the database decides, and kobling judges it the same on both sides:

- Texts are compared letter by letter, with their case, unless `@` stands first, in Sales too. Codes are upper
  case, whatever you write. In ranges, letters of either case stand together: `A..C` lets *bergen* through.
- Numbers are exact: `0.5`, with a point. Choices of Sales are numbers. `Yes`, `No`, `true` and `false` are
  written in any case. Options are written as Business Central shows or sends them: `Not Started`,
  `Not_x0020_Started`.
- Days are written `2026-01-31`. Of a time the day counts, in UTC. `today` and other words that mean another
  day tomorrow are not read: a record would leave the filter without being changed.
- A look-up is compared with a GUID. {" and ".join(f"`<{one}>`" for one in CONSTANTS)} stand for ids that are
  known only when a run begins.
- A number or a day that is null in Sales lies in no range; a text that is null is an empty text.

```
Blocked = '' AND City = Oslo|Bergen
No. = 10000..20000|@*holding* AND Credit Limit (LCY) >= 1000.50
statecode = 0 AND name <> 'Test*'
```"""
_SWITCHES = """\
The settings of the connection hold for all of its mappings. `kobling connection set unit_groups=off` changes
one and says what that entails: which mappings and field rows come and go, and how many coupled pairs they
have. Rows and conditions that are there only with some settings say so on the page of their mapping;
`kobling mapping show NAME --every-variant` shows them all.

Some conditions of the shipped filters have a name, so that they can be turned off in all mappings at once:
`kobling connection set blocked=off`. `kobling connection show` lists all settings with what
they are now. A filter that you set yourself has no such condition: it is as you write it."""
_STATES = """\
A mapping with *only with* is there while the settings of the connection have these values; see
[Switches](#switches). One that is *definition only* is listed and shown, and this version does not carry it
out: a run leaves it out, and refuses its name."""
_ROWS = """\
The columns of the field tables:

- **Business Central**, **Sales**: the field's caption and its name in Dataverse. A row without one of them
  is written on one side only.
- **Direction**: to = into Sales only, from = into Business Central only, both = bidirectional.
- **How**: what is more to know. *constant*: always this value. *look-up*: the value is found by the named
  source; a name in capitals is a mapping. *product*: the amount times what the source answers. *clear*:
  while the look-up has no answer, blank is written (*clear value on failed sync*). *not null*: a blank
  value is not written. *insert*: written only when the record is created. *claim*: written to the Sales
  record itself first. *group*: the name of rows that belong together; in
  this version each of them is still settled by itself. *match*: used by `couple-match` without
  `--on`. *rule*: see [Rules](rules.md).
- **On**: whether the row is enabled as shipped. A run leaves out a row whose look-up asks a mapping that is
  disabled or not there."""
_DIRECTIONS = {Direction.BOTH: "both", Direction.TO_RIGHT: "to", Direction.TO_LEFT: "from"}


def mappings_page() -> str:
    """The page."""
    return page(
        "Mappings",
        _HEAD,
        table(("Mapping", "Business Central", "Sales", "Direction", "Only with", "Needs"), _summary()),
        _STATES,
        "## What can be changed",
        "`kobling mapping set NAME key=value...` changes a mapping. `key=default` takes a change back.",
        table(("Key", "Values", "Meaning"), _changes()),
        "## Reading the field tables",
        _ROWS,
        "## Filters",
        _FILTERS,
        "## Switches",
        _SWITCHES,
        table(("Setting", "Values", "Meaning", "Turned off"), _switches()),
    )


def _summary() -> Iterator[tuple[str, ...]]:
    for variants in every_variant().values():
        for one in variants:
            turned = words_of(one.only)
            needs = ", ".join(depends_on(left_in(one, turned), definitions(turned)))
            mark = "" if one.ready else " (definition only)"
            link = f"[{one.name}](mappings/{slug(one.name)}.md){mark}"
            yield link, one.bc.table, one.crm.table, one.direction, switch_text(one.only), needs


def _changes() -> Iterator[tuple[str, str, str]]:
    values = {
        "direction": tuple(Direction),
        "update_conflict": tuple(UpdateConflict),
        "deletion_conflict": tuple(DeletionConflict),
        "bc_filter": ("a filter",),
        "crm_filter": ("a filter",),
        "guard_deletions": ("a limit", "off"),
        "guard_changes": ("a limit", "off"),
    }
    known = [one for one in Changes.__struct_fields__ if one not in OF_PARTS]
    for key, text in words_for(known, _OPTIONS, "mapping options").items():
        kinds = values.get(key, ("on", "off"))
        yield code(key), ", ".join(one if " " in one else code(one) for one in kinds), text


def _switches() -> Iterator[tuple[str, ...]]:
    known = [one for variants in every_variant().values() for one in variants]
    conditions = [(one, each) for one in known for each in (*one.bc.filter, *one.crm.filter)]
    for name, setting in SETTINGS.items():
        turned = [f"{one.name}: {each.text}" for one, each in conditions if each.switch == name]
        values = ", ".join(code(one) for one in setting.values)
        yield code(name), values, setting.meaning, "; ".join(turned)
