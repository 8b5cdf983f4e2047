/* Compact JWS: the strict split, the header, the signature and the payload, in this order. */
#include "gateway/auth/jws.h"
#include "gateway/base/crypto.h"
#include "policy/strict_json.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define ALGORITHM_MAX_LEN 64
#define TYPE_MAX_LEN      64
#define MEDIA_TYPE_PREFIX "application/"

/* The three parts as they stand in the token. */
struct parts {
    const char *header, *payload, *signature;
    size_t header_len, payload_len, signature_len;
};

const char *jws_reason_name(enum jws_reason reason)
{
    static const char *const names[] = {
        [JWS_OK] = "ok",
        [JWS_MALFORMED] = "malformed",
        [JWS_ALGORITHM_UNSUPPORTED] = "algorithm_unsupported",
        [JWS_ALGORITHM_MISMATCH] = "algorithm_mismatch",
        [JWS_KEY_UNKNOWN] = "key_unknown",
        [JWS_CRITICAL_HEADER] = "critical_header",
        [JWS_TYPE_REFUSED] = "type_refused",
        [JWS_BAD_SIGNATURE] = "bad_signature",
        [JWS_ISSUER_UNKNOWN] = "issuer_unknown",
        [JWS_AUDIENCE_REFUSED] = "audience_refused",
        [JWS_EXPIRED] = "expired",
        [JWS_NOT_YET_VALID] = "not_yet_valid",
        [JWS_CLAIM_INVALID] = "claim_invalid",
        [JWS_INTERNAL] = "internal",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == JWS_REASON_COUNT, "a name for each");

    assert((size_t)reason < JWS_REASON_COUNT);
    return names[reason];
}

/* Of a failed parse or read: the caller's fault or ours. */
static enum jws_reason reason_of(int rc)
{
    return rc == ERROR_INVALID ? JWS_MALFORMED : JWS_INTERNAL;
}

static enum jws_reason find_parts(const char *token, size_t len, struct parts *out,
                                  struct error *err)
{
    const char *first, *second;

    if (len > JWS_MAX_TOKEN) {
        error_set(err, ERROR_INVALID, "saw a token of %zu bytes, expected at most %d", len,
                  JWS_MAX_TOKEN);
        return JWS_MALFORMED;
    }
    first = memchr(token, '.', len);
    second = first != NULL ? memchr(first + 1, '.', len - (size_t)(first + 1 - token)) : NULL;
    if (second == NULL) {
        error_set(err, ERROR_INVALID, "saw a token of less than three parts with dots between");
        return JWS_MALFORMED;
    }
    out->header = token;
    out->header_len = (size_t)(first - token);
    out->payload = first + 1;
    out->payload_len = (size_t)(second - out->payload);
    out->signature = second + 1;
    out->signature_len = len - (size_t)(out->signature - token);
    return JWS_OK;
}

/* RFC 7515 section 4.1.9: a media type, whose "application/" may be left out; case plays no part.
 */
static bool type_is_known(const char *type)
{
    const size_t prefix_len = strlen(MEDIA_TYPE_PREFIX);

    if (strncasecmp(type, MEDIA_TYPE_PREFIX, prefix_len) == 0)
        type += prefix_len;
    return strcasecmp(type, "JWT") == 0 || strcasecmp(type, "at+jwt") == 0;
}

static enum jws_reason read_kid(const json_t *header, struct jws_header *out, struct error *err)
{
    const char *kid = NULL;
    int rc = strict_json_string(header, "", "kid", false, 1, JWK_MAX_KID, &kid, err);

    if (rc != 0)
        return reason_of(rc);
    out->kid[0] = '\0';
    if (kid != NULL)
        memcpy(out->kid, kid, strlen(kid) + 1);
    return JWS_OK;
}

/* Members that we don't know are ignored, as RFC 7515 section 4 asks; those under `crit` can't be.
 */
static enum jws_reason read_members(const json_t *header, struct jws_header *out, struct error *err)
{
    const char *algorithm = NULL;
    const char *type = NULL;
    int rc;

    if (json_object_get(header, "crit") != NULL || json_object_get(header, "b64") != NULL) {
        error_set(err, ERROR_REFUSED,
                  "saw a header with `crit' or `b64', which ask for extensions that we don't have");
        return JWS_CRITICAL_HEADER;
    }
    rc = strict_json_string(header, "", "alg", true, 1, ALGORITHM_MAX_LEN, &algorithm, err);
    if (rc == 0)
        rc = strict_json_string(header, "", "typ", false, 0, TYPE_MAX_LEN, &type, err);
    if (rc != 0)
        return reason_of(rc);
    if (!jws_algorithm_parse(algorithm, &out->algorithm)) {
        error_set(err, ERROR_REFUSED, "saw the alg \"%s\", which we don't accept", algorithm);
        return JWS_ALGORITHM_UNSUPPORTED;
    }
    if (type != NULL && !type_is_known(type)) {
        error_set(err, ERROR_REFUSED, "saw the typ \"%s\", expected JWT, at+jwt or none", type);
        return JWS_TYPE_REFUSED;
    }
    return read_kid(header, out, err);
}

/* Decodes and parses a JSON object: depth and duplicates are checked by the strict parser. */
static enum jws_reason parse_object(const char *text, size_t len, size_t max_bytes, json_t **out,
                                    struct error *err)
{
    const struct json_limits limits = {.max_bytes = max_bytes, .max_depth = JWS_MAX_DEPTH};
    int rc = strict_json_parse(text, len, &limits, out, err);

    if (rc != 0)
        return reason_of(rc);
    if (json_is_object(*out))
        return JWS_OK;
    json_decref(*out);
    *out = NULL;
    error_set(err, ERROR_INVALID, "saw JSON that is not an object");
    return JWS_MALFORMED;
}

static enum jws_reason read_header(const struct parts *parts, struct jws_header *out,
                                   struct error *err)
{
    unsigned char text[JWS_DECODED_SIZE(4 * JWS_MAX_HEADER / 3 + 4)];
    json_t *header = NULL;
    enum jws_reason reason;
    long len = -1;

    if (parts->header_len > 4 * JWS_MAX_HEADER / 3 + 3) {
        error_set(err, ERROR_INVALID, "saw more than %d bytes", JWS_MAX_HEADER);
        return JWS_MALFORMED;
    }
    len = crypto_base64url_decode(parts->header, parts->header_len, text);
    if (len < 0) {
        error_set(err, ERROR_INVALID, "saw text that is not canonical base64url");
        return JWS_MALFORMED;
    }
    reason = parse_object((const char *)text, (size_t)len, JWS_MAX_HEADER, &header, err);
    if (reason == JWS_OK)
        reason = read_members(header, out, err);
    json_decref(header);
    return reason;
}

enum jws_reason jws_split(const char *token, size_t len, struct jws *out, struct error *err)
{
    struct parts parts;
    enum jws_reason reason = find_parts(token, len, &parts, err);
    long payload_len, signature_len;

    if (reason != JWS_OK)
        return reason;
    reason = read_header(&parts, &out->header, err);
    if (reason != JWS_OK) {
        error_prefix(err, "header");
        return reason;
    }
    if (parts.signature_len > 4 * JWK_MAX_SIGNATURE / 3 + 3) {
        error_set(err, ERROR_REFUSED, "saw a signature longer than any key makes");
        return JWS_BAD_SIGNATURE;
    }
    payload_len = crypto_base64url_decode(parts.payload, parts.payload_len, out->payload);
    signature_len = crypto_base64url_decode(parts.signature, parts.signature_len, out->signature);
    if (payload_len < 0 || signature_len < 0) {
        error_set(err, ERROR_INVALID, "%s: saw text that is not canonical base64url",
                  payload_len < 0 ? "payload" : "signature");
        return JWS_MALFORMED;
    }
    out->signed_text = token;
    out->signed_len = parts.header_len + 1 + parts.payload_len;
    out->payload_len = (size_t)payload_len;
    out->signature_len = (size_t)signature_len;
    return JWS_OK;
}

enum jws_reason jws_verify(const struct jws *jws, const struct jwk *key, struct error *err)
{
    int rc;

    if (jws->header.algorithm != jwk_algorithm(key)) {
        error_set(err, ERROR_REFUSED, "saw the alg %s, key %s is pinned to %s",
                  jws_algorithm_name(jws->header.algorithm), jwk_kid(key),
                  jws_algorithm_name(jwk_algorithm(key)));
        return JWS_ALGORITHM_MISMATCH;
    }
    rc =
        jwk_verify(key, jws->signed_text, jws->signed_len, jws->signature, jws->signature_len, err);
    if (rc == 0)
        return JWS_OK;
    return rc == ERROR_REFUSED ? JWS_BAD_SIGNATURE : JWS_INTERNAL;
}

enum jws_reason jws_parse_payload(const struct jws *jws, json_t **payload, struct error *err)
{
    enum jws_reason reason =
        parse_object((const char *)jws->payload, jws->payload_len, JWS_MAX_TOKEN, payload, err);

    if (reason != JWS_OK)
        error_prefix(err, "payload");
    return reason;
}
