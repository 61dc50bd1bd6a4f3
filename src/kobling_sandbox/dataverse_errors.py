"""Errors of the Dataverse Web API: status, code and text as a client sees them."""

from typing import Any

from kobling_sandbox.exchange import Response, encode_json
from kobling_sandbox.odata import ODataError

_LIMIT = "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
_BY_STATUS = {
    401: ("", "Unauthorized"),
    403: ("0x80040220", "Principal user is missing a privilege for the operation."),
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

    def response(self) -> Response:
        """The answer that a client gets."""
        return error_response(self.status, self.code, self.message)


def error_response(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error answer with its JSON body."""
    body: dict[str, Any] = {"error": {"code": code, "message": message}}
    named = {"Content-Type": "application/json; odata.metadata=minimal", "OData-Version": "4.0"}
    return Response(status, named | (headers or {}), encode_json(body))


def status_response(status: int, headers: dict[str, str]) -> Response:
    """What Dataverse's servers answer with this status when the request itself is not to blame."""
    code, message = _BY_STATUS.get(status, ("0x80040216", "An unexpected error occurred."))
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


def no_segment(segment: str) -> DataverseError:
    """404: no such set or path."""
    return DataverseError(404, "0x8006088a", f"Resource not found for the segment '{segment}'.")


def changed() -> DataverseError:
    """412: the row is no longer the one that the caller read."""
    text = "The version of the existing record doesn't match the RowVersion property provided."
    return DataverseError(412, "0x80060882", text)


def exists() -> DataverseError:
    """412: the id is taken, or another unique value."""
    return DataverseError(412, "0x80040237", "A record with matching key values already exists.")


def invalid(message: str) -> DataverseError:
    """400: an argument that makes no sense."""
    return DataverseError(400, "0x80040203", message)
