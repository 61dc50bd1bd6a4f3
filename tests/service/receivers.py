"""A mail server and a receiver of web hooks on this machine: they take what comes, and show it."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, urlsplit


class MailServer(socketserver.ThreadingTCPServer):
    """SMTP with AUTH PLAIN. password: of the user kobling, where one must sign in; refuse: what it says to a
    recipient instead of taking it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Smtp)
        self.port = int(self.server_address[1])
        self.password = ""
        self.refuse = ""
        self.messages: list[EmailMessage] = []


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = cast(MailServer, self.server)
        self._say("220 here")
        signed_in = not server.password
        for line in cast(BinaryIO, self.rfile):
            word, _, rest = line.decode().strip().partition(" ")
            match word.upper():
                case "EHLO":
                    self._say("250-here\r\n250 AUTH PLAIN")
                case "AUTH":
                    told = base64.b64decode(rest.partition(" ")[2]).decode()
                    signed_in = told == f"\0kobling\0{server.password}"
                    self._say("235 welcome" if signed_in else "535 5.7.8 who are you")
                case "MAIL" if not signed_in:
                    self._say("530 sign in first")
                case "RCPT" if server.refuse:
                    self._say(server.refuse)
                case "DATA":
                    self._say("354 go on")
                    server.messages.append(self._message())
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 ok")

    def _message(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return cast(EmailMessage, message_from_bytes(b"".join(lines), policy=policy.default))

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class HookServer(ThreadingHTTPServer):
    """Takes posts. status: what it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/alerts?key=1"
        self.status = 204
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.came = threading.Event()

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.posts]


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast(HookServer, self.server)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if server.status == 204 and self.path == "/alerts?key=1":
            server.posts.append((dict(self.headers), body))
            server.came.set()
        # A subscription begins with a handshake.
        token = parse_qs(urlsplit(self.path).query).get("validationToken", [""])[0]
        self.send_response(200 if token else server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(token.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Answers in a thread of its own until the end."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
