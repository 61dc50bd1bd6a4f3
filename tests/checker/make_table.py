"""Makes `table.json`, what the outside checker compares by: `python -m tests.checker.make_table FACTS.yaml`.

FACTS is a list of the default field mappings as data, under `mappings` or at any depth: each with a name, the
table of Business Central, the entity set of Dataverse, filters, and field rows with names, types, directions
and options. Only what the checker needs is kept. Nothing here or in the checker comes from the package.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("table.json")
MAPPINGS = ("SALESPEOPLE", "CURRENCY", "CUSTOMER", "VENDOR", "CONTACT")
# The sets of the extension's route, by table of Business Central.
SETS = {
    "Salesperson/Purchaser": "salespeoplePurchasers",
    "Currency": "currencies",
    "Customer": "customers",
    "Vendor": "vendors",
    "Contact": "contacts",
}
_LENGTH = re.compile(r"(Text|Code)\[(\d+)\]")


def main() -> None:
    """Writes the table."""
    facts = yaml.safe_load(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found = {one["name"]: one for one in _mappings(facts) if one["name"] in MAPPINGS}
    table = {name: _mapping(found[name]) for name in MAPPINGS}
    TABLE.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _mappings(facts: Any) -> Iterator[dict[str, Any]]:
    if isinstance(facts, dict):
        if "field_mappings" in facts and "name" in facts:
            yield facts
        for one in facts.values():
            yield from _mappings(one)
    elif isinstance(facts, list):
        for one in facts:
            yield from _mappings(one)


def _mapping(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "bc_set": SETS[facts["bc_table"]],
        "crm_set": facts["dataverse_entity_set"],
        "crm_key": facts["primary_key_attribute"],
        "fields": [_row(one) for one in facts["field_mappings"] if one["status"] == "enabled"],
    }


def _row(facts: dict[str, Any]) -> dict[str, Any]:
    bc, crm = facts["bc_field"], facts["dataverse_attribute"]
    return {
        "bc_field": bc,
        "bc": _camel(bc) if bc else None,
        "bc_kind": _kind(str(facts.get("bc_type", ""))),
        "bc_length": _length(str(facts.get("bc_type", ""))),
        "crm": crm,
        "crm_kind": facts.get("dataverse_type"),
        "crm_length": _length(str(facts.get("proxy_type", ""))),
        "direction": facts["direction"],
        "constant": facts["constant_value"] or None,
        "not_null": facts["not_null"],
        "options": {label: value for label, value in facts.get("dataverse_options", {}).items() if value},
    }


def _camel(name: str) -> str:
    words = re.sub(r"[^A-Za-z0-9 ]", "", name.replace("/", " ").replace("-", " ")).split()
    head = words[0] if len(words[0]) > 1 and not words[0].isupper() else words[0].lower()
    return head[0].lower() + head[1:] + "".join(one[0].upper() + one[1:] for one in words[1:])


def _kind(kind: str) -> str:
    return kind.partition("[")[0]


def _length(kind: str) -> int | None:
    found = _LENGTH.fullmatch(kind)
    return int(found[2]) if found else None


if __name__ == "__main__":
    main()
