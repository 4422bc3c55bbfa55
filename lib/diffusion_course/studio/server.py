"""The studio as a page for this machine's browser: Python's own web server, bound to 127.0.0.1.

GET /         the page; /studio.js and /studio.css belong to it
GET /about    what `Engine.about` says
POST /paint   a wish as JSON; the answer is a line of JSON for each event, as they happen

A page of another site must not paint here: requests are served only under this machine's own names (a foreign name that
was made to point at 127.0.0.1 is refused), and only to this page's own origin. Who closes the page ends the work.
"""

import json
import logging
import queue
import select
import socket
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from diffusion_course.studio.desk import Desk
from diffusion_course.studio.front import PAGE, page_script, style
from diffusion_course.studio.wishes import Refused

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
LARGEST = 64_000  # bytes of a wish; one with picture and mask has about 10,000
PATIENCE = 15  # seconds for a request to arrive
LINGER = 1  # seconds that a refused one may still send
GLANCE = 0.25  # seconds between two looks at whether the page is still there
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


class StudioServer(ThreadingHTTPServer):
    """Serves the page and paints what it asks for; a context manager that ends both.

    Args:
        desk: where wishes are handed in; closed with the server.
        port: 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, desk: Desk, port: int = 0):
        self.desk = desk
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{HOST}:{self.server_port}/"

    def server_close(self) -> None:
        """Frees the port and ends what is painted."""
        super().server_close()
        self.desk.close()


class _Wrong(Exception):
    """A request that is not served: its status and a message."""

    def __init__(self, status: HTTPStatus, message: str, **more):
        super().__init__(message)
        self.status, self.told = status, {"kind": "refused", "field": "", "message": message, **more}


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE
    server: StudioServer
    server_version, sys_version = "Studio", ""

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_POST(self) -> None:
        self._serve(self._post)

    def _serve(self, answer: Callable) -> None:
        try:
            try:
                self._check_asker()
                answer()
            except _Wrong as wrong:
                self._send(wrong.status, "application/json", json.dumps(wrong.told))
                self._drain()
        except OSError:  # also a timeout
            self.close_connection = True  # who asked has gone, or is silent

    def _check_asker(self) -> None:
        own = {f"{name}:{self.server.server_port}" for name in NAMES}
        host = self.headers.get("Host", "")
        if host.lower() not in own:
            raise _Wrong(
                HTTPStatus.FORBIDDEN,
                f"The studio serves this machine only, as {self.server.url}. Received: host {host!r:.80}",
            )
        origin = self.headers.get("Origin")
        if origin is not None and origin.lower() not in {f"http://{name}" for name in own}:
            raise _Wrong(
                HTTPStatus.FORBIDDEN,
                f"The studio paints for its own page only. Received: origin {origin!r:.80}",
            )

    def _get(self) -> None:
        path = self._place()
        files = {
            "/": ("text/html; charset=utf-8", lambda: PAGE),
            "/studio.js": ("text/javascript; charset=utf-8", page_script),
            "/studio.css": ("text/css; charset=utf-8", style),
            "/about": ("application/json", lambda: json.dumps(self.server.desk.engine.about())),
        }
        if path == "/favicon.ico":
            return self._send(HTTPStatus.NO_CONTENT, "image/x-icon", "")
        if path not in files:
            raise _Wrong(HTTPStatus.NOT_FOUND, f"There are {', '.join(files)}. Received: {path!r:.80}")
        kind, content = files[path]
        return self._send(HTTPStatus.OK, kind, content())

    def _post(self) -> None:
        if self._place() != "/paint":
            raise _Wrong(HTTPStatus.NOT_FOUND, f"Wishes go to /paint. Received: {self.path!r:.80}")
        events: queue.Queue = queue.Queue()
        try:
            job = self.server.desk.hand_in(self._body(), events.put)
        except Refused as error:
            raise _Wrong(HTTPStatus.BAD_REQUEST, str(error), field=error.field) from error
        except RuntimeError as error:
            raise _Wrong(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
        try:
            self._head(HTTPStatus.OK, "application/x-ndjson")
            while not (job.done.is_set() and events.empty()):
                try:
                    line = json.dumps(events.get(timeout=GLANCE)) + "\n"
                except queue.Empty:
                    if self._gone():
                        break
                    continue
                self.wfile.write(line.encode())
        finally:
            job.cancel()

    def _place(self) -> str:
        """The path that is asked for, without what follows a question mark."""
        try:
            return urlsplit(self.path).path
        except ValueError:  # no address at all, such as http://[
            return self.path

    def _body(self):
        """What the request holds, decoded."""
        kind = self.headers.get_content_type() if "Content-Type" in self.headers else "none"
        if kind != "application/json":  # a form of another site cannot send this kind without asking first
            raise _Wrong(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"A wish must be application/json. Received: {kind!r:.80}"
            )
        length = self.headers.get("Content-Length")
        if length is None or not length.isdecimal():
            raise _Wrong(
                HTTPStatus.LENGTH_REQUIRED,
                f"A wish must come with its Content-Length. Received: {'none' if length is None else repr(length):.80}",
            )
        # Too many digits are too many bytes; beyond 4300 of them Python makes no number of them.
        if len(length) > len(str(LARGEST)) or int(length) > LARGEST:
            raise _Wrong(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"A wish may have {LARGEST} bytes. Received: {length:.80}",
            )
        body = self.rfile.read(int(length))
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _Wrong(
                HTTPStatus.BAD_REQUEST, f"A wish must be JSON in UTF-8. Received: {error}"
            ) from error

    def _drain(self) -> None:
        """Reads what is still sent: closed before, the connection would take the answer with it."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(LINGER)
        left = 20 * LARGEST
        while left > 0 and (sent := self.connection.recv(LARGEST)):
            left -= len(sent)

    def _gone(self) -> bool:
        """Whether the page has closed the connection; it sends nothing more after its wish."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def _head(self, status: HTTPStatus, kind: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Connection": "close", **HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        self._head(status, kind)
        self.wfile.write(text.encode())

    def log_message(self, format: str, *arguments) -> None:
        """Into the log, not onto the terminal."""
        logging.getLogger(__name__).debug(format, *arguments)
