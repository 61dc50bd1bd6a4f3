"""The order in which mappings run: what a look-up needs comes first."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Table

from kobling.model.mapping import FieldRow, Mapping, Moment


class LookUpCycleError(ValueError):
    """Mappings need each other by look-ups that may not be cleared; `names` are those in the circle."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"{' -> '.join((*names, names[0]))} need each other")
        self.names = names


def order(mappings: Table[str, Mapping]) -> tuple[str, ...]:
    """The names in the order of their look-ups; a clearable look-up, or that of a row that finishes
    records, yields where there is a circle.

    Names that do not depend on each other stand in alphabetical order. Raises LookUpCycleError.
    """
    needs = {name: _needs(one, mappings, clearable=True) for name, one in mappings.items()}
    firm = {name: _needs(one, mappings, clearable=False) for name, one in mappings.items()}
    done: list[str] = []
    left = sorted(mappings)
    while left:
        ready = [one for one in left if needs[one] <= set(done)]
        if not ready:
            circling = [one for one in left if _needs_only_a_circle(one, needs, left)]
            ready = [one for one in circling if firm[one] <= set(done)]
            if not ready:
                raise LookUpCycleError(_circle(circling[0], firm, left))
        done.append(ready[0])
        left.remove(ready[0])
    return tuple(done)


def _needs_only_a_circle(name: str, needs: Table[str, set[str]], left: list[str]) -> bool:
    """Whether all that a name still needs, needs it in turn: only there may a look-up yield."""
    return all(name in _reached(one, needs, left) for one in _reached(name, needs, left))


def _reached(name: str, needs: Table[str, set[str]], left: list[str]) -> set[str]:
    """What a name still needs, directly or not."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        new = needs[ahead.pop()].intersection(left) - found
        found |= new
        ahead += new
    return found


def _circle(name: str, firm: Table[str, set[str]], left: list[str]) -> tuple[str, ...]:
    """The circle of firm look-ups into which one leads from there."""
    path = [name]
    while (following := min(firm[path[-1]].intersection(left))) not in path:
        path.append(following)
    return tuple(path[path.index(following) :])


def whole(names: Iterable[str], mappings: Table[str, Mapping]) -> list[str]:
    """These mappings with those whose records are parts of theirs, or of which theirs are parts."""
    found = list(names)
    found += [one for name in found if (one := mappings[name].part_of) in mappings]
    found += [name for name, one in mappings.items() if one.part_of in found]
    return list(dict.fromkeys(found))


def depth(mappings: Table[str, Mapping]) -> int:
    """The longest chain of look-ups among these mappings."""
    levels: dict[str, int] = {}
    for name in order(mappings):
        needed = [levels.get(one, 0) for one in _needs(mappings[name], mappings, clearable=True)]
        levels[name] = 1 + max(needed, default=0)
    return max(levels.values(), default=0)


def _yields(row: FieldRow) -> bool:
    """Whether a record may be there before the look-up has its answer."""
    return row.clear_on_failed or row.moment is Moment.FINISH


def _needs(mapping: Mapping, known: Table[str, Mapping], *, clearable: bool) -> set[str]:
    return {
        name
        for row in mapping.rows
        for name in row.conversion.needs
        if name in known and name != mapping.name and (clearable or not _yields(row))
    }
