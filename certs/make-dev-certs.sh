#!/bin/sh
# Makes the keys and certificates of a development set-up, with the openssl command alone.
#
# Nothing of this is for production: the certificate authority's key lies beside what it signs.
set -eu

usage() {
	cat <<'END'
Usage: certs/make-dev-certs.sh [--force] [DIR]

Makes into DIR (default: dev beside this script, which git ignores) what is not there yet; with
--force everything anew. Private files are readable by their owner only.

  ca.pem          ca.key          certificate authority, P-256
  server.pem      server.key      for localhost, 127.0.0.1 and ::1
  client.pem      client.key      a client's certificate
  jwt-rs256.pub   jwt-rs256.key   an issuer's keys in PEM: RSA 2048,
  jwt-es256.pub   jwt-es256.key   P-256,
  jwt-eddsa.pub   jwt-eddsa.key   Ed25519
  jwt-hs256.secret                a shared secret: the 64 bytes of the file, no newline
  jwks.json                       the three public keys with kid dev-rs256, dev-es256, dev-eddsa
END
}

DAYS=3650

force=no
dir=
for argument; do
	case $argument in
	--help | -h)
		usage
		exit 0
		;;
	--force) force=yes ;;
	-*)
		echo "make-dev-certs.sh: saw the option $argument; see --help" >&2
		exit 64
		;;
	*)
		[ -z "$dir" ] || {
			echo "make-dev-certs.sh: saw two folders, $dir and $argument; one is expected" >&2
			exit 64
		}
		dir=$argument
		;;
	esac
done
dir=${dir:-$(dirname "$0")/dev}

umask 077
mkdir -p "$dir"
# Everything is made here and renamed into its place, so that a killed run leaves no half file.
work=$(mktemp -d "$dir/.make.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

is_there() {
	[ "$force" = no ] || return 1
	for name; do
		[ -s "$dir/$name" ] || return 1
	done
}

# Moves a finished file into its place; the public ones may be read by all.
publish() {
	for name; do
		case $name in
		*.key | *.secret) chmod 600 "$work/$name" ;;
		*) chmod 644 "$work/$name" ;;
		esac
		mv -f "$work/$name" "$dir/$name"
	done
}

make_p256_key() {
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

make_ca() {
	make_p256_key "$work/ca.key"
	openssl req -x509 -new -sha256 -days $DAYS -key "$work/ca.key" -out "$work/ca.pem" \
		-subj '/O=lookout-gateway development/CN=development CA' \
		-addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
		-addext 'keyUsage=critical,keyCertSign,cRLSign'
	# What the older authority signed is worthless beside the new one.
	rm -f "$dir/server.pem" "$dir/client.pem"
	publish ca.key ca.pem
}

# make_certificate NAME COMMON-NAME EXTENDED-USAGE SUBJECT-ALTERNATIVE-NAMES
make_certificate() {
	make_p256_key "$work/$1.key"
	cat >"$work/$1.ext" <<END
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=$3
subjectAltName=$4
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
END
	openssl req -new -key "$work/$1.key" -subj "/O=lookout-gateway development/CN=$2" -out "$work/$1.csr"
	# The leading digit keeps the serial number positive and of one length.
	openssl x509 -req -sha256 -days $DAYS -in "$work/$1.csr" -extfile "$work/$1.ext" -out "$work/$1.pem" \
		-CA "$dir/ca.pem" -CAkey "$dir/ca.key" -set_serial "0x4$(openssl rand -hex 15)" 2>/dev/null
	publish "$1.key" "$1.pem"
}

# make_jwt_key NAME GENPKEY-ARGUMENT...
make_jwt_key() {
	name=$1
	shift
	openssl genpkey -quiet "$@" -out "$work/$name.key"
	openssl pkey -in "$work/$name.key" -pubout -out "$work/$name.pub"
	rm -f "$dir/jwks.json"
	publish "$name.key" "$name.pub"
}

base64url() {
	openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# public_bytes NAME FROM COUNT: COUNT bytes of a public key's SubjectPublicKeyInfo, beginning FROM bytes
# before its end.
public_bytes() {
	openssl pkey -pubin -in "$dir/$1.pub" -outform DER | tail -c "$2" | head -c "$3" | base64url
}

# A SubjectPublicKeyInfo (RFC 5280) ends in what a JWK wants: x and y of an EC point, the 32 bytes of
# Ed25519; and for RSA the modulus, followed by the 5 bytes 02 03 01 00 01 of the exponent 65537.
make_jwks() {
	cat >"$work/jwks.json" <<END
{ "keys": [
  { "kty": "RSA", "kid": "dev-rs256", "alg": "RS256", "use": "sig", "e": "AQAB",
    "n": "$(public_bytes jwt-rs256 261 256)" },
  { "kty": "EC", "kid": "dev-es256", "alg": "ES256", "use": "sig", "crv": "P-256",
    "x": "$(public_bytes jwt-es256 64 32)",
    "y": "$(public_bytes jwt-es256 32 32)" },
  { "kty": "OKP", "kid": "dev-eddsa", "alg": "EdDSA", "use": "sig", "crv": "Ed25519",
    "x": "$(public_bytes jwt-eddsa 32 32)" }
] }
END
	publish jwks.json
}

make_secret() {
	openssl rand -hex 32 | tr -d '\n' >"$work/jwt-hs256.secret"
	publish jwt-hs256.secret
}

is_there ca.key ca.pem || make_ca
is_there server.key server.pem ||
	make_certificate server localhost serverAuth 'DNS:localhost,IP:127.0.0.1,IP:::1'
is_there client.key client.pem ||
	make_certificate client 'development client' clientAuth 'email:client@example.org'

is_there jwt-rs256.key jwt-rs256.pub || make_jwt_key jwt-rs256 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
is_there jwt-es256.key jwt-es256.pub ||
	make_jwt_key jwt-es256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
is_there jwt-eddsa.key jwt-eddsa.pub || make_jwt_key jwt-eddsa -algorithm ED25519
is_there jwks.json || make_jwks
is_there jwt-hs256.secret || make_secret
