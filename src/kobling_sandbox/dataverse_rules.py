"""What single tables of Dataverse do by themselves, beyond what goes for all of them.

The rules work on stored names: `_uomscheduleid_value` is the look-up `uomscheduleid`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from kobling_sandbox.rows import Row
from kobling_sandbox.store import Store


class Changes(Protocol):
    """What a rule may do: read the store, and make rows as the user who writes."""

    store: Store

    def make(self, table: str, values: Row, user: str) -> Row:
        """Stores a row of a table that the service makes by itself, from stored names."""
        ...

    def change(self, table: str, row: Row, values: Row, user: str) -> Row:
        """Stores values that the service works out by itself over a row, by stored names."""
        ...

    def base_currency(self) -> str | None:
        """The id of the organization's currency."""
        ...


Prepare = Callable[[Changes, Row, Row | None], None]
AfterCreate = Callable[[Changes, Row, str], None]
BeforeDelete = Callable[[Changes, Row], None]
BeforePair = Callable[[Changes, Row], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRules:
    """The rules of one table; each raises DataverseError for what Dataverse refuses.

    `prepare` completes and checks the values of a creation (then the row is None) or of a change.
    `after_write` follows a creation and a change, with the row as it is then, and a deletion of the row.
    `before_delete` is asked when the row itself is deleted, not when it goes with another; `before_pair`
    when two rows are associated, with the row of the intersect table that would be stored.
    """

    prepare: Prepare | None = None
    after_create: AfterCreate | None = None
    after_write: AfterCreate | None = None
    before_delete: BeforeDelete | None = None
    before_pair: BeforePair | None = None


def entity_rules() -> Mapping[str, EntityRules]:
    """The rules of all tables that have some, by logical name."""
    # The rule files build on the types of this one.
    from kobling_sandbox.dataverse_documents import DOCUMENT_RULES
    from kobling_sandbox.dataverse_opportunities import OPPORTUNITY_RULES
    from kobling_sandbox.dataverse_products import PRODUCT_RULES
    from kobling_sandbox.dataverse_teams import TEAM_RULES

    return {**PRODUCT_RULES, **OPPORTUNITY_RULES, **DOCUMENT_RULES, **TEAM_RULES}
