"""Aim: the sandbox's Dataverse describes its tables in the forms that real clients ask for.

Method: the requests of wire recordings, by plain HTTP against a served sandbox.
"""

from xml.etree import ElementTree

from crm_support import Client

CRM = "Microsoft.Dynamics.CRM."
ACCOUNT = "EntityDefinitions(LogicalName='account')"


def test_one_table_by_filter_and_by_key(sales: Client) -> None:
    query = "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute"
    (row,) = sales.read(f"{query}&$filter=LogicalName eq 'account'")["value"]
    assert (row["LogicalName"], row["EntitySetName"], row["PrimaryIdAttribute"]) == (
        "account",
        "accounts",
        "accountid",
    )
    assert (
        sales.read(f"EntityDefinitions({row['MetadataId']})?$select=EntitySetName")["EntitySetName"]
        == "accounts"
    )
    assert sales.read(f"{ACCOUNT}?$select=PrimaryNameAttribute")["PrimaryNameAttribute"] == "name"
    assert sales.send("GET", "EntityDefinitions(LogicalName='nosuch')").status == 404
    assert len(sales.read("EntityDefinitions?$select=EntitySetName,LogicalName")["value"]) > 20


def test_change_tracking_and_its_managed_property(sales: Client) -> None:
    row = sales.read(f"{ACCOUNT}?$select=ChangeTrackingEnabled,CanChangeTrackingBeEnabled")
    assert row["ChangeTrackingEnabled"] is True
    assert row["CanChangeTrackingBeEnabled"]["Value"] is True
    assert row["CanChangeTrackingBeEnabled"]["ManagedPropertyLogicalName"] == "canchangetrackingbeenabled"


def test_attributes_and_their_kinds(sales: Client) -> None:
    row = sales.read(f"{ACCOUNT}?$select=LogicalName&$expand=Attributes($select=LogicalName,AttributeType)")
    kinds = {each["LogicalName"]: each["AttributeType"] for each in row["Attributes"]}
    assert (kinds["name"], kinds["creditlimit"], kinds["ownerid"]) == ("String", "Money", "Owner")
    name = sales.read(f"{ACCOUNT}/Attributes(LogicalName='name')")
    assert (name["MaxLength"], name["RequiredLevel"]["Value"]) == (160, "ApplicationRequired")
    strings = sales.read(f"{ACCOUNT}/Attributes/{CRM}StringAttributeMetadata?$select=LogicalName,MaxLength")
    assert {"accountnumber": 20, "name": 160}.items() <= {
        each["LogicalName"]: each["MaxLength"] for each in strings["value"]
    }.items()
    lookups = sales.read(f"{ACCOUNT}/Attributes/{CRM}LookupAttributeMetadata?$select=LogicalName,Targets")
    assert {"LogicalName": "primarycontactid", "Targets": ["contact"]}.items() <= next(
        each for each in lookups["value"] if each["LogicalName"] == "primarycontactid"
    ).items()
    dates = f"EntityDefinitions(LogicalName='contact')/Attributes/{CRM}DateTimeAttributeMetadata"
    found = sales.read(f"{dates}?$select=LogicalName,DateTimeBehavior")["value"]
    behaviour = {each["LogicalName"]: each["DateTimeBehavior"]["Value"] for each in found}
    assert (behaviour["birthdate"], behaviour["createdon"]) == ("DateOnly", "UserLocal")
    assert sales.send("GET", f"{ACCOUNT}/Attributes(LogicalName='nosuch')").status == 404
    assert sales.send("GET", f"{ACCOUNT}/Attributes/{CRM}NoSuchAttributeMetadata").status == 404


def test_the_company_column_has_its_schema_name(sales: Client) -> None:
    row = sales.read(f"{ACCOUNT}/Attributes(LogicalName='bcbi_companyid')")
    assert (row["SchemaName"], row["Targets"]) == ("bcbi_CompanyId", ["bcbi_company"])


def test_option_sets_with_labels(sales: Client) -> None:
    cast = f"{ACCOUNT}/Attributes/{CRM}PicklistAttributeMetadata"
    rows = sales.read(f"{cast}?$select=LogicalName&$expand=OptionSet($select=Options)")["value"]
    sets = {row["LogicalName"]: row["OptionSet"]["Options"] for row in rows if row["OptionSet"]}
    labels = {
        each["Value"]: each["Label"]["UserLocalizedLabel"]["Label"] for each in sets["customertypecode"]
    }
    assert labels[3] == "Customer"
    assert sets["customertypecode"][0]["Label"]["LocalizedLabels"][0]["LanguageCode"] == 1033
    status = sales.read(f"{ACCOUNT}/Attributes/{CRM}StatusAttributeMetadata?$expand=OptionSet")["value"][0]
    assert [(each["Value"], each["State"]) for each in status["OptionSet"]["Options"]] == [(1, 0), (2, 1)]
    state = sales.read(f"{ACCOUNT}/Attributes/{CRM}StateAttributeMetadata?$expand=OptionSet")["value"][0]
    assert [each["DefaultStatus"] for each in state["OptionSet"]["Options"]] == [1, 2]
    yes_no = sales.read(f"{ACCOUNT}/Attributes/{CRM}BooleanAttributeMetadata?$expand=OptionSet")["value"][0]
    assert yes_no["OptionSet"]["TrueOption"]["Value"] == 1


def test_keys_and_relationships(sales: Client) -> None:
    (key,) = sales.read(f"{ACCOUNT}/Keys")["value"]
    assert (key["KeyAttributes"], key["EntityKeyIndexStatus"]) == (["accountnumber"], "Active")
    relations = sales.read("EntityDefinitions(LogicalName='contact')/ManyToOneRelationships")["value"]
    found = {
        (each["ReferencingAttribute"], each["ReferencedEntity"]): each[
            "ReferencingEntityNavigationPropertyName"
        ]
        for each in relations
    }
    assert found["parentcustomerid", "account"] == "parentcustomerid_account"


def test_which_tables_have_bulk_messages(sales: Client) -> None:
    query = (
        "sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name eq 'CreateMultiple' "
        "and primaryobjecttypecode eq '{}'"
    )
    assert len(sales.read(query.format("account"))["value"]) == 1
    assert sales.read(query.format("transactioncurrency"))["value"] == []


def test_queries_that_metadata_refuses(sales: Client) -> None:
    for option in ("$top=1", "$orderby=LogicalName", "$count=true", "$select=NoSuch", "$filter=NoSuch eq 1"):
        assert sales.send("GET", f"EntityDefinitions?{option}").error == (400, "0x80060888")
    answer = sales.send("GET", "EntityDefinitions?$filter=startswith(LogicalName,'a')")
    assert answer.error == (501, "0x8006088a")
    assert sales.send("POST", "EntityDefinitions", {}).status == 405


def test_the_schema_document(sales: Client) -> None:
    root = ElementTree.fromstring(sales.read("$metadata"))
    names = {element.get("Name") for element in root.iter() if element.tag.endswith("EntitySet")}
    assert {"accounts", "bcbi_companies"} <= names


def test_the_schema_document_marks_tracked_sets_when_asked(sales: Client) -> None:
    def tracked(path: str) -> set[str | None]:
        sets = [each for each in ElementTree.fromstring(sales.read(path)).iter() if "Set" in each.tag]
        term = "Org.OData.Capabilities.V1.ChangeTracking"
        return {each.get("Name") for each in sets if any(note.get("Term") == term for note in each)}

    marked = tracked("$metadata?annotations=true")
    assert {"accounts", "contacts"} <= marked
    assert "businessunits" not in marked
    assert tracked("$metadata") == set()


def test_change_tracking_cannot_be_turned_off(sales: Client) -> None:
    body = sales.read(ACCOUNT) | {"ChangeTrackingEnabled": False}
    assert sales.send("PUT", ACCOUNT, body).error == (400, "0x80044351")
    assert sales.read(f"{ACCOUNT}?$select=ChangeTrackingEnabled")["ChangeTrackingEnabled"] is True
