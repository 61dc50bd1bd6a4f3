"""A wrong mapping file is refused with the file, the place and the cure; a right one says what it says."""

from __future__ import annotations

import pytest

from kobling.catalogue.read import read_definition
from kobling.model.errors import ConfigurationError

TEXT = """\
name: TEST
direction: bidirectional
bc:
  table: Thing
  route: things
  title: name
  columns:
    name: {caption: "Name", maximum: 50}
    code: {caption: "Code", maximum: 10, upper: true}
    status: {caption: "Status", type: option, blank: _x0020_}
    size: {caption: "Size", type: decimal}
  filter:
    - {column: status, values: [_x0020_], text: "Status is blank"}
crm:
  table: thing
  route: things
  key: thingid
  title: name
  columns:
    name: {caption: "Name", maximum: 60}
    state: {caption: "State", type: integer}
    open: {caption: "Open", type: boolean}
    owner: {caption: "Owner", type: id, targets: {user: users, team: teams}}
  filter:
    - {column: state, values: [0], text: "State is Active"}
  template: {state: 0}
finder: {name: name}
fields:
  - {crm: ownertype, constant: user, direction: to_integration, chooses: owner}
  - bc: code
    crm: owner
    direction: to_integration
    conversion: {kind: look_up, source: PEOPLE, entity: user}
  - {bc: name, crm: name}
  - {bc: status, constant: All, direction: from_integration, moment: exit, when: state, rule: block}
  - {crm: open, constant: true, direction: to_integration}
  - {crm: state, direction: to_integration, conversion: {kind: look_up, source: STATES, key: code}}
"""
NAME = "{bc: name, crm: name}"
OWNER = "conversion: {kind: look_up, source: PEOPLE, entity: user}"
EXIT = "moment: exit, when: state, rule: block"
STATE = "conversion: {kind: look_up, source: STATES, key: code}"


def test_the_file_is_right_and_texts_are_blank_in_their_services_way() -> None:
    one = read_definition(TEXT, "test.yaml")
    assert {name: column.nothing for name, column in one.bc.columns.items()} == {
        "name": "",
        "code": "",
        "status": "_x0020_",
        "size": 0,
    }
    assert {column.nothing for column in one.crm.columns.values()} == {None}
    assert [one.field_name(field) for field in one.fields] == [
        *("ownertype", "Code", "Name", "Status", "open", "state")
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # The text is no YAML, or more than plain YAML.
        ("fields:\n", "fields: [\n", "line 29, column 3: expected the node content"),
        ("title: name", "title: na\tme: [", r"line \d+, column \d+"),
        (
            "direction: bidirectional",
            "direction: bidirectional\ndirection: to_integration",
            "line 3.* stands twice",
        ),
        (
            '    code: {caption: "Code", maximum: 10, upper: true}\n',
            '    code: {caption: "Code"}\n    code: {caption: "Code"}\n',
            "line 10, column 5: 'code' stands twice",
        ),
        (NAME, "{bc: name, bc: code, crm: name}", "'bc' stands twice"),
        ("{user: users, team: teams}", "&a {user: *a}", "an alias stands here"),
        ("name: TEST", "? [a]\n: TEST", "line 1"),
        ("name: TEST", "name: !!python/object:os.system TEST", "line 1"),
        ("name: TEST", "name: \x00", "special characters are not allowed"),
        # The shape is not that of a mapping.
        ("name: TEST", "nam: TEST", "nam"),
        ("name: TEST\n", "", "missing required field `name`"),
        ("direction: bidirectional", "direction: sideways", r"sideways.*\$\.direction"),
        ("title: name", "titel: name", r"titel.*\$\.bc"),
        ('{caption: "Name", maximum: 50}', '{caption: "Name", length: 50}', r"length.*\$\.bc\.columns"),
        (NAME, "{bc: name, crm: name, on: true}", r"\$\.fields\[2\]"),
        ("maximum: 50", "maximum: fifty", r"\$\.bc\.columns"),
        ("type: decimal", "type: float", r"float.*\$\.bc\.columns"),
        ("template: {state: 0}", "template: {state: 0.5}", r"got `float`.*\$\.crm\.template"),
        (TEXT, "", "Expected `object`, got `null`"),
        (TEXT, "[" * 5000, "nested too deep"),
        # A name in it is unknown.
        (
            NAME,
            "{bc: nam, crm: name}",
            r"fields\[2\] \(nam\): there is no column 'nam'. Use one of: name, code",
        ),
        (
            NAME,
            "{bc: name, crm: nam}",
            r"fields\[2\] \(name\): there is no column 'nam'. Use one of: name, state",
        ),
        (
            '  title: name\n  columns:\n    name: {caption: "Name", maximum: 50}',
            '  title: x\n  columns:\n    name: {caption: "Name", maximum: 50}',
            "bc: there is no column 'x'",
        ),
        (
            '  title: name\n  columns:\n    name: {caption: "Name", maximum: 50}',
            '  title: name\n  number: x\n  columns:\n    name: {caption: "Name", maximum: 50}',
            "bc: there is no column 'x'",
        ),
        ("{column: state,", "{column: stat,", r"crm.filter\[0\]: there is no column 'stat'"),
        ("template: {state: 0}", "template: {stat: 0}", "crm: there is no column 'stat'"),
        ("finder: {name: name}", "finder: {nam: name}", "finder: there is no column 'nam'"),
        ("finder: {name: name}", "finder: {name: nam}", "finder: there is no column 'nam'"),
        (STATE, STATE.replace("code", "cod"), "there is no column 'cod'"),
        (
            OWNER,
            OWNER.replace("user", "contact"),
            "owner does not point to 'contact'. Use one of: user, team",
        ),
        ("when: state", "when: open", "no condition of crm is about 'open'. Use one of: state"),
        ("chooses: owner}", "chooses: owne}", "there is no column 'owne'"),
        # A row makes no sense.
        (NAME, "{direction: bidirectional}", "the row has no column"),
        (NAME, "{bc: name}", "a column on one side and flows bidirectional"),
        (NAME, "{bc: name, direction: from_integration}", "nothing says what the row writes"),
        (NAME, "{bc: name, crm: name, conversion: {otherwise: [code]}}", "key or otherwise flows both ways"),
        (NAME, "{bc: name, crm: name, conversion: {kind: guess}}", "no conversion 'guess'"),
        (NAME, "{bc: name, crm: name, conversion: {kind: look_up}}", "a look_up row with source ''"),
        (NAME, "{bc: name, crm: name, conversion: {source: X}}", "a plain row with source 'X'"),
        (NAME, "{bc: name, crm: name, transformation: TRIM}", "cannot be taken back"),
        (NAME, "{bc: name, crm: name, instead: x}", "a row with `instead` is enabled"),
        (NAME, f"{NAME}\n  - {{bc: name, crm: state}}", "'Name' has a row already"),
        (OWNER, "conversion: {kind: look_up, source: PEOPLE}", "owner may point to several tables"),
        (OWNER, OWNER.replace("user", "team"), "the row of owner has entity 'team'"),
        ("constant: user", "constant: contact", "owner does not point to 'contact'"),
        (EXIT, "moment: exit, rule: block", "`when` and moment exit go together"),
        (EXIT, "when: state, rule: block", "`when` and moment exit go together"),
        # A value is not one that the column can hold.
        ("{column: state, values: [0],", "{column: state, values: [],", "the condition has no value"),
        (
            "{column: state, values: [0],",
            "{column: state, values: [0], expression: 1..,",
            "and an expression",
        ),
        (
            "{column: state, values: [0],",
            "{column: state, expression: A..,",
            r"crm.filter\[0\]: The filter 'A..' is wrong at position 1: State: State is compared with a",
        ),
        ("{column: state, values: [0],", "{column: state, values: [0], switch: x,", "no switch 'x'"),
        ("{column: state, values: [0],", "{column: state, values: [Active],", "State cannot hold 'Active'"),
        ("{column: state, values: [0],", "{column: state, values: [true],", "State cannot hold True"),
        ("template: {state: 0}", "template: {state: off}", "State cannot hold False"),
        ("crm: open, constant: true", "crm: open, constant: 1", "Open cannot hold 1"),
        ("constant: All", "constant: 3", "Status cannot hold 3"),
    ],
)
def test_a_wrong_file_is_refused_at_its_place(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigurationError, match=rf"(?s)\Atest\.yaml.*({message})") as refused:
        read_definition(TEXT.replace(old, new, 1), "test.yaml")
    assert "\n" not in str(refused.value)
    assert refused.value.cure
