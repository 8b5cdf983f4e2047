"""Tokens that must be refused: each with its own reason in the log, and none in the answer."""

import base64
import hashlib
import hmac
import json
import subprocess
import time

import jwt
import pytest

from harness import AUDIENCE, BUILD, GATEWAY, ISSUER, call, eventually


def b64(data):
    if not isinstance(data, bytes):
        data = data.encode() if isinstance(data, str) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def payload(gateway, **changes):
    now = int(gateway.clock.now())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "team": "assembly",
              "scope": "models:read", "iat": now, "exp": now + 3600, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def signed_hs256(header_text, claims, secret):
    signing_input = f"{b64(header_text)}.{b64(claims)}"
    mac = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
    return f"{signing_input}.{b64(mac)}"


def hs256(gateway, header, claims):
    return signed_hs256(header, claims, (gateway.keys / "jwt-hs256.secret").read_bytes())


HS = '{"alg":"HS256","kid":"dev-hs256"}'


def confused(gateway):
    """HS256 over the RSA public key's PEM, in the hope that the verifier takes it for a secret."""
    pem = (gateway.keys / "jwt-rs256.pub").read_bytes()
    return signed_hs256('{"alg":"HS256","kid":"dev-rs256"}', payload(gateway), pem)


def none(gateway):
    return f"{b64({'alg': 'none', 'kid': 'dev-hs256'})}.{b64(payload(gateway))}."


def unknown_kid(gateway):
    return hs256(gateway, '{"alg":"HS256","kid":"another"}', payload(gateway))


def string_exp(gateway):
    return hs256(gateway, HS, payload(gateway, exp="4102444800"))


def duplicated_alg(gateway):
    return hs256(gateway, '{"alg":"none","alg":"HS256","kid":"dev-hs256"}', payload(gateway))


def trailing_bytes(gateway):
    token = gateway.token()
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    return f"{head}.{body}.{b64(raw + b'xx')}"


def bad_signature(gateway):
    head, body, _ = gateway.token().split(".")
    return f"{head}.{body}.{b64(bytes(256))}"


def expired(gateway):
    return hs256(gateway, HS, payload(gateway, exp=int(gateway.clock.now()) - 3600))


def not_yet(gateway):
    return hs256(gateway, HS, payload(gateway, nbf=int(gateway.clock.now()) + 3600))


def other_audience(gateway):
    return hs256(gateway, HS, payload(gateway, aud="somebody-else"))


def other_issuer(gateway):
    return hs256(gateway, HS, payload(gateway, iss="https://elsewhere.test"))


def critical(gateway):
    return hs256(gateway, '{"alg":"HS256","kid":"dev-hs256","crit":["x"],"x":1}', payload(gateway))


def other_type(gateway):
    return hs256(gateway, '{"alg":"HS256","kid":"dev-hs256","typ":"secevent+jwt"}',
                 payload(gateway))


def deep_payload(gateway):
    deep = '{"a":' + "[" * 5000 + "]" * 5000 + "}"
    return hs256(gateway, HS, deep)


def garbage(_gateway):
    return "not-a-token"


@pytest.mark.parametrize("forge,reason", [
    (confused, "algorithm_mismatch"), (none, "algorithm_unsupported"),
    (unknown_kid, "key_unknown"), (string_exp, "claim_invalid"), (duplicated_alg, "malformed"),
    (trailing_bytes, "bad_signature"), (bad_signature, "bad_signature"), (expired, "expired"),
    (not_yet, "not_yet_valid"), (other_audience, "audience_refused"),
    (other_issuer, "issuer_unknown"), (critical, "critical_header"), (other_type, "type_refused"),
    (deep_payload, "malformed"), (garbage, "malformed"),
], ids=lambda value: getattr(value, "__name__", value))
def test_refused(gateway, forge, reason):
    answer = gateway.call("GET", "/v1/models", token=forge(gateway))
    assert answer.status == 401, answer
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert answer.problem == "invalid-token"
    one_for_all = "the token is expired, malformed or not of an issuer that is trusted here"
    assert answer.json["detail"] == one_for_all
    assert "error_description" not in answer.headers["WWW-Authenticate"]
    logged = eventually(lambda: [line for line in gateway.log_lines()
                                 if line.get("auth_reason")], "the log line")
    assert [line["auth_reason"] for line in logged] == [reason]


def test_without_a_token_no_error_is_named(gateway):
    answer = call(gateway.port, "GET", "/v1/models")
    assert answer.status == 401
    assert "error=" not in answer.headers["WWW-Authenticate"]


def test_missing_scope_is_named(gateway):
    answer = gateway.start(token=gateway.token(scope="models:read"))
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert "models:start" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("key", ["dev-rs256", "dev-es256", "dev-eddsa", "dev-hs256"])
def test_accepted(gateway, key):
    assert gateway.call("GET", "/v1/models", token=gateway.token(key=key)).status == 200


def test_token_of_an_sdk_is_taken_from_its_session_token(gateway):
    answer = call(gateway.port, "GET", "/v1/models", headers={
        "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/lookoutvision/"
                         "aws4_request, SignedHeaders=host, Signature=00",
        "X-Amz-Security-Token": gateway.token()})
    assert answer.status == 200, answer


def test_minted_tokens_are_accepted(gateway):
    minted = subprocess.run(
        [GATEWAY, "token", "mint", "--key-file", gateway.keys / "jwt-rs256.key", "--algorithm",
         "RS256", "--kid", "dev-rs256", "--issuer", ISSUER, "--audience", AUDIENCE, "--subject",
         "ada", "--team", "assembly"], check=True, capture_output=True, text=True).stdout.strip()
    assert gateway.call("GET", "/v1/models", token=minted).status == 200
    shown = subprocess.run([GATEWAY, "token", "inspect"], input=minted, check=True,
                           capture_output=True, text=True).stdout
    assert "assembly" in shown and minted.split(".")[2] not in shown
