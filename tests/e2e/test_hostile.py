"""Requests outside their bounds: a clear error, a closed connection, a process that lives on."""

import base64
import os
import socket

import pytest

from harness import PATIENCE_S, call


def raw(gateway, data, chunks=None):
    """Sends bytes as they are; the answer's status, and everything that came."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE_S) as connection:
        try:
            for chunk in chunks or [data]:
                connection.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the gateway has seen enough
        received = b""
        try:
            while True:
                more = connection.recv(65536)
                if not more:
                    break
                received += more
        except ConnectionResetError:
            pass
    status = int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/1.1 ") else None
    return status, received


def start_head(gateway, *fields):
    lines = ["POST /v1/projects/boards/models/1/start HTTP/1.1", "Host: gateway",
             f"Authorization: Bearer {gateway.token()}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


DEEP_BODY = b'{"MinInferenceUnits":' + b"[" * 100000 + b"]" * 100000 + b"}"


def deep_body(gateway):
    """Within the size that is taken, as deep as that allows."""
    body = b'{"MinInferenceUnits":' + b"[" * 30000 + b"]" * 30000 + b"}"
    return gateway.call("POST", "/v1/projects/boards/models/1/start", body).status


def deep_large_body(gateway):
    return raw(gateway, start_head(gateway, "Content-Type: application/json",
                                   f"Content-Length: {len(DEEP_BODY)}") + DEEP_BODY)[0]


def deep_token(gateway):
    part = base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=").decode()
    return call(gateway.port, "GET", "/v1/models",
                headers={"Authorization": f"Bearer {part}.{part}.AAAA"}).status


def large_head(gateway):
    return raw(gateway, start_head(gateway, "X-Large: " + "x" * 65536))[0]


def large_body(gateway):
    return raw(gateway, None, [start_head(gateway, "Content-Type: application/json",
                                          f"Content-Length: {10 << 20}")] +
               [b" " * 65536] * 160)[0]


ATTACKS = [(deep_body, {400}), (deep_large_body, {413}), (deep_token, {401}),
           (large_head, {431}), (large_body, {413})]


@pytest.mark.parametrize("attack,expected", ATTACKS, ids=[a.__name__ for a, _ in ATTACKS])
def test_bounds(gateway, attack, expected):
    assert attack(gateway) in expected
    assert gateway.start().status == 202, "it lives on"


@pytest.mark.skipif(bool(os.environ.get("SANITIZERS", "").strip()),
                    reason="a sanitizer's shadow and quarantine are not the gateway's memory")
def test_memory_stays_where_it_is(make_gateway, emulator):
    gateway = make_gateway(emulator, threads=4)
    gateway.wait_ready()
    for attack, expected in ATTACKS * 40:
        assert attack(gateway) in expected
    before = gateway.resident_kb()
    for attack, expected in ATTACKS * 200:
        assert attack(gateway) in expected
    grown = gateway.resident_kb() - before
    assert grown <= 1024, f"resident memory grew by {grown} KiB over 1,000 hostile requests"


SMUGGLED = b"GET /v1/models HTTP/1.1\r\nHost: gateway\r\n\r\n"


@pytest.mark.parametrize("fields", [
    ["Content-Length: 5", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked"],
    ["Transfer-Encoding: identity", "Transfer-Encoding: chunked"],
    ["Content-Length: 5", "Content-Length: 6"],
    ["Content-Length: +3"], ["Content-Length: 0x1f"], ["Content-Length: 3abc"],
    ["Content-Length: -1"], ["Content-Length : 5"], [": nothing"], ["Na\u00efve: x"],
    ["X-Folded: a\r\n b"],
    [f"X-{n}: y" for n in range(80)],
], ids=lambda fields: fields[0][:40])
def test_framing_that_servers_disagree_on_is_refused(gateway, fields):
    status, received = raw(gateway, start_head(gateway, "Content-Type: application/json",
                                               *fields) + SMUGGLED)
    assert status in (400, 411, 413, 431, 501), received[:300]
    assert received.count(b"\r\nDate: ") == 1, "what follows must not be taken for a request"
    assert b"connection: close" in received.lower()


@pytest.mark.parametrize("path,status", [
    ("/v1/projects/a%00b/models/1", 400), ("/v1/projects/a%2Fb/models/1", 400),
    ("/v1/projects/%zz/models/1", 400), ("/v1/projects/-x/models/1", 400),
    ("/v1/projects/boards/models/01", 400), ("/v1/projects/boards/models/12345678901", 400),
    ("/v1/projects/" + "a" * 256 + "/models/1", 400), ("/v1/nothing", 404), ("/", 404),
])
def test_paths(gateway, path, status):
    answer = gateway.call("GET", path)
    assert answer.status == status and answer.problem, answer


def test_methods_and_types(gateway):
    wrong = gateway.call("DELETE", "/v1/projects/boards/models/1")
    assert wrong.status == 405 and "GET" in wrong.headers["Allow"]
    form = gateway.call("POST", "/v1/projects/boards/models/1/start", "a=b",
                        headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert form.status == 415


@pytest.mark.parametrize("body,pointer", [
    ('{"MinInferenceUnits":0}', "/MinInferenceUnits"),
    ('{"MinInferenceUnits":"1"}', "/MinInferenceUnits"),
    ('{"MinInferenceUnits":1.5}', "/MinInferenceUnits"),
    ('{"MinInferenceUnits":2,"MaxInferenceUnits":1}', "/MaxInferenceUnits"),
    ('{"MinInferenceUnits":1,"Unknown":1}', "/Unknown"),
    ('{"MinInferenceUnits":1,"ClientToken":"no blanks"}', "/ClientToken"),
    ('{"MinInferenceUnits":1,"MinInferenceUnits":2}', None), ("{}", "/MinInferenceUnits"),
    ("[]", None), ("", None), ("{", None), ('{"MinInferenceUnits":1}x', None),
    ('{"MinInferenceUnits":99999999999999999999}', None),
])
def test_bodies_are_read_strictly(gateway, emulator, body, pointer):
    answer = gateway.call("POST", "/v1/projects/boards/models/1/start", body)
    assert answer.status == 400 and answer.problem, answer
    if pointer:
        assert pointer in answer.text, answer
    assert emulator.received("start") == 0


def test_request_ids(gateway):
    given = gateway.call("GET", "/v1/models", headers={"X-Request-Id": "trace-7"})
    assert given.headers["X-Request-Id"] == "trace-7"
    made = gateway.call("GET", "/v1/models", headers={"X-Request-Id": "no good\u00e9"})
    assert made.headers["X-Request-Id"] and made.headers["X-Request-Id"] != "no good\u00e9"
    assert given.headers["Date"]
