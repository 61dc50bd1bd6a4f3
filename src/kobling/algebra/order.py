"""The order in which mappings run: what a look-up needs comes first."""

from __future__ import annotations

from collections.abc import Mapping as Table

from kobling.model.mapping import Mapping


class LookUpCycleError(ValueError):
    """Mappings need each other by look-ups that may not be cleared; `names` are those in the circle."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"{' -> '.join((*names, names[0]))} need each other")
        self.names = names


def order(mappings: Table[str, Mapping]) -> tuple[str, ...]:
    """The names in the order of their look-ups; a clearable look-up yields where there is a circle.

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


def depth(mappings: Table[str, Mapping]) -> int:
    """The longest chain of look-ups among these mappings."""
    levels: dict[str, int] = {}
    for name in order(mappings):
        needed = [levels.get(one, 0) for one in _needs(mappings[name], mappings, clearable=True)]
        levels[name] = 1 + max(needed, default=0)
    return max(levels.values(), default=0)


def _needs(mapping: Mapping, known: Table[str, Mapping], *, clearable: bool) -> set[str]:
    return {
        name
        for row in mapping.rows
        for name in row.conversion.needs
        if name in known and name != mapping.name and (clearable or not row.clear_on_failed)
    }
