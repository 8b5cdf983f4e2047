/* From the bytes of a token to who is calling: team, subject, scopes. */
#ifndef LOOKOUT_AUTH_PRINCIPAL_H
#define LOOKOUT_AUTH_PRINCIPAL_H

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
#define PRINCIPAL_MAX_TEAM    64  /* bytes of a team's name */
#define PRINCIPAL_MAX_SUBJECT 256

struct principal {
    char subject[PRINCIPAL_MAX_SUBJECT + 1];
    char teams[PRINCIPAL_MAX_TEAMS][PRINCIPAL_MAX_TEAM + 1];
    size_t team_count; /* at least 1, but for an administrator, who may have none */
    unsigned scopes;   /* of enum scope; unknown scopes are ignored, as RFC 6749 section 3.3 means them */
    char issuer[256];
    int64_t expires_wall_ms;
};

bool principal_has_scope(const struct principal *principal, enum scope scope);
bool principal_in_team(const struct principal *principal, const char *team);

/* One issuer. All strings are copied. A claim path has its members separated by '.', such as
 * "resource_access.lookout.team"; a first part with dots of its own ("https://corp.example/team")
 * is found too: the longest member name that exists wins. */
struct issuer_settings {
    const char *issuer;           /* exact value of `iss` */
    const char *const *audiences; /* one of them must be in `aud`; at least one */
    size_t audience_count;
    const char *team_claim;    /* string or array of strings; default "team" */
    const char *subject_claim; /* default "sub" */
    const char *scope_claim;   /* space-separated string or array; default "scope" */
    int64_t leeway_seconds;    /* for exp, nbf, iat; 0 to 300 */
    int64_t max_lifetime_seconds; /* refuse tokens with exp - iat above it; 0 = no bound */
};

/*
 * All issuers with their keys: immutable, reference-counted; a reload swaps the whole. Tokens are
 * sorted to their issuer by the unverified `iss` only to choose the key set; after verification `iss`
 * is checked again on the verified payload. A token without `iss`, or of an unknown one, is refused.
 */
struct authority;
int authority_create(struct authority **out, struct error *err)
    __attribute__((warn_unused_result));
/* Takes ownership of `keys` in any case. */
int authority_add_issuer(struct authority *authority, const struct issuer_settings *settings,
                         struct jwks *keys, struct error *err)
    __attribute__((warn_unused_result));
struct authority *authority_ref(struct authority *authority);
void authority_unref(struct authority **authority);

/*
 * The bounded cache of verified tokens, keyed by SHA-256 of the token; an entry lives until the
 * token's exp or 60 s, whichever is sooner. Failures are not cached. Entries belong to one authority:
 * those of another are not found. Any thread.
 */
struct token_cache;
int token_cache_create(size_t max_entries, const struct clock *clock, struct token_cache **out,
                       struct error *err) __attribute__((warn_unused_result));
void token_cache_free(struct token_cache **cache);

/*
 * Verifies a token and fills `*out`. `cache` may be NULL. On a refusal `err` has one sentence for the
 * log that names the claim, what was seen and expected, and never the token or a key.
 */
enum jws_reason authority_authenticate(const struct authority *authority,
                                       struct token_cache *cache, const struct clock *clock,
                                       const char *token, size_t len, struct principal *out,
                                       struct error *err) __attribute__((warn_unused_result));

#endif
