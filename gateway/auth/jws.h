/*
 * A compact JWS (RFC 7515) taken apart strictly and verified before anything in it is believed:
 * split and header -> the caller picks keys by kid -> signature -> and only then the payload.
 */
#ifndef LOOKOUT_AUTH_JWS_H
#define LOOKOUT_AUTH_JWS_H

#include "gateway/auth/jwk.h"

#include <jansson.h>
#include <stddef.h>

#define JWS_MAX_TOKEN  (14 * 1024)
#define JWS_MAX_HEADER 2048 /* of the decoded header */
#define JWS_MAX_DEPTH  8    /* of header and payload */

/* Bytes that base64url text of `len` characters decodes to, with the decoder's slack. */
#define JWS_DECODED_SIZE(len) (3 * (len) / 4 + 1)

struct jws_header {
    enum jws_algorithm algorithm;
    char kid[JWK_MAX_KID + 1]; /* "" where absent; a `kid` that is "" itself is refused */
};

/* A token taken apart. About 13 KB, and only as much of it is touched as the token fills. */
struct jws {
    struct jws_header header;
    const char *signed_text; /* borrowed from the token: "header.payload", as it was signed */
    size_t signed_len;
    size_t signature_len;
    size_t payload_len;
    unsigned char signature[JWS_DECODED_SIZE(4 * JWK_MAX_SIGNATURE / 3 + 4)];
    unsigned char payload[JWS_DECODED_SIZE(JWS_MAX_TOKEN)]; /* unverified until jws_verify */
};

/*
 * Why a token was refused: for the log and the metrics, never for the answer beyond what RFC 6750
 * says (an attacker learns nothing about keys). Stable names by jws_reason_name, like
 * "bad_signature".
 */
enum jws_reason {
    JWS_OK = 0,
    JWS_MALFORMED,             /* not three base64url parts, too long, not JSON, too deep, twice */
    JWS_ALGORITHM_UNSUPPORTED, /* "none" and every name that we don't know */
    JWS_ALGORITHM_MISMATCH,    /* not the one that the key is pinned to */
    JWS_KEY_UNKNOWN,           /* no such kid, or none given and not exactly one key */
    JWS_CRITICAL_HEADER,       /* `crit`, or `b64`: extensions that we don't implement */
    JWS_TYPE_REFUSED,          /* `typ` other than JWT or at+jwt */
    JWS_BAD_SIGNATURE,
    JWS_ISSUER_UNKNOWN,
    JWS_AUDIENCE_REFUSED,
    JWS_EXPIRED,
    JWS_NOT_YET_VALID, /* nbf, or iat in the future beyond the leeway */
    JWS_CLAIM_INVALID, /* a claim of the wrong type, exp absent, no subject, no team ... */
    JWS_INTERNAL,      /* out of memory, library failure: not the caller's fault */
    JWS_REASON_COUNT
};
const char *jws_reason_name(enum jws_reason reason);

/*
 * Takes a token apart, reads its header and decodes the rest; verifies nothing and does not look
 * into the payload. `*out` borrows from `token`. In this and the next two, `err` has the sentence
 * for the log; it never quotes signature or key.
 */
enum jws_reason jws_split(const char *token, size_t len, struct jws *out, struct error *err)
    __attribute__((warn_unused_result));

/* JWS_OK when the header names the key's algorithm and the signature is the key's. */
enum jws_reason jws_verify(const struct jws *jws, const struct jwk *key, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Parses the payload, a JSON object, which the caller owns on JWS_OK. Only for a token that
 * jws_verify found good. Says nothing about claims.
 */
enum jws_reason jws_parse_payload(const struct jws *jws, json_t **payload, struct error *err)
    __attribute__((warn_unused_result));

#endif
