"""What a mapping file says: a mapping with everything that a person sees of it, enabled or not.

The structs are the schema of the files. Business Central (`bc`) and Dataverse (`crm`) columns go by their
names on the wire. `load.executable` makes of a definition, and of a user's changes of it, what the core
plans with.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

from kobling.model.errors import ConfigurationError
from kobling.model.mapping import DeletionConflict, Direction, Guards, Limit, Moment, UpdateConflict

# Never a float: a number with decimals is no constant of a mapping.
Plain: TypeAlias = str | int | bool | None
# Settings of the connection, each with the value at which something belongs to the mapping. YAML reads a bare
# `on` as true.
Only: TypeAlias = dict[str, str | bool]


# The route of a table whose rows are the values of a choice column of Sales: this and ENTITY.COLUMN.
OPTION_ROUTE: Final = "options/"


class ColumnType(StrEnum):
    """What a column holds, as far as filters and blanks need to know.

    OPTION: a member name of a Business Central option. INTEGER: whole numbers and Dataverse choices. ID: a
    GUID, or a look-up. DATE: a day, or a time of which the day counts, in ISO form.
    """

    TEXT = "text"
    OPTION = "option"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    ID = "id"
    DATE = "date"


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A column. caption: the Business Central field name or Dataverse's display name. maximum: characters.

    blank: how the service writes 'nothing'; by default null for Dataverse, and '', 0 or false for Business
    Central, which knows no null. targets, navigation: of a look-up, see `kobling.model.mapping.Column`.
    entity_of: the column is none of the service's: it is the table that this look-up points to. fixed: the
    service lets nobody write it.
    """

    caption: str
    type: ColumnType = ColumnType.TEXT
    maximum: int | None = None
    upper: bool = False
    blank: str | int | bool | msgspec.UnsetType | None = msgspec.UNSET
    targets: dict[str, str] = {}
    navigation: str = ""
    entity_of: str = ""
    fixed: bool = False

    @property
    def nothing(self) -> Plain:
        """The blank value."""
        return None if self.blank is msgspec.UNSET else self.blank


class FilterCondition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A column is (negated: is not) one of `values`, or the answer of `source`. text: the same in words.

    expression: instead of values, a filter expression as people write it: `A..B|@*x*`. switch: the setting
    of the connection with which it is turned off. only: the settings with which it is there at all.
    """

    column: str
    values: tuple[Plain, ...] = ()
    negated: bool = False
    source: str = ""
    expression: str = ""
    text: str = ""
    switch: str = ""
    only: Only = {}


class TemplateDefinition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A template of a list. Of those whose filter the source's record passes, the one with the lowest
    priority gives a created record its values, whatever the source holds."""

    name: str
    priority: int = 0
    filter: tuple[FilterCondition, ...] = ()
    values: dict[str, Plain] = {}


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side. table: the Business Central table or Dataverse entity. route: its set. key: the id's column.

    number, title: columns that people know a record by. known_by: columns that tell a record apart where its
    number alone does not. template: what a create sets. templates: a list of which one is chosen by the
    source's record. shipped: titles of records that the service brings itself, which nobody made. page: of
    Business Central's web client, which shows the record that is filtered by its number; 0 where none does.
    """

    table: str
    route: str
    title: str
    columns: dict[str, Column]
    caption: str = ""
    table_id: int = 0
    key: str = "id"
    number: str | None = None
    known_by: tuple[str, ...] = ()
    filter: tuple[FilterCondition, ...] = ()
    template: dict[str, Plain] = {}
    templates: tuple[TemplateDefinition, ...] = ()
    shipped: tuple[str, ...] = ()
    page: int = 0


class Conversion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a value is made; kinds and words as in `kobling.model.mapping.Conversion`, columns by name.

    key: the column on the source side that is asked for, or, of a plain row, that comes first. within:
    columns of Business Central that go before it in what is asked of Sales. otherwise: the columns that stand
    in for a blank value.
    """

    kind: str = "plain"
    source: str = ""
    key: str | None = None
    within: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    entity: str = ""
    digits: int = 2


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An integration field mapping. bc, crm: its columns, null on the side without one.

    chooses: the row writes nothing by itself, its constant is the table that this look-up points to. rule:
    the rule of the entity that a derived row carries out. gate: that rule may keep a record outside. note:
    what a person should know. match: match-based coupling compares it, in the order of match_priority, with
    upper and lower case told apart where match_case says so. instead: what stands for this row, which is
    never enabled then. only: the settings of the connection with which the row is there. Else as
    `kobling.model.mapping.FieldRow`.
    """

    bc: str | None = None
    crm: str | None = None
    direction: Direction = Direction.BOTH
    constant: Plain = None
    transformation: str = ""
    enabled: bool = True
    clear_on_failed: bool = False
    not_null: bool = False
    match: bool = False
    match_priority: int = 0
    match_case: bool = False
    conflict: UpdateConflict | None = None
    group: str = ""
    rule: str = ""
    moment: Moment = Moment.ALWAYS
    claim: bool = False
    when: str = ""
    gate: bool = False
    couples: bool = False
    conversion: Conversion = Conversion()
    chooses: str = ""
    note: str = ""
    instead: str = ""
    compare: bool = False
    only: Only = {}

    @property
    def executable(self) -> bool:
        """Whether the row can take part in a run at all."""
        return not self.chooses and not self.instead


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An integration table mapping. finder: columns (bc: crm) by which an uncoupled record finds its partner.

    leave_first: records that meet are left as they are until one changes. one_way: it flows only one way, and
    its rows with it. refuse_outside: a look-up of a coupled record outside the filter is refused.
    parts_with: the Dataverse look-up to what a record belongs to. part_of: the mapping of whose records these
    are parts, as lines are of a document: they run together, and it has no entry in the schedule. only: the
    settings of the connection with which this variant of the mapping is there. shared: the records of Sales
    belong to no company, so of several connections of one organization the first one alone writes them.
    beside: it is none of the default mappings, but does what the built-in integration does beside them.
    auto: the switch of the connection with which uncoupled records are taken up unasked, and the mapping has
    an entry in the schedule; without one it always has. ready: it can be carried out, else only defined.
    needs: mappings that its rules need beside those that its rows ask.
    """

    name: str
    direction: Direction
    bc: Table
    crm: Table
    fields: tuple[Field, ...]
    synch_only_coupled: bool = True
    update_conflict: UpdateConflict = UpdateConflict.ASK
    deletion_conflict: DeletionConflict = DeletionConflict.ASK
    finder: dict[str, str] = {}
    leave_first: bool = False
    one_way: bool = False
    refuse_outside: bool = False
    parts_with: str | None = None
    part_of: str = ""
    auto: str = ""
    shared: bool = False
    beside: bool = False
    only: Only = {}
    ready: bool = True
    needs: tuple[str, ...] = ()
    guards: Guards = Guards()

    def field_name(self, field: Field) -> str:
        """What a row is called: the Business Central caption, else the Dataverse column's name; both where an
        earlier row has that caption, or the caption and the rule."""
        if field.bc is None:
            return field.crm or ""
        # A row of a person may name a column that is no longer there.
        column = self.bc.columns.get(field.bc)
        caption = field.bc if column is None else column.caption
        rows = (one for one in self.fields if one.bc == field.bc and one.executable)
        first = next(rows, field)
        beside = field.crm or field.rule
        return caption if first is field or not beside else f"{caption} ({beside})"


class FieldChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A user's edits of a field row; None leaves what the definition says."""

    enabled: bool | None = None
    direction: Direction | None = None
    constant: Plain = None
    transformation: str | None = None
    clear_on_failed: bool | None = None
    not_null: bool | None = None
    match: bool | None = None
    match_priority: int | None = None
    match_case: bool | None = None
    conflict: UpdateConflict | None = None
    compare: bool | None = None


class Changes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A user's edits of a mapping; None leaves what the definition says. An empty filter lets all through.

    observe: runs plan and show what they would do, and write nothing.
    fields: edits of field rows, by `field_name`. new_fields: rows that a user added. bc_columns, crm_columns:
    columns that they need beside those of the definition, by their names on the wire. blank_options: codes of
    an option mapping that stand for no option. definition: of a mapping that a user made, what it is.
    bc_templates, crm_templates: for records that are created on that side.
    """

    enabled: bool | None = None
    direction: Direction | None = None
    synch_only_coupled: bool | None = None
    update_conflict: UpdateConflict | None = None
    deletion_conflict: DeletionConflict | None = None
    bc_filter: tuple[FilterCondition, ...] | None = None
    crm_filter: tuple[FilterCondition, ...] | None = None
    observe: bool | None = None
    guard_deletions: Limit | None = None
    guard_changes: Limit | None = None
    guard_empty: bool | None = None
    guard_schema: bool | None = None
    guard_mapping: bool | None = None
    fields: dict[str, FieldChanges] = {}
    new_fields: tuple[Field, ...] = ()
    bc_columns: dict[str, Column] = {}
    crm_columns: dict[str, Column] = {}
    blank_options: tuple[str, ...] = ()
    definition: Definition | None = None
    bc_templates: tuple[TemplateDefinition, ...] = ()
    crm_templates: tuple[TemplateDefinition, ...] = ()

    @property
    def is_enabled(self) -> bool:
        """Whether the mapping takes part in runs."""
        return self.enabled is not False


NO_CHANGES: Final = Changes()
# Changes of rows, their columns and options, and what the mapping is; the others are keys of the mapping.
OF_PARTS: Final = frozenset(
    {"fields", "new_fields", "bc_columns", "crm_columns", "blank_options", "definition"}
    | {"bc_templates", "crm_templates"}
)
_CODE: Final = "code"


def changed(definition: Definition, changes: Changes) -> Definition:
    """The definition as the changes make it. Raises ConfigurationError where it cannot flow that way."""
    edits: dict[str, Any] = {
        name: value
        for name in ("direction", "synch_only_coupled", "update_conflict", "deletion_conflict")
        if (value := getattr(changes, name)) is not None
    }
    for side, filtered, columns in (
        ("bc", changes.bc_filter, changes.bc_columns),
        ("crm", changes.crm_filter, changes.crm_columns),
    ):
        table = _table(getattr(definition, side), filtered, columns, changes.blank_options)
        templates = changes.bc_templates if side == "bc" else changes.crm_templates
        edits[side] = msgspec.structs.replace(table, templates=(*table.templates, *templates))
    edits["guards"] = _guards(definition.guards, changes)
    edits["fields"] = (*definition.fields, *changes.new_fields)
    now = msgspec.structs.replace(definition, **edits)
    now = msgspec.structs.replace(now, fields=tuple(_edited(now, one, changes) for one in now.fields))
    return _one_way(now) if now.one_way else now


def _guards(guards: Guards, changes: Changes) -> Guards:
    edits = {name: getattr(changes, f"guard_{name}") for name in Guards.__struct_fields__}
    return msgspec.structs.replace(guards, **{name: one for name, one in edits.items() if one is not None})


def _one_way(definition: Definition) -> Definition:
    """The definition with all its rows in its own direction."""
    if definition.direction is Direction.BOTH:
        raise ConfigurationError(
            f"{definition.name} flows only one way, so it cannot be {Direction.BOTH}.",
            cure=f"Use {Direction.TO_RIGHT} or {Direction.TO_LEFT}.",
        )
    rows = [
        one if one.claim else msgspec.structs.replace(one, direction=definition.direction)
        for one in definition.fields
    ]
    return msgspec.structs.replace(definition, fields=tuple(rows))


def _table(
    table: Table,
    filtered: tuple[FilterCondition, ...] | None,
    columns: dict[str, Column],
    blank_options: tuple[str, ...],
) -> Table:
    inside = table.filter if filtered is None else filtered
    if blank_options:
        # Nothing is coupled or created of a code that stands for nothing.
        text = f"the code is not set to blank: {', '.join(blank_options)}"
        inside = (*inside, FilterCondition(column=_CODE, values=blank_options, negated=True, text=text))
    return msgspec.structs.replace(
        table,
        filter=inside,
        columns=known_columns(table, columns),
    )


def known_columns(table: Table, added: dict[str, Column]) -> dict[str, Column]:
    """The columns of a table with those that a user added.

    What a later version of the definition knows of a column goes before what a user said.
    """
    return added | table.columns if added else table.columns


def _edited(definition: Definition, field: Field, changes: Changes) -> Field:
    edits = changes.fields.get(definition.field_name(field)) if changes.fields else None
    if edits is None:
        return field
    values = {name: getattr(edits, name) for name in FieldChanges.__struct_fields__}
    return msgspec.structs.replace(field, **{name: one for name, one in values.items() if one is not None})
