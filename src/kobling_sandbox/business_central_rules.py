"""What Business Central's tables do by themselves: the rules of all tables in one place."""

from collections.abc import Mapping

from kobling_sandbox.business_central_invoices import INVOICE_RULES
from kobling_sandbox.business_central_opportunities import OPPORTUNITY_RULES
from kobling_sandbox.business_central_prices import PRICE_RULES
from kobling_sandbox.business_central_products import PRODUCT_RULES
from kobling_sandbox.business_central_relationships import RELATIONSHIP_RULES
from kobling_sandbox.business_central_writes import Rules

TABLE_RULES: Mapping[str, Rules] = {
    **RELATIONSHIP_RULES,
    **PRODUCT_RULES,
    **PRICE_RULES,
    **OPPORTUNITY_RULES,
    **INVOICE_RULES,
}
