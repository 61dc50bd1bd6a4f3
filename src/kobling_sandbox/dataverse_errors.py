"""Errors of the Dataverse Web API: status, code and text as a client sees them."""

from fnmatch import fnmatchcase
from typing import Any

from kobling_sandbox.exchange import Response, encode_json
from kobling_sandbox.odata import ODataError

_DETAIL = "Microsoft.PowerApps.CDS."
_LIMIT = "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
_TIME_LIMIT = (
    "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window "
    "of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again "
    "later."
)
_NOBODY = "00000000-0000-0000-0000-000000000000"
_BY_CODE = {
    "0x80072321": _TIME_LIMIT,
    "0x80072326": "Number of concurrent requests exceeded the limit of 52.",
}
_BY_STATUS = {
    401: ("", "Unauthorized"),
    403: ("0x80040220", f"Principal user (Id={_NOBODY}) is missing prvWriteAccount privilege."),
    404: ("0x8006088a", "Resource not found."),
    413: ("0x8004418A", "The request payload is too large."),
    429: ("0x80072322", _LIMIT),
    501: ("0x80060888", "Not implemented."),
    503: ("", "The service is unavailable."),
}


class DataverseError(Exception):
    """A refusal. `status` is the HTTP status, `code` and `message` fill the error body."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def response(self, annotations: str = "") -> Response:
        """The answer that a client gets; `annotations` are the patterns that it asked for."""
        return error_response(self.status, self.code, self.message, None, annotations)


def error_response(
    status: int, code: str, message: str, headers: dict[str, str] | None = None, annotations: str = ""
) -> Response:
    """An error answer with its JSON body."""
    error = {"code": code, "message": message} | _details(code, message, annotations)
    body: dict[str, Any] = {"error": error}
    named = {"Content-Type": "application/json; odata.metadata=minimal", "OData-Version": "4.0"}
    return Response(status, named | (headers or {}), encode_json(body))


def _details(code: str, message: str, annotations: str) -> dict[str, str]:
    """What is told of an error beyond code and message when a client asks for annotations."""
    patterns = [part.strip() for part in annotations.split(",")]
    details = {
        "ErrorDetails.OperationStatus": "0",
        "ErrorDetails.SubErrorCode": "2",
        "HelpLink": f"http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a{code}",
        "TraceText": message,
        "InnerError.Message": message,
    }
    named = {f"{_DETAIL}{name}": text for name, text in details.items()}
    return {
        f"@{name}": text
        for name, text in named.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def status_response(status: int, headers: dict[str, str], wanted: str | None = None) -> Response:
    """What Dataverse's servers answer with this status when the request itself is not to blame."""
    code, message = _BY_STATUS.get(status, ("0x80040216", "An unexpected error occurred."))
    if wanted is not None:
        code, message = wanted, _BY_CODE.get(wanted, message)
    if status == 401:
        headers = headers | {"WWW-Authenticate": "Bearer authorization_uri=/sandbox/oauth2/v2.0/authorize"}
    return error_response(status, code, message, headers)


def payload(set_name: str, detail: str) -> DataverseError:
    """400: the body cannot be read as a row of the table."""
    text = f"Error identified in Payload provided by the user for Entity :'{set_name}', "
    return DataverseError(400, "0x80048d19", f"{text}For more information see InnerException : {detail}")


def unknown_property(name: str, table: str) -> DataverseError:
    """400: the query names something that the table has not."""
    text = f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'."
    return DataverseError(400, "0x80060888", text)


def query(error: ODataError, table: str) -> DataverseError:
    """400: the query cannot be read."""
    if error.kind == "unknown":
        return unknown_property(error.name, table)
    return DataverseError(400, "0x80060888", error.message)


def bad_query(message: str) -> DataverseError:
    """400: the query asks for something that is not supported here."""
    return DataverseError(400, "0x80060888", message)


def no_row(table: str, identifier: str) -> DataverseError:
    """404: no row with this id."""
    return DataverseError(404, "0x80040217", f"{table} With Id = {identifier} Does Not Exist")


def no_rows(table: str, identifier: str) -> DataverseError:
    """404 of a bulk message: no row with this id. The table is named by its schema name."""
    return DataverseError(404, "0x80040217", f"{table} With Ids = {identifier} Do Not Exist")


def no_segment(segment: str) -> DataverseError:
    """404: no such set or path."""
    return DataverseError(404, "0x8006088a", f"Resource not found for the segment '{segment}'.")


def changed() -> DataverseError:
    """412: the row is no longer the one that the caller read."""
    text = "The version of the existing record doesn't match the RowVersion property provided."
    return DataverseError(412, "0x80060882", text)


def exists(message: str = "A record with matching key values already exists.") -> DataverseError:
    """412: the id is taken, or another unique value."""
    return DataverseError(412, "0x80040237", message)


def duplicate() -> DataverseError:
    """412: a rule of duplicate detection finds another row, and the caller wants to know."""
    text = "A record was not created or updated because a duplicate of the current record already exists."
    return DataverseError(412, "0x80040333", text)


def missing(name: str, table: str) -> DataverseError:
    """400: a column that the table cannot do without."""
    return DataverseError(400, "0x80040200", f"Required field missing: '{name}' of '{table}'.")


def invalid(message: str) -> DataverseError:
    """400: an argument that makes no sense."""
    return DataverseError(400, "0x80040203", message)
