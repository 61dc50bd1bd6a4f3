"""The base of a pair whose second record a run created that died before it could settle the pair."""

from __future__ import annotations

from collections.abc import Mapping as Table

from kobling.algebra.compiled import Compiled, Step, compiled, is_derived
from kobling.algebra.merge import same_for, settled
from kobling.algebra.templates import template_of
from kobling.algebra.transform import is_open
from kobling.model.look_up import Keep, LookUps, Rejected
from kobling.model.mapping import Mapping, Moment, Side
from kobling.model.pair import Base, Missing, Record
from kobling.model.values import UNSET, Value, is_blank


def base_of_created(
    mapping: Mapping,
    source: Record,
    created: Record,
    target: Side,
    sent: Table[int, Value],
    look_ups: LookUps,
) -> Base:
    """What both sides held when the record on `target` was created. sent: what it was created with, by
    position.

    What the source held then is not known, but whether it would make the same today is: where it would not,
    the source has changed since. So an edit of either side in between flows, and one of both is a conflict.
    """
    ready = compiled(mapping)
    # What no row writes or reads is taken as it is.
    owned = {one.column(target) for one in ready.rows}
    unsent = [blank if at in owned else created.values[at] for at, blank in enumerate(ready.blanks[target])]
    held = [sent.get(at, value) for at, value in enumerate(unsent)]
    ours, made = list(source.values), [settled(None)] * len(mapping.rows)
    fixed = {one.position for one in template_of(mapping, target, source.values)}
    for step in ready.creations[target]:
        if step.row.moment is Moment.INSERT or step.at in fixed:
            continue
        result = step.convert(source.values, look_ups)
        if isinstance(result, Keep):
            continue
        if is_open(result) or not same_for(step.row, target, result, held[step.at], look_ups):  # type: ignore[arg-type]
            _was_another(ready, step, target.other, ours, made, held[step.at])
        elif step.remember:
            made[step.index] = settled(result)  # type: ignore[arg-type]
    if target is Side.RIGHT:
        # Whether it was finished, too, nobody knows; it costs nothing to do it again.
        made = [None if at in ready.finishing else one for at, one in enumerate(made)]
    left, right = (tuple(ours), tuple(held)) if target is Side.RIGHT else (tuple(held), tuple(ours))
    for one in ready.backward[target]:
        convert = one.converter(one.forward)
        assert convert is not None
        answer = convert(left if one.forward is Side.RIGHT else right, look_ups)
        made[one.index] = UNSET if isinstance(answer, Missing | Rejected) else settled(answer)
    return Base(left=left, right=right, made=tuple(made))


def _was_another(
    ready: Compiled, step: Step, side: Side, ours: list[Value], made: list[Value], sent: Value
) -> None:
    """Any value but the present one makes the source a change; so does that nothing was made of it yet."""
    position = step.row.column(side)
    if position is not None:
        ours[position] = sent if is_blank(ours[position]) else ready.blanks[side][position]
    if step.remember:
        made[step.index] = None if is_derived(step.row) else settled(sent)
