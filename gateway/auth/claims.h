/* The claims of a verified payload, checked against one issuer's settings, as a principal. */
#ifndef LOOKOUT_AUTH_CLAIMS_H
#define LOOKOUT_AUTH_CLAIMS_H

#include "gateway/auth/principal.h"

/* 9999-12-31T23:59:59Z. A larger date is a mistake, most often milliseconds. */
#define CLAIMS_MAX_DATE_SECONDS INT64_C(253402300799)

/*
 * The value at a claim path (see struct issuer_settings), or NULL. Borrowed from `payload`. A path
 * longer than AUTHORITY_MAX_CLAIM is not found.
 */
const json_t *claims_find(const json_t *payload, const char *path);

/*
 * Everything but `iss`, which the authority has matched: aud, exp, nbf, iat, then subject, scopes
 * and teams. Fills `*out` without `issuer`. The claim paths in `settings` must not be NULL.
 */
enum jws_reason claims_check(const json_t *payload, const struct issuer_settings *settings,
                             int64_t now_wall_ms, struct principal *out, struct error *err)
    __attribute__((warn_unused_result));

#endif
