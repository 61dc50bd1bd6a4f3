"""A plain client for either port of a served sandbox."""

import json
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

ROOT = "/api/data/v9.2/"
BATCH_TYPE = "multipart/mixed; boundary=batch_x"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: header names in lower case, the body decoded when it is JSON."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def error(self) -> tuple[int, str]:
        """Status and code of a refusal."""
        return self.status, self.body["error"]["code"]

    @property
    def id(self) -> str:
        """The id in the address of a row just written."""
        return self.headers["odata-entityid"].rpartition("(")[2].rstrip(")")


@dataclass(slots=True)
class Client:
    """A client of one port as one user. Paths without a leading slash lie under the Web API's root."""

    base: str
    application: str = "kobling"
    token: str = field(default="", repr=False)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request with a token; header names are given with underscores, bytes are sent unchanged."""
        if not self.token:
            self.token = self.log_in().body["access_token"]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.raw(method, path, body, {"Authorization": f"Bearer {self.token}", **named})

    def log_in(self, **changed: str) -> Answer:
        """Asks for a token; parts of the form may be changed."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.application,
            "client_secret": "sandbox",
            "scope": "https://org.example/.default",
        } | changed
        body = "&".join(f"{name}={quote(value, safe='')}" for name, value in form.items())
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.raw("POST", "/sandbox/oauth2/v2.0/token", body.encode(), headers)

    def raw(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request as it is."""
        url = urlsplit(self.base)
        assert url.hostname is not None
        if "://" in path:
            parts = urlsplit(path)
            path = f"{parts.path}?{parts.query}"
        elif not path.startswith("/"):
            path = ROOT + path
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = HTTPConnection(url.hostname, url.port, timeout=60)
        try:
            path = path.replace(" ", "%20")
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        named = {name.lower(): value for name, value in response.getheaders()}
        is_json = named.get("content-type", "").startswith("application/json") and text
        return Answer(response.status, named, json.loads(text) if is_json else text)

    def control(self, method: str, name: str, body: Any = None) -> Any:
        """A test control, without token; it must succeed."""
        answer = self.raw(method, f"/_sandbox/{name}", body)
        assert answer.status == 200, answer
        return answer.body

    def create(self, entity_set: str, **values: Any) -> str:
        """Makes a row and gives its id; `__bind` at the end of a name stands for `@odata.bind`."""
        body = {name.replace("__bind", "@odata.bind"): value for name, value in values.items()}
        answer = self.send("POST", entity_set, body)
        assert answer.status == 204, answer
        return answer.id

    def document(self, entity_set: str, **values: Any) -> str:
        """Makes a quote, an order or an invoice of a customer of its own, and gives its id."""
        customer = self.create("accounts", name="Customer")
        return self.create(entity_set, customerid_account__bind=f"/accounts({customer})", **values)

    def read(self, path: str, **headers: str) -> Any:
        """The body of a read that must succeed."""
        answer = self.send("GET", path, **headers)
        assert answer.status == 200, answer
        return answer.body

    def batch(self, text: str, **headers: str) -> Answer:
        """A `$batch` whose boundary is batch_x."""
        return self.send("POST", "$batch", text.encode(), Content_Type=BATCH_TYPE, **headers)


def unit_columns(sales: Client, name: str = "PCS") -> dict[str, str]:
    """The columns of a product that name the base unit of a new unit group."""
    group = sales.create("uomschedules", name=f"Group of {name}", baseuomname=name)
    (unit,) = sales.read(f"uoms?$filter=_uomscheduleid_value eq {group}")["value"]
    return {
        "defaultuomscheduleid@odata.bind": f"/uomschedules({group})",
        "defaultuomid@odata.bind": f"/uoms({unit['uomid']})",
    }


def parts_of(answer: Answer) -> list[tuple[int, str]]:
    """Status and text of each HTTP answer inside a multipart body, those of change sets too."""
    pieces = answer.body.decode().split("HTTP/1.1 ")[1:]
    return [(int(piece[:3]), piece) for piece in pieces]


def request_part(method: str, path: str, body: Any = None, content_id: str = "") -> str:
    """One request of a batch, without the boundary before it."""
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    lines += [f"Content-ID: {content_id}"] if content_id else []
    lines += ["", f"{method} {path} HTTP/1.1", "Content-Type: application/json", ""]
    return "\r\n".join([*lines, "" if body is None else json.dumps(body)])


def joined(*parts: str, boundary: str = "batch_x") -> str:
    """Parts with their boundary."""
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def change_set(*parts: str) -> str:
    """A change set as one part of a batch."""
    return "Content-Type: multipart/mixed; boundary=set_x\r\n\r\n" + joined(*parts, boundary="set_x")
