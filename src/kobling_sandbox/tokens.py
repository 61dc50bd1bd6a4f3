"""OAuth tokens by client credentials: one tenant, one secret, any client id."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from kobling_sandbox.exchange import Response, json_response

TENANT = "sandbox"
SECRET = "sandbox"  # noqa: S105 - the documented secret of a toy service on the loopback
INTEGRATION_APPLICATION = "kobling"
LIFETIME_SECONDS = 3599
_NAME_LENGTH_MAX = 60


@dataclass(frozen=True, slots=True)
class _Token:
    application: str
    ends_at_seconds: float


class Tokens:
    """The tokens given out, by their text; they work on both ports and outlive a reset."""

    def __init__(self, monotonic_seconds: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic_seconds
        self._tokens: dict[str, _Token] = {}

    def grant(self, tenant: str, body: bytes) -> tuple[Response, str]:
        """Answers a token request; the second value is the client id, empty when refused."""
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        application = form.get("client_id", "")
        problem = _problem(tenant, form)
        if problem:
            return _refused(*problem), ""
        text = secrets.token_urlsafe(32)
        self._tokens[text] = _Token(application, self._now() + LIFETIME_SECONDS)
        answer = {
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "ext_expires_in": LIFETIME_SECONDS,
            "access_token": text,
        }
        return json_response(200, answer, Cache_Control="no-store"), application

    def application(self, authorization: str) -> str:
        """The client id of an `Authorization` header, empty when it has no token that is valid now."""
        scheme, _, text = authorization.partition(" ")
        token = self._tokens.get(text.strip())
        if scheme.lower() != "bearer" or token is None:
            return ""
        return token.application if self._now() < token.ends_at_seconds else ""

    def expire(self, authorization: str) -> None:
        """Ends the token of this header at once."""
        self._tokens.pop(authorization.partition(" ")[2].strip(), None)


def _problem(tenant: str, form: dict[str, str]) -> tuple[int, str, str] | None:
    if tenant != TENANT:
        return 400, "invalid_request", f"AADSTS90002: Tenant '{tenant}' not found."
    if form.get("grant_type") != "client_credentials":
        return 400, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type."
    if not form.get("scope", "").endswith("/.default"):
        return 400, "invalid_scope", "AADSTS1002012: The scope must end in /.default."
    if not form.get("client_id", "").strip() or len(form["client_id"]) > _NAME_LENGTH_MAX:
        return 400, "invalid_request", "AADSTS900144: The request body must contain: 'client_id'."
    if not secrets.compare_digest(form.get("client_secret", "").encode(), SECRET.encode()):
        return 401, "invalid_client", "AADSTS7000215: Invalid client secret provided."
    return None


def _refused(status: int, error: str, description: str) -> Response:
    return json_response(status, {"error": error, "error_description": description})
