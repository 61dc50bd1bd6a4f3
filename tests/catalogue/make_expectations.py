"""Makes `expected_mappings.json` of a file of facts about the default mappings of Base Application 29.

`python tests/catalogue/make_expectations.py FACTS`; the tests only read what it wrote. The facts are a YAML
document with a list `mappings`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import yaml

TARGET = Path(__file__).with_name("expected_mappings.json")
# The conditions of the facts, as settings of the connection.
SWITCHES = {
    "ownership_model = Person": {"owner_model": "person"},
    "unit_group_mapping_enabled": {"unit_groups": "on"},
    "not unit_group_mapping_enabled": {"unit_groups": "off"},
    "extended_price_calculation_enabled": {"extended_pricing": "on"},
    "not extended_price_calculation_enabled": {"extended_pricing": "off"},
    'CRM Connection Setup "Bidirectional Sales Order Int."': {"sales_orders": "bidirectional"},
    'CRM Connection Setup "Is S.Order Integration Enabled" (legacy one-way sales order integration)': {
        "sales_orders": "legacy"
    },
}
NO_ID = "00000000-0000-0000-0000-000000000000"


def main() -> None:
    """Writes the expectations."""
    [_, source] = sys.argv
    content = Path(source).read_bytes()
    variants = [_variant(one) for one in yaml.safe_load(content)["mappings"]]
    document = {
        "of": "the default mappings of Base Application 29",
        "sha256": hashlib.sha256(content).hexdigest(),
        "variants": variants,
    }
    TARGET.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _variant(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "switches": _switches(one),
        "bc_table": one["bc_table"],
        "crm_entity": one["dataverse_entity"],
        "direction": one["direction"],
        "synch_only_coupled": one["synch_only_coupled_records"],
        "update_conflict": one["update_conflict_resolution"].lower(),
        "deletion_conflict": one["deletion_conflict_resolution"].lower().replace(" ", "-"),
        "bc_filter": [_condition(each) for each in one["bc_filter"]],
        "crm_filter": [_condition(each) for each in one["dataverse_filter"]],
        "depends_on": {
            "value": one["dependency_filter"]["list"],
            "alternative": one["dependency_filter"].get("alternative", {}).get("list"),
        },
        "fields": [_field(each) for each in one["field_mappings"]],
    }


def _switches(one: dict[str, Any]) -> dict[str, str]:
    return SWITCHES.get(one.get("condition", ""), {})


def _condition(one: dict[str, Any]) -> str:
    """`field = value|value`, with a blank value as nothing."""
    values = one["value"] if isinstance(one["value"], list) else [one["value"]]
    said = "|".join(_value(each) for each in values)
    return f"{one['field']} {'<>' if one['op'] == '<>' else '='} {said}"


def _value(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "company" in text:
        return "<company>"
    if text.startswith("true if"):
        return "true"
    return "" if text.strip() == "" or text.startswith(NO_ID) else text


def _field(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "bc_field": one.get("bc_field"),
        "crm_field": one["dataverse_attribute"],
        "direction": one["direction"],
        "constant": one["constant_value"],
        "clear_on_failed": one["clear_value_on_failed_sync"],
        "not_null": one["not_null"],
        "match": one["use_for_match_based_coupling"],
        "enabled": one["status"] == "enabled",
        "switches": _switches(one),
    }


if __name__ == "__main__":
    main()
