/*
 * A compact JWS (RFC 7515) taken apart strictly and verified before anything in it is believed:
 * split -> header -> key by kid, which pins the algorithm -> signature -> and only then the payload.
 */
#ifndef LOOKOUT_AUTH_JWS_H
#define LOOKOUT_AUTH_JWS_H

#include "gateway/auth/jwks.h"

#define JWS_MAX_TOKEN  (14 * 1024)
#define JWS_MAX_HEADER 2048 /* of the decoded header */
#define JWS_MAX_DEPTH  8    /* of header and payload */
#define JWS_MAX_KID    256

struct jws_header {
    enum jws_algorithm algorithm;
    char kid[JWS_MAX_KID + 1]; /* "" where absent */
};

/*
 * Why a token was refused: for the log and the metrics, never for the answer beyond what RFC 6750
 * says (an attacker learns nothing about keys). Stable names by jws_reason_name, like "bad_signature".
 */
enum jws_reason {
    JWS_OK = 0,
    JWS_MALFORMED,             /* not three base64url parts, too long, not JSON, too deep, duplicates */
    JWS_ALGORITHM_UNSUPPORTED, /* "none" and every name that we don't know */
    JWS_ALGORITHM_MISMATCH,    /* not the one that the key is pinned to */
    JWS_KEY_UNKNOWN,           /* no such kid, or none given and not exactly one key */
    JWS_CRITICAL_HEADER,       /* `crit`, or `b64`: extensions that we don't implement */
    JWS_TYPE_REFUSED,          /* `typ` other than JWT or at+jwt */
    JWS_BAD_SIGNATURE,
    JWS_ISSUER_UNKNOWN,
    JWS_AUDIENCE_REFUSED,
    JWS_EXPIRED,
    JWS_NOT_YET_VALID,         /* nbf, or iat in the future beyond the leeway */
    JWS_CLAIM_INVALID,         /* a claim of the wrong type, exp absent, no subject, no team ... */
    JWS_INTERNAL,              /* out of memory, library failure: not the caller's fault */
    JWS_REASON_COUNT
};
const char *jws_reason_name(enum jws_reason reason);

/*
 * Reads the header of a token, verifies nothing. For choosing the issuer's key set. `err` has the
 * sentence for the log.
 */
enum jws_reason jws_read_header(const char *token, size_t len, struct jws_header *out,
                                struct error *err) __attribute__((warn_unused_result));

/*
 * Verifies against a key set and parses the payload; `*payload` is owned by the caller on JWS_OK.
 * Says nothing about claims.
 */
enum jws_reason jws_verify(const char *token, size_t len, const struct jwks *keys,
                           json_t **payload, struct error *err)
    __attribute__((warn_unused_result));

#endif
