"""The studio's server on a free port: what it serves, to whom, and that who leaves ends the work."""

import http.client
import json
import socket
import struct
import sys
import threading
import time

import pytest
from studio_helpers import SlowEngine

from diffusion_course.studio import server as serving
from diffusion_course.studio.desk import Desk
from diffusion_course.studio.server import LARGEST, StudioServer

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def engine():
    return SlowEngine()


@pytest.fixture
def server(engine):
    with StudioServer(Desk(engine)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        engine.go_on.release(10_000)
        server.shutdown()
        thread.join(10)
    assert not server.desk._thread.is_alive()


def ask(server, method="GET", path="/", body=None, headers=None):
    """(status, headers, body)"""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    read = answer.status, answer.headers, answer.read().decode()
    connection.close()
    return read


def paint(server, body, **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, _, text = ask(server, "POST", "/paint", body, {**JSON, **headers})
    return status, [json.loads(line) for line in text.splitlines()]


def test_it_listens_on_this_machine_only(server):
    assert server.server_address[0] == "127.0.0.1" and server.url == f"http://127.0.0.1:{server.server_port}/"


@pytest.mark.parametrize(
    "path, kind, holds",
    [
        ("/", "text/html", "<title>The studio"),
        ("/studio.js", "text/javascript", "function maskPainter"),
        ("/studio.css", "text/css", ".mask-painter"),
        ("/about", "application/json", '"slow"'),
    ],
)
def test_page_script_style_and_model(server, path, kind, holds):
    status, headers, text = ask(server, path=path)
    assert status == 200 and headers.get_content_type() == kind and holds in text
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_wish_is_answered_with_a_line_for_each_event(server, engine):
    engine.go_on.release(3)
    status, events = paint(server, {"prompt": "star", "steps": 3})
    assert status == 200 and [event["kind"] for event in events] == ["began", *["frame"] * 3, "done"]


def test_own_names_and_own_origin_are_served(server, engine):
    for name in ("127.0.0.1", "localhost", "LOCALHOST"):
        engine.go_on.release()
        own = f"{name}:{server.server_port}"
        assert paint(server, {"steps": 1}, Host=own, Origin=f"http://{own}")[0] == 200


@pytest.mark.parametrize("method, path", [("GET", "/"), ("GET", "/about"), ("POST", "/paint")])
@pytest.mark.parametrize(
    "headers, told",
    [
        ({"Host": "evil.example"}, "this machine only"),
        ({"Host": "evil.example:{port}"}, "this machine only"),
        ({"Host": "127.0.0.1:1"}, "this machine only"),
        ({"Host": "127.0.0.1.evil.example:{port}"}, "this machine only"),
        ({"Host": ""}, "this machine only"),
        ({"Origin": "https://evil.example"}, "own page only"),
        ({"Origin": "null"}, "own page only"),
        ({"Origin": "http://127.0.0.1:1"}, "own page only"),
        ({"Origin": "https://127.0.0.1:{port}"}, "own page only"),
    ],
)
def test_strangers_are_refused(server, engine, method, path, headers, told):
    headers = {name: value.format(port=server.server_port) for name, value in headers.items()}
    body = b"{}" if method == "POST" else None
    status, _, text = ask(server, method, path, body, {**JSON, **headers})
    assert status == 403 and told in json.loads(text)["message"] and engine.painted == []


@pytest.mark.parametrize(
    "body, headers, status, told",
    [
        (b'{"prompt": ', {}, 400, "must be JSON"),
        (b"\xff\xfe\x00", {}, 400, "must be JSON"),
        (b"[" * 5000, {}, 400, "must be JSON"),
        (b"[]", {}, 400, "object of names"),
        (b'{"guidance": NaN}', {}, 400, "guidance must be a number from 0 to 15. Received: nan"),
        (b'{"strength": 1.5}', {}, 400, "strength must be a number from 0 to 1. Received: 1.5"),
        (b'{"sampler": "euler"}', {}, 400, "sampler must be one of"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "application/json. Received: 'text/plain'"),
        (b"prompt=a", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "application/json"),
        (
            b'{"seed": 1' + b"0" * 400 + b"}",
            {},
            400,
            "seed must be a whole number from 0 to 9999. Received: 1000",
        ),
        (b"{}", {"Content-Length": "-3"}, 411, "Content-Length. Received: '-3'"),
        (b"{}", {"Content-Length": "9" * 5000}, 413, f"{LARGEST} bytes. Received: 999"),
        (b" " * (LARGEST + 1), {}, 413, f"{LARGEST} bytes. Received: {LARGEST + 1}"),
    ],
)
def test_bad_wishes_get_the_rule(server, engine, body, headers, status, told):
    got, (event,) = paint(server, body, **headers)
    assert got == status and event["kind"] == "refused" and told in event["message"]
    engine.go_on.release()
    assert paint(server, {"steps": 1})[1][-1]["kind"] == "done", "it paints on"


def test_the_field_that_breaks_a_rule_is_named(server):
    assert paint(server, {"strength": -1})[1][0]["field"] == "strength"


def test_other_paths_and_methods(server):
    assert ask(server, path="/../../etc/passwd")[0] == 404
    assert ask(server, "POST", "/", b"{}", JSON)[0] == 404
    assert ask(server, "PUT", "/paint", b"{}", JSON)[0] == 501


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_address_that_is_none_is_told_so(server, method):
    head = f"{method} http://[ HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\nContent-Length: 0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.server_port)) as page:
        page.sendall(head.encode())
        answer = http.client.HTTPResponse(page)
        answer.begin()
        assert answer.status == 404 and "Received: 'http://['" in json.loads(answer.read())["message"]


def test_who_stays_silent_after_a_refusal_or_has_gone_leaves_no_trace_on_the_terminal(
    server, monkeypatch, capfd
):
    monkeypatch.setattr(serving, "LINGER", 0.1)
    told = []
    monkeypatch.setattr(server, "handle_error", lambda *_: told.append(sys.exc_info()[1]))
    request = f"GET /none HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.server_port)) as silent:
        silent.sendall(request)
        silent.settimeout(10)
        while silent.recv(1000):  # and stays
            pass
        threads = [thread for thread in threading.enumerate() if "process_request" in thread.name]
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)
    gone = socket.create_connection(("127.0.0.1", server.server_port))
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not a goodbye
    gone.sendall(request)
    gone.close()
    assert ask(server)[0] == 200
    assert told == [] and capfd.readouterr().err == ""


def test_a_second_wish_ends_the_first(server, engine):
    answers = {}

    def first():
        answers["first"] = paint(server, {"prompt": "first", "steps": 100})[1]

    thread = threading.Thread(target=first)
    thread.start()
    engine.go_on.release()
    until(lambda: engine.painted)
    threading.Timer(0.3, engine.go_on.release, [5]).start()
    second = paint(server, {"prompt": "second", "steps": 2})[1]
    thread.join(20)
    assert answers["first"][-1]["kind"] == "cancelled" and second[-1]["kind"] == "done"
    assert len([prompt for prompt, _ in engine.painted if prompt == "first"]) <= 3


def test_closing_the_page_ends_the_work(server, engine, monkeypatch):
    monkeypatch.setattr(serving, "GLANCE", 0.05)
    body = json.dumps({"prompt": "left", "steps": 100})
    request = (
        f"POST /paint HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    page = socket.create_connection(("127.0.0.1", server.server_port))
    page.sendall(request.encode())
    until(lambda: server.desk._running is not None)
    running = server.desk._running
    page.close()
    until(running._cancelled.is_set)
    engine.go_on.release(5)
    assert running.done.wait(10) and len(engine.painted) <= 1


def test_a_request_that_never_ends_is_let_go(server, engine, monkeypatch):
    monkeypatch.setattr(serving._Handler, "timeout", 0.2)
    with socket.create_connection(("127.0.0.1", server.server_port)) as page:
        page.sendall(
            f"POST /paint HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\nContent-Type: application/json\r\n"
            "Content-Length: 100\r\n\r\n{".encode()
        )
        page.settimeout(10)
        assert page.recv(100) == b""


def until(true, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
