#!/bin/sh
# What certs/make-dev-certs.sh makes verifies, stays, and is private where it must be.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "check-dev-certs: $*" >&2
	exit 1
}
make_certs() {
	"$top_srcdir/certs/make-dev-certs.sh" "$@" "$dir"
}
checksums() {
	(cd "$dir" && cksum ./*)
}

make_certs
openssl verify -CAfile "$dir/ca.pem" -purpose sslserver -verify_hostname localhost "$dir/server.pem" >/dev/null
openssl verify -CAfile "$dir/ca.pem" -purpose sslserver -verify_ip 127.0.0.1 "$dir/server.pem" >/dev/null
openssl verify -CAfile "$dir/ca.pem" -purpose sslserver -verify_ip ::1 "$dir/server.pem" >/dev/null
openssl verify -CAfile "$dir/ca.pem" -purpose sslclient "$dir/client.pem" >/dev/null
for file in "$dir"/*.key "$dir"/*.secret; do
	[ "$(stat -c %a "$file")" = 600 ] || fail "$file has mode $(stat -c %a "$file"), expected 600"
done
[ "$(wc -c <"$dir/jwt-hs256.secret")" -eq 64 ] || fail "the HS256 secret is not 64 bytes"

before=$(checksums)
make_certs
[ "$before" = "$(checksums)" ] || fail "a second run changed what was there"

# A new authority brings new certificates; the keys of tokens have nothing to do with it.
rm "$dir/ca.pem"
make_certs
openssl verify -CAfile "$dir/ca.pem" "$dir/server.pem" "$dir/client.pem" >/dev/null
[ "$(echo "$before" | grep jwt)" = "$(checksums | grep jwt)" ] || fail "a new authority changed token keys"

make_certs --force
[ "$(checksums | grep -cxF -e "$before" || true)" -eq 0 ] || fail "--force kept a file"

# PyJWT, which knows nothing of how the JWKS was made, verifies with it what the private keys sign.
if "${PYTHON:-python3}" -c 'import jwt, cryptography' 2>/dev/null; then
	"${PYTHON:-python3}" - "$dir" <<'END'
import json, pathlib, sys
import jwt

folder = pathlib.Path(sys.argv[1])
for key in json.loads((folder / "jwks.json").read_text())["keys"]:
    name = "jwt-" + key["kid"].removeprefix("dev-") + ".key"
    token = jwt.encode({"sub": "x"}, (folder / name).read_text(), algorithm=key["alg"])
    claims = jwt.decode(token, jwt.PyJWK(key).key, algorithms=[key["alg"]])
    assert claims == {"sub": "x"}, key["kid"]
END
fi
