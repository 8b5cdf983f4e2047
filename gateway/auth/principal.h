/* From the bytes of a token to who is calling: team, subject, scopes. */
#ifndef LOOKOUT_AUTH_PRINCIPAL_H
#define LOOKOUT_AUTH_PRINCIPAL_H

#include "gateway/auth/jwks.h"
#include "gateway/auth/jws.h"
#include "gateway/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scope {
    SCOPE_MODELS_START = 1 << 0,  /* models:start */
    SCOPE_MODELS_STOP = 1 << 1,   /* models:stop */
    SCOPE_MODELS_READ = 1 << 2,   /* models:read */
    SCOPE_MODELS_DETECT = 1 << 3, /* models:detect */
    SCOPE_GATEWAY_ADMIN = 1 << 4  /* gateway:admin: implies all others, and sees all teams */
};
/* "models:start", or NULL for a value that is not exactly one scope. */
const char *scope_name(enum scope scope);

#define PRINCIPAL_MAX_TEAMS   16
#define PRINCIPAL_MAX_TEAM    64 /* bytes of a team's name */
#define PRINCIPAL_MAX_SUBJECT 256
#define PRINCIPAL_MAX_ISSUER  255

struct principal {
    char subject[PRINCIPAL_MAX_SUBJECT + 1];
    char teams[PRINCIPAL_MAX_TEAMS][PRINCIPAL_MAX_TEAM + 1];
    /* At least 1, but for an administrator, who may have none; names with '_' in front, which are
     * the gateway's own, are left out. */
    size_t team_count;
    unsigned
        scopes; /* of enum scope; unknown scopes are ignored, as RFC 6749 section 3.3 means them */
    char issuer[PRINCIPAL_MAX_ISSUER + 1];
    int64_t expires_wall_ms;
};

bool principal_has_scope(const struct principal *principal, enum scope scope);
bool principal_in_team(const struct principal *principal, const char *team);

/*
 * One issuer. All strings are copied. A claim path has its members separated by '.', such as
 * "resource_access.lookout.team"; a member with dots of its own ("https://corp.example/team") is
 * found too: the longest member name that exists wins.
 */
struct issuer_settings {
    const char *issuer;           /* exact value of `iss` */
    const char *const *audiences; /* one of them must be in `aud`; at least one */
    size_t audience_count;
    const char *team_claim;       /* string or array of strings; NULL = "team" */
    const char *subject_claim;    /* NULL = "sub" */
    const char *scope_claim;      /* space-separated string or array; NULL = "scope" */
    int64_t leeway_seconds;       /* for exp, nbf, iat; 0 to 300 */
    int64_t max_lifetime_seconds; /* refuse tokens with exp - iat above it; 0 = no bound */
};

#define AUTHORITY_MAX_ISSUERS        16
#define AUTHORITY_MAX_AUDIENCES      16  /* of one issuer */
#define AUTHORITY_MAX_AUDIENCE       256 /* bytes */
#define AUTHORITY_MAX_CLAIM          256 /* bytes of a claim path */
#define AUTHORITY_MAX_LEEWAY_SECONDS 300

/*
 * All issuers with their keys: reference-counted, and immutable once it is shared; a reload swaps
 * the whole. Nothing of an unverified payload is read, not even `iss`: every issuer that holds the
 * `kid` of the header with the header's algorithm is a candidate, and only after a candidate's key
 * verified the token the payload is parsed. Its `iss` must then be exactly the name of an issuer
 * whose own key verified the token.
 */
struct authority;
int authority_create(struct authority **out, struct error *err) __attribute__((warn_unused_result));
/* Takes ownership of `keys` in any case. ERROR_INVALID for settings outside their bounds. */
int authority_add_issuer(struct authority *authority, const struct issuer_settings *settings,
                         struct jwks *keys, struct error *err) __attribute__((warn_unused_result));
struct authority *authority_ref(struct authority *authority);
void authority_unref(struct authority **authority); /* frees with the last reference */

struct token_cache; /* token_cache.h */

/*
 * Verifies a token and fills `*out`, which is undefined after a refusal. `cache` may be NULL; a
 * token that is found there costs no allocation. On a refusal `err` has one sentence for the log
 * that names the claim, what was seen and expected, and never the token or a key.
 */
enum jws_reason authority_authenticate(const struct authority *authority, struct token_cache *cache,
                                       const struct clock *clock, const char *token, size_t len,
                                       struct principal *out, struct error *err)
    __attribute__((warn_unused_result));

#endif
