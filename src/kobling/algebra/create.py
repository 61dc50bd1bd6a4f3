"""The creation of counterparts: what a new record gets, of one source or of a page of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Final

from kobling.algebra.compiled import Compiled, Step, compiled, is_derived
from kobling.algebra.gates import returning, shut_out
from kobling.algebra.merge import position_of, settled
from kobling.algebra.templates import depends_on_source, template_of
from kobling.algebra.transform import convert, is_open
from kobling.model.look_up import Answer, Keep, LookUps, Rejected
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Action, Base, Kind, Missing, Record, Trouble, Write
from kobling.model.values import UNSET, Value, Values, is_blank, same_value

_REASON: Final = "not coupled yet"
_NOTHING_MADE: Final = settled(None)


def plan_creations(
    mapping: Mapping, sources: Sequence[Record], target: Side, look_ups: LookUps
) -> list[Action]:
    """The actions that create the counterparts of these uncoupled records, in their order.

    The same as `plan_create` of each, but made column by column; a record with an open value, or one to which
    something is written back, is planned by itself.
    """
    if mapping.only_couples:
        return [_left_to_owner(mapping, one, target) for one in sources]
    ready = compiled(mapping)
    steps = ready.creations[target]
    alone = ready.claims[target.other] or ready.backward[target] or depends_on_source(mapping, target)
    if not steps or alone:
        return [plan_create(mapping, one, target, look_ups) for one in sources]
    given = [one.values for one in sources]
    columns = [step.column(given, look_ups) for step in steps]
    apart = _apart(ready, target, columns, given, look_ups)
    return [
        plan_create(mapping, source, target, look_ups) if index in apart else create
        for index, (source, create) in enumerate(
            zip(sources, _creates(ready, target, sources, columns), strict=True)
        )
    ]


def _left_to_owner(mapping: Mapping, source: Record, target: Side) -> Action:
    """Another connection makes the records of this table; what it makes is found by what finds partners."""
    table, at = mapping.table(target.other), 0 if target is Side.RIGHT else 1
    words = f"only the connection {mapping.only_couples!r} makes a {mapping.table(target).caption}"
    keys = [str(source.values[pair[at]]) for pair in mapping.finder]
    return Action(
        kind=Kind.OUTSIDE,
        waits=tuple(f"{mapping.name}/{one}" for one in keys),
        reason=f"{words}, which belongs to no company; have it made there, then couple this {table.caption}",
    )


def _apart(
    ready: Compiled,
    target: Side,
    columns: Sequence[list[Answer]],
    given: Sequence[Values],
    look_ups: LookUps,
) -> set[int]:
    """Which records have an open value. Where the destination keeps its own, a create has nothing to keep."""
    apart: set[int] = set()
    for step, column in zip(ready.creations[target], columns, strict=True):
        if not step.asks:
            continue
        for index, answer in enumerate(column):
            if is_open(answer):
                if isinstance(answer, Keep):
                    column[index] = None
                else:
                    apart.add(index)
    if ready.gates:
        mapping, side = ready.mapping, target.other
        apart |= {at for at, one in enumerate(given) if shut_out(mapping, one, side, look_ups) is not None}
    return apart


def _creates(
    ready: Compiled, target: Side, sources: Sequence[Record], columns: Sequence[list[Answer]]
) -> list[Action]:
    """The creates of records without an open value."""
    steps, template = ready.creations[target], template_of(ready.mapping, target, ())
    made: list[Sequence[Value]] = [[one] * len(sources) for one in _made_before(ready, target)]
    for step, column in zip(steps, columns, strict=True):
        if step.remember:
            made[step.index] = [_NOTHING_MADE if one is None else one for one in column]  # type: ignore[misc]
    fixed = tuple((one.position, one.value) for one in template)
    taken = {position for position, _ in fixed}
    chosen = [
        (step.at, _unless_nothing(step, column))
        for step, column in zip(steps, columns, strict=True)
        if step.at not in taken
    ]
    positions = [at for at, _ in chosen]
    rows = zip(*(column for _, column in chosen), strict=True) if chosen else [()] * len(sources)
    right = target is Side.RIGHT
    found = []
    for source, row, held, inputs in zip(
        sources, rows, _held(ready, target, chosen, fixed), zip(*made, strict=True), strict=False
    ):
        sent = [(at, one) for at, one in zip(positions, row, strict=True) if one is not None]
        left, other = (source.values, held) if right else (held, source.values)
        found.append(
            Action(
                kind=Kind.CREATE,
                writes=(Write(side=target, values=(*sent, *fixed)),),
                base=Base(left=left, right=other, made=inputs),
                reason=_REASON,
            )
        )
    return found


def _held(
    ready: Compiled,
    target: Side,
    chosen: Sequence[tuple[int, Sequence[Value]]],
    fixed: Sequence[tuple[int, Value]],
) -> Iterator[Values]:
    """What each new record holds once it is created: what it is sent, blank where that is nothing."""
    blanks = ready.blanks[target]
    columns: list[Iterable[Value]] = [repeat(one) for one in blanks]
    for at, column in chosen:
        if None in column:
            pairs = zip(columns[at], column, strict=False)
            column = [before if one is None else one for before, one in pairs]
        columns[at] = column
    for at, value in fixed:
        columns[at] = repeat(value)
    return zip(*columns, strict=False)


def _made_before(ready: Compiled, target: Side) -> list[Value]:
    """What is made by rows that a creation does not settle: nothing, and None where a second write does."""
    later = ready.finishing if target is Side.RIGHT else ()
    return [None if at in later else _NOTHING_MADE for at in range(len(ready.mapping.rows))]


def _unless_nothing(step: Step, column: list[Answer]) -> Sequence[Value]:
    """Blank needs no writing in a create: it becomes None."""
    if step.blank is None or not is_blank(step.blank):
        return column  # type: ignore[return-value]
    return [None if one == step.blank else one for one in column]  # type: ignore[misc]


def plan_create(mapping: Mapping, source: Record, target: Side, look_ups: LookUps) -> Action:
    """The action that creates the counterpart of an uncoupled record on the target side.

    A look-up that is not coupled and may not be cleared makes the record wait as a whole; one that may is
    left blank, and its blank base keeps it a change.
    """
    shut = shut_out(mapping, source.values, target.other, look_ups)
    if shut is not None:
        return Action(kind=Kind.OUTSIDE, waits=returning(mapping, [shut]), reason=shut.reason)
    ready = compiled(mapping)
    given = source.values
    held = list(ready.blanks[target])
    sent: list[tuple[int, Value]] = []
    made = _made_before(ready, target)
    waiting: list[Trouble] = []
    ours: list[Value] | None = None
    for step in ready.creations[target]:
        result = step.convert(given, look_ups)
        if is_open(result):
            if isinstance(result, Keep):
                continue
            row = step.row
            if isinstance(result, Rejected):
                trouble = Trouble(field=row.name, reason=result.reason, waits=result.waits)
                return Action(kind=Kind.REJECT, rejected=(trouble,), reason=result.reason)
            assert isinstance(result, Missing)
            waiting.append(
                Trouble(field=row.name, reason=result.reason, missing=result, clearable=row.clear_on_failed)
            )
            ours = list(given) if ours is None else ours
            at = row.column(target.other)
            if at is not None:
                ours[at] = mapping.table(target.other).columns[at].blank
            if is_derived(row):
                made[step.index] = None
            continue
        if step.remember:
            made[step.index] = settled(result)  # type: ignore[arg-type]
        # Blank needs no writing in a create; a template's value then stands.
        if result is not None and (result != step.blank or not is_blank(result)):  # type: ignore[arg-type]
            sent.append((step.at, result))  # type: ignore[arg-type]
            held[step.at] = result  # type: ignore[assignment]
    mandatory = [one for one in waiting if not one.clearable]
    if mandatory:
        return Action(kind=Kind.WAIT, waiting=tuple(waiting), reason=mandatory[0].reason)
    for template in template_of(mapping, target, given):
        sent = [one for one in sent if one[0] != template.position]
        sent.append((template.position, template.value))
        held[template.position] = template.value
    values = given if ours is None else tuple(ours)
    return _create(
        mapping,
        source,
        values,
        Write(side=target, values=tuple(sent)),
        tuple(held),
        made,
        tuple(waiting),
        look_ups,
    )


def _create(
    mapping: Mapping,
    source: Record,
    ours: Values,
    create: Write,
    held: Values,
    made: list[Value],
    waiting: tuple[Trouble, ...],
    look_ups: LookUps,
) -> Action:
    ready, target = compiled(mapping), create.side
    claims = _claims(mapping, source, held, target, look_ups)
    if claims:
        ours = tuple(claims.get(position, value) for position, value in enumerate(ours))
    left, right = (ours, held) if target is Side.RIGHT else (held, ours)
    # What flows the other way is settled by the creation, too: only a later difference is a change.
    for one in ready.backward[target]:
        convert = one.converter(one.forward)
        assert convert is not None
        answer = convert(left if one.forward is Side.RIGHT else right, look_ups)
        made[one.index] = UNSET if isinstance(answer, Missing | Rejected) else settled(answer)
    return Action(
        kind=Kind.CREATE,
        writes=(Write(side=target.other, values=tuple(claims.items()), claim=True), create)
        if claims
        else (create,),
        base=Base(left=left, right=right, made=tuple(made)),
        waiting=waiting,
        reason=_REASON,
    )


def _claims(
    mapping: Mapping, source: Record, held: Values, target: Side, look_ups: LookUps
) -> dict[int, Value]:
    """What marks the source as ours, before its counterpart is created."""
    claims: dict[int, Value] = {}
    for row in compiled(mapping).claims[target.other]:
        made = convert(mapping, row, held, target.other, look_ups)
        position = position_of(row, target.other)
        if not isinstance(made, Keep | Missing | Rejected) and not same_value(made, source.values[position]):
            claims[position] = made
    return claims
