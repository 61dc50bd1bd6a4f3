"""Errors of Business Central's API: status, code and text as a client sees them.

Texts follow the documentation where it gives them. Each ends in a correlation id, which differs by answer.
"""

import uuid


class BusinessCentralError(Exception):
    """A refusal. `status` is the HTTP status, `code` and `message` fill the error body."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> dict[str, object]:
        """The JSON body of the answer."""
        text = f"{self.message}  CorrelationId:  {uuid.uuid4()}."
        return {"error": {"code": self.code, "message": text}}


def bad_request(message: str, code: str = "BadRequest") -> BusinessCentralError:
    """400: the request itself is wrong."""
    return BusinessCentralError(400, code, message)


def dialog(message: str) -> BusinessCentralError:
    """400: code of a table refused the values."""
    return BusinessCentralError(400, "Application_DialogException", message)


def unknown_segment(segment: str) -> BusinessCentralError:
    """404: no such set or path."""
    return BusinessCentralError(
        404, "BadRequest_NotFound", f"Resource not found for the segment '{segment}'."
    )


def company_not_found() -> BusinessCentralError:
    """404: no company with this id."""
    return BusinessCentralError(404, "Internal_CompanyNotFound", "Company not found.")


def record_not_found(caption: str, identification: str) -> BusinessCentralError:
    """404: no row with this id."""
    return BusinessCentralError(
        404,
        "Internal_RecordNotFound",
        f"The {caption} does not exist. Identification fields and values: {identification}",
    )


def same_key(caption: str, identification: str) -> BusinessCentralError:
    """400: the id or the primary key is taken."""
    return BusinessCentralError(
        400,
        "Internal_EntityWithSameKeyExists",
        f"The {caption} already exists. Identification fields and values: {identification}",
    )


def method_not_allowed(method: str, segment: str, kind: str) -> BusinessCentralError:
    """405: this method is not for this path. `kind` is `Collection` or `Entity`."""
    return BusinessCentralError(
        405,
        "BadRequest_MethodNotAllowed",
        f"'{method}' requests for '{segment}' of EdmType '{kind}' are not allowed within "
        "Dynamics 365 Business Central OData web services.",
    )


def token_missing() -> BusinessCentralError:
    """400: a change without `If-Match`."""
    return bad_request(
        "Could not validate the client concurrency token required by the service. "
        "Please provide a valid token in the client request.",
        "BadRequest_InvalidToken",
    )


def changed_by_another_user() -> BusinessCentralError:
    """409: the ETag is not that of the row as it is."""
    return BusinessCentralError(409, "Request_EntityChanged", "Another user has already changed the record.")


def invalid_relation(field: str, caption: str, value: str, related: str) -> BusinessCentralError:
    """400: a code that the related table does not hold."""
    return bad_request(
        f"The field {field} of table {caption} contains a value ({value}) that cannot be found "
        f"in the related table ({related}).",
        "Internal_InvalidTableRelation",
    )
