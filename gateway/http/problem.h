/*
 * The problem types of RFC 9457 that this server answers with. A type's name is a promise: clients
 * branch on it. This table drives the code; PROBLEMS.md documents each with an example, and a test
 * compares the two.
 */
#ifndef LOOKOUT_HTTP_PROBLEM_H
#define LOOKOUT_HTTP_PROBLEM_H

/* X(constant, name, status, title). The type's URI is the relative reference "/problems/<name>". */
#define PROBLEM_TYPES(X)                                                                           \
    X(MALFORMED_REQUEST, "malformed-request", 400, "The request is not well-formed HTTP")          \
    X(INVALID_TARGET, "invalid-target", 400, "The request's path or query is not valid")           \
    X(INVALID_PARAMETER, "invalid-parameter", 400, "A parameter or header is not valid")           \
    X(INVALID_BODY, "invalid-body", 400, "The body is not what this route expects")                \
    X(RESULT_TOO_LARGE, "result-too-large", 400, "The answer would be too large")                  \
    X(KEYS_DIFFER, "idempotency-keys-differ", 400, "The request names two idempotency keys")       \
    X(TEAM_REQUIRED, "team-required", 400, "The request must say for which team it is")            \
    X(UNAUTHENTICATED, "unauthenticated", 401, "A token is needed")                                \
    X(INVALID_TOKEN, "invalid-token", 401, "The token is not accepted")                            \
    X(INSUFFICIENT_SCOPE, "insufficient-scope", 403, "The token does not allow this")              \
    X(TEAM_FORBIDDEN, "team-forbidden", 403, "The token does not name this team")                  \
    X(QUOTA_NEVER_FITS, "quota-never-fits", 403, "The policy can never admit this")                \
    X(NOT_FOUND, "not-found", 404, "There is nothing here")                                        \
    X(UNKNOWN_MODEL, "unknown-model", 404, "The service knows no such model")                      \
    X(MODEL_NOT_HELD, "model-not-held", 404, "No reservation of yours holds this model")           \
    X(METHOD_NOT_ALLOWED, "method-not-allowed", 405, "The method is not allowed here")             \
    X(REQUEST_TIMEOUT, "request-timeout", 408, "The request did not arrive in time")               \
    X(MODEL_HELD, "model-held", 409, "The model is held already")                                  \
    X(MODEL_NOT_ACTIVE, "model-not-active", 409, "The model's lease can't be changed now")         \
    X(NEEDS_FORCE, "needs-force", 409, "What is asked for may cost money that nobody counts")      \
    X(NOT_APPLICABLE, "not-applicable", 409, "What is there is not what this is for")              \
    X(LENGTH_REQUIRED, "length-required", 411, "The body needs a Content-Length")                  \
    X(BODY_TOO_LARGE, "body-too-large", 413, "The body is too large")                              \
    X(TARGET_TOO_LONG, "target-too-long", 414, "The request's path or query is too long")          \
    X(UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", 415, "The body's type is not supported")   \
    X(EXPECTATION_FAILED, "expectation-failed", 417, "The expectation can't be met")               \
    X(KEY_REUSED, "idempotency-key-reused", 422, "The key was used for another request")           \
    X(QUOTA_EXCEEDED, "quota-exceeded", 429, "The policy does not admit this now")                 \
    X(MODEL_FENCED, "model-fenced", 429, "The fate of a stop of this model is not known yet")      \
    X(HEAD_TOO_LARGE, "head-too-large", 431, "The request's head is too large")                    \
    X(INTERNAL_ERROR, "internal-error", 500, "The gateway failed")                                 \
    X(UPSTREAM_REFUSED, "upstream-refused", 502, "The service refused the call")                   \
    X(UPSTREAM_UNAVAILABLE, "upstream-unavailable", 503, "The service could not be asked")         \
    X(NOT_SENT, "not-sent", 503, "The call was not sent; nothing is held")                         \
    X(UNAVAILABLE, "unavailable", 503, "The gateway can't do this now; nothing was done")          \
    X(STARTS_FROZEN, "starts-frozen", 503, "An administrator has frozen starts")                   \
    X(SHUTTING_DOWN, "shutting-down", 503, "The gateway is leaving; nothing was done")             \
    X(UNCERTAIN, "uncertain", 504, "It is not known whether the call took effect")                 \
    X(VERSION_NOT_SUPPORTED, "version-not-supported", 505, "The version of HTTP is not supported")

enum problem_type {
    PROBLEM_NONE, /* no problem: for functions that return one */
#define PROBLEM_ENUM(constant, name, status, title) PROBLEM_##constant,
    PROBLEM_TYPES(PROBLEM_ENUM)
#undef PROBLEM_ENUM
        PROBLEM_TYPE_COUNT
};

struct problem_info {
    const char *name; /* "quota-exceeded" */
    int status;       /* HTTP's; upstream-refused alone is also answered with others */
    const char *title;
};

/* `type` is one of the table. */
const struct problem_info *problem_info(enum problem_type type);

#endif
