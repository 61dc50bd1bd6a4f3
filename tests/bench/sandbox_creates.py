"""How many checked creates a second the sandbox does on one core, in batches of 100, for both services.

The server runs in a process of its own, pinned to the last core; the client builds every body beforehand
and sends them one after the other over one connection, so that little but the server's work is measured.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BATCH = 100
_FORM = "grant_type=client_credentials&client_id=kobling&client_secret=sandbox&scope=x/.default"


@contextmanager
def served() -> Iterator[dict[str, Any]]:
    """A sandbox with the set-up rows alone, on one core where the system lets us choose."""
    command = [sys.executable, "-m", "kobling_sandbox.cli", "serve", "--dataset", "empty"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            addresses = json.loads(process.stdout.readline())
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
            yield addresses
        finally:
            process.terminate()


class Client:
    """One connection with a token."""

    def __init__(self, base: str) -> None:
        url = urllib.parse.urlsplit(base)
        assert url.hostname is not None
        self.connection = http.client.HTTPConnection(url.hostname, url.port)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = json.loads(self.send("POST", "/sandbox/oauth2/v2.0/token", _FORM.encode(), form)[1])
        self.headers = {"Authorization": f"Bearer {answer['access_token']}"}

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body of an answer."""
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        return response.status, response.read()


def dataverse_bodies(base: str, count: int) -> list[bytes]:
    """Batches of accounts, each with fifteen columns, an owner and an id of its own."""
    return [
        _multipart([_account(base, number) for number in range(start, start + BATCH)])
        for start in range(0, count, BATCH)
    ]


def _account(owner: str, number: int) -> dict[str, Any]:
    return {
        "accountid": str(uuid.UUID(int=(0xA << 124) + number)),
        "name": f"Customer {number} Handel AS",
        "accountnumber": f"B{number:07}",
        "address1_line1": f"Storgata {number}",
        "address1_line2": "",
        "address1_city": "Oslo",
        "address1_postalcode": "0150",
        "address1_country": "NO",
        "telephone1": "+47 22 00 00 00",
        "emailaddress1": f"post{number}@customer.example",
        "websiteurl": "https://customer.example",
        "creditlimit": 1500.5,
        "customertypecode": 3,
        "paymenttermscode": 1,
        "statecode": 0,
        "statuscode": 1,
        "ownerid@odata.bind": f"/systemusers({owner})",
    }


def _multipart(rows: list[dict[str, Any]]) -> bytes:
    head = (
        "--batch_x\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        "POST /api/data/v9.2/accounts HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
    )
    return ("".join(f"{head}{json.dumps(row)}\r\n" for row in rows) + "--batch_x--\r\n").encode()


def business_central_bodies(company: str, count: int) -> list[bytes]:
    """Batches of customers for the extension's route, each with an id of its own."""
    return [
        json.dumps({"requests": [_part(company, number) for number in range(start, start + BATCH)]}).encode()
        for start in range(0, count, BATCH)
    ]


def _part(company: str, number: int) -> dict[str, Any]:
    body = {
        "id": str(uuid.UUID(int=(0xB << 124) + number)),
        "no": f"B{number:07}",
        "name": f"Customer {number} Handel AS",
        "address": f"Storgata {number}",
        "city": "Oslo",
        "postCode": "0150",
        "countryRegionCode": "NO",
        "phoneNo": "+47 22 00 00 00",
        "eMail": f"post{number}@customer.example",
        "homePage": "https://customer.example",
        "creditLimitLCY": 1500.5,
        "paymentTermsCode": "NET30",
        "shipmentMethodCode": "FOB",
        "blocked": "_x0020_",
    }
    url = f"companies({company})/customers"
    headers = {"Content-Type": "application/json", "Prefer": "return-no-content"}
    return {"id": str(number), "method": "POST", "url": url, "headers": headers, "body": body}


def measure(client: Client, path: str, bodies: list[bytes], content_type: str) -> float:
    """Creates a second. Raises AssertionError when a batch is refused."""
    headers = client.headers | {"Content-Type": content_type}
    started = time.perf_counter()
    for body in bodies:
        status, answer = client.send("POST", path, body, headers)
        assert status == 200, answer[:500]
    return len(bodies) * BATCH / (time.perf_counter() - started)


def main() -> None:
    """Prints one line of JSON with both figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=30_000)
    count = parser.parse_args().rows
    with served() as addresses:
        sales, business = Client(addresses["dataverse"]), Client(addresses["business_central"])
        user = json.loads(sales.send("GET", "/api/data/v9.2/WhoAmI", b"", sales.headers)[1])["UserId"]
        root = "/v2.0/sandbox/production/api/v2.0/"
        companies = json.loads(business.send("GET", f"{root}companies", b"", business.headers)[1])
        company = companies["value"][0]["id"]
        figures = {
            "dataverse_creates_a_second": round(
                measure(
                    sales,
                    "/api/data/v9.2/$batch",
                    dataverse_bodies(user, count),
                    "multipart/mixed; boundary=batch_x",
                )
            ),
            "business_central_creates_a_second": round(
                measure(
                    business,
                    "/v2.0/sandbox/production/api/kobling/sync/v1.0/$batch",
                    business_central_bodies(company, count),
                    "application/json",
                )
            ),
            "rows": count,
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
