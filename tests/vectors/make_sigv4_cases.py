#!/usr/bin/python3
"""Signs hostile requests with botocore and writes what it did, a case a line.

    make_sigv4_cases.py --write     writes sigv4-botocore.jsonl beside this file
    make_sigv4_cases.py [--check]   regenerates and compares; 1 = differs, 77 = no botocore

Everything is seeded and the clock is frozen, so the same botocore always writes the same bytes. The
credentials are the fake ones of AWS's documentation.
"""

import base64
import datetime
import json
import os
import random
import sys
import types
from urllib.parse import quote, urlsplit

try:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials
except ImportError as error:
    print(f"skipped: botocore is not installed ({error})")
    sys.exit(77)

SEED = 20150830
ACCESS_KEY_ID = "AKIDEXAMPLE"
SECRETS = ["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "x", "s" * 128, "a/b+c=d&e%41"]
TOKENS = [None, None, "AQoDYXdzEPT//////////wEXAMPLE==", "eyJh.eyJi-_.c2ln" * 40]
NAMES = [
    "a", "B", "circuit-boards", "a b", "a/b", "a%2Fb", "100%", "%", "%zz", "%41", "é", "日本語", "🙂",
    "a+b", "a=b", "a&b", "~", "*", ":", "@", "$", "!", "'", "()", ",", ";", "[x]", "{x}", "|", "^",
    "`", "\\", '"', "<>", "#", "?", ".", "..", "...", ".a", "a.", "-", "_", "A" * 200, "\x01", "\x7f",
    "\u0301", "arn:aws:lookoutvision:eu-central-1:123456789012:model/p/1", "a..b", "Ω≈ç", " ", "a\tb",
]
# As they stand on the wire; the characters that end a path are not among them.
RAW_PATHS = [
    "", "/", "//", "///a", "/a//b", "/a///b//", "/.", "/./", "/./a", "/a/.", "/a/./", "/a/./b", "/..",
    "/../", "/../a", "/a/..", "/a/../", "/a/b/..", "/a/b/../", "/a/../b", "/a/b/../../c", "/a/../../b",
    "/a/./../b/", "/...", "/..a", "/a..", "/.a", "/a.", "/a/.../b", "/%2e", "/%2E%2e/a", "/a%2Fb",
    "/a%2fb", "/%25", "/%2525", "/%zz", "/%", "/a%", "/a%4", "/~user", "/%7Euser", "/a:b", "/a*b",
    "/a+b", "/a=b", "/a&b", "/a;b=c", "/a,b", "/a@b", "/a!b", "/a$b", "/a'b", "/a(b)", "/é", "/日本/語",
    "/%C3%A9", "/%c3%a9", "/a b", "/a%20b", "/ሴ", "/a|b", "/a\"b", "/a<b>", "/a^b`c", "/a\\b", "/[a]",
    "/{a}", "/-._~", "/2020-11-20/projects/p/models/1/start", "/2020-11-20/projects/p/models/1",
    "/base/path/2020-11-20/projects/a%2Fb%20c..%252F~%C3%A9/models/1/stop", "/A/b/C", "/a/b/c/d/e/f/../..",
    "/2020-11-20/projects/../projects/p//models/./1", "/" + "x" * 1000, "/" + "%C3%A9" * 100,
]
QUERIES = [
    [("a", "")], [("", "v")], [("a", "1"), ("a", "2")], [("a", "2"), ("a", "1")], [("b", "1"), ("a", "2")],
    [("a", "b"), ("A", "b")], [("a", "x"), ("a-b", "x"), ("a.b", "x"), ("a=b", "x"), ("ab", "x")],
    [("a", "+")], [("a", "a b")], [("a", "a+b c")], [("a", "/")], [("a", "=")], [("a=", "=b")],
    [("a", "&")], [("a&b", "c&d")], [("a", "%")], [("a", "%41")], [("a", "%2B")], [("é", "日本")],
    [("🙂", "~")], [("a", "~-._")], [("a", "*:@!$'(),;")], [("nextToken", "ab+c/d=="), ("maxResults", "5")],
    [("Action", "ListUsers"), ("Version", "2010-05-08")], [("z", ""), ("y", ""), ("x", "")],
    [("a", ""), ("a", "0"), ("a", "")], [("a", "%zz")], [("[]", "{}")], [("a", "#?")], [("a\\", "\"")],
    [("a", "\n")], [("a", "\x01\x7f")], [("name", "v" * 1000)], [("a%", "b%")], [("aé", "1"), ("az", "2")],
    [("k%d" % i, str(i)) for i in range(40)],
]
HEADER_VALUES = [
    "", "a", " a", "a ", "  a  b  ", "a\tb", "\ta\t\tb\t", "a , b", "a,b", ",", ",,", "a  ,  b", '"a  b"',
    "a;q=0.5, b;q=0.3", "é", "日本語", "a=b; c=d", "A" * 500, "a" + " " * 100 + "b", "%20", "\\", "{}",
    "a\t \tb \t c", ":", "a:b", "application/json", "text/plain; charset=utf-8",
]
BODIES = [b"", b"{}", b'{"MinInferenceUnits":1,"MaxInferenceUnits":2}', b"\x00", b"\x00\xff\xfe\r\n\x80",
          "Grüße, 世界".encode(), b"a=b&c=d", b"\n"]


class Frozen(datetime.datetime):
    """The clock that botocore reads."""

    moment = None

    @classmethod
    def utcnow(cls):
        return cls.moment


botocore.auth.datetime = types.SimpleNamespace(datetime=Frozen)


def sloppy(rng, text):
    """One of the many ways in which a client may write the same parameter on the wire."""
    out = []
    for byte in text.encode():
        plain = chr(byte)
        style = rng.randrange(4)
        if plain in "%&=+#" or byte <= 0x20 or byte >= 0x7F:
            # '=' and '+' may also stand for themselves inside a value; the callers add that.
            out.append(("%%%02X" if style else "%%%02x") % byte)
        elif plain.isalnum() or plain in "-._~":
            out.append("%%%02x" % byte if style == 0 and rng.randrange(8) == 0 else plain)
        else:
            out.append(plain if style < 2 else "%%%02X" % byte)
    return "".join(out)


def wire_query(rng, params):
    parts = []
    for name, value in params:
        value = sloppy(rng, value)
        if rng.randrange(2):
            value = value.replace("%3D", "=").replace("%2B", "+")
        bare = value == "" and name != "" and rng.randrange(2)
        parts.append(sloppy(rng, name) + ("" if bare else "=" + value))
    return "&".join(parts)


def make_case(rng, name, path="/", params=(), headers=(), body=b"", method="POST", token=None,
              origin="https://lookoutvision.eu-central-1.amazonaws.com", secret=SECRETS[0],
              region="eu-central-1", service="lookoutvision", s3=False, moment=None):
    Frozen.moment = moment or Frozen(2015, 8, 30, 12, 36, 0)
    request = AWSRequest(method=method, url=origin + path, data=body, params=list(params))
    request.headers = HTTPHeaders()
    for header, value in headers:
        request.headers[header] = value
    kind = botocore.auth.S3SigV4Auth if s3 else botocore.auth.SigV4Auth
    signer = kind(Credentials(ACCESS_KEY_ID, secret, token), service, region)
    seen = {}
    signer.canonical_request = lambda r: seen.setdefault("c", kind.canonical_request(signer, r))
    signer.string_to_sign = lambda r, c: seen.setdefault("s", kind.string_to_sign(signer, r, c))
    signer.add_auth(request)
    sent = [[n, v] for n, v in request.headers.items()
            if n.lower() not in ("authorization", *botocore.auth.SIGNED_HEADERS_BLACKLIST)]
    if "host" not in {n.lower() for n, _ in sent}:
        sent.insert(rng.randrange(len(sent) + 1), ["Host", botocore.auth._host_from_url(request.url)])
    return {
        "name": name, "method": method, "path": urlsplit(request.url).path,
        "query": wire_query(rng, params), "headers": sent,
        "body": base64.b64encode(body).decode(), "normalize": not s3,
        "payload_hash": request.headers.get("X-Amz-Content-SHA256"),
        "access_key_id": ACCESS_KEY_ID, "secret_access_key": secret, "region": region,
        "service": service, "date": request.context["timestamp"], "canonical_request": seen["c"],
        "string_to_sign": seen["s"], "authorization": request.headers["Authorization"],
    }


def random_case(rng, number):
    words = rng.sample(NAMES, rng.randrange(5))
    path = "/" + "/".join(quote(word, safe=rng.choice(["", "~", ":*~", "-._~!"])) for word in words)
    params = [(rng.choice(NAMES), rng.choice(NAMES + [""])) for _ in range(rng.randrange(8))]
    headers = [(rng.choice(["X-Amz-Meta-A", "x-amz-meta-a", "X-Amz-Meta-A-B", "My-Header", "Accept"]),
                rng.choice(HEADER_VALUES)) for _ in range(rng.randrange(6))]
    headers.append(("X-Amzn-Client-Token", "%032x" % rng.getrandbits(128)))
    if rng.randrange(6) == 0:
        headers.append(("x-amz-content-sha256", "UNSIGNED-PAYLOAD"))
    day = Frozen(2000, 1, 1) + datetime.timedelta(seconds=rng.randrange(3_000_000_000))
    return make_case(
        rng, f"random-{number}", path, params, headers, rng.choice(BODIES), rng.choice(["GET", "POST"]),
        rng.choice(TOKENS), rng.choice(["https://example.com", "https://Example.COM:8443",
                                        "http://127.0.0.1:4567", "http://[::1]:8080",
                                        "https://example.com:443", "http://example.com:80"]),
        rng.choice(SECRETS), rng.choice(["us-east-1", "eu-central-1"]),
        rng.choice(["lookoutvision", "rekognition"]), moment=Frozen(*day.timetuple()[:6]))


def make_cases():
    rng = random.Random(SEED)
    for number, path in enumerate(RAW_PATHS):
        yield make_case(rng, f"path-{number}", path)
    for number, name in enumerate(NAMES):
        path = f"/2020-11-20/projects/{quote(name, safe='')}/models/1"
        yield make_case(rng, f"name-{number}", path, [(name, name)], method="GET")
    for number, params in enumerate(QUERIES):
        yield make_case(rng, f"query-{number}", params=params, method="GET")
    for number, value in enumerate(HEADER_VALUES):
        yield make_case(rng, f"header-{number}",
                        headers=[("My-Header", value), ("X-Amz-Meta-Z", "z"), ("MY-HEADER", "second"),
                                 ("my-header", value), ("X-Amz-Meta-Z-A", value)])
    for number, body in enumerate(BODIES + [rng.randbytes(5000), b"\x00" * 3000]):
        yield make_case(rng, f"body-{number}", body=body, token=TOKENS[2],
                        headers=[("Content-Type", "application/json")])
    for number, path in enumerate(["/a/../b", "//a", "/a%20b", "/%25", "/a/./b/", "/%C3%A9", ""]):
        yield make_case(rng, f"s3-{number}", path or "/", s3=True, service="s3", body=BODIES[2])
    for number in range(70):
        yield random_case(rng, number)


def main():
    write = sys.argv[1:] == ["--write"]
    if not write and sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sigv4-botocore.jsonl")
    lines = [json.dumps(case, ensure_ascii=True, sort_keys=True) + "\n" for case in make_cases()]
    if write:
        with open(path, "w", encoding="ascii") as file:
            file.writelines(lines)
        return
    with open(path, encoding="ascii") as file:
        committed = file.readlines()
    for number, (ours, theirs) in enumerate(zip(lines, committed), 1):
        if ours != theirs:
            sys.exit(f"{path}:{number}: botocore {botocore.__version__} signs this case differently")
    if len(lines) != len(committed):
        sys.exit(f"{path}: saw {len(committed)} cases, expected {len(lines)}: run with --write")
    print(f"{len(lines)} cases of {path} are what botocore {botocore.__version__} does")


if __name__ == "__main__":
    main()
