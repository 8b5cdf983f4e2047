/* Issuers, and the way of a token: cache, split, candidates' keys, payload, issuer, claims. */
#include "gateway/auth/principal.h"
#include "gateway/auth/claims.h"
#include "gateway/auth/token_cache.h"
#include "gateway/base/crypto.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The copy of one issuer's settings: `settings` points into `texts`. */
struct issuer {
    struct issuer_settings settings;
    const char *audiences[AUTHORITY_MAX_AUDIENCES];
    char *texts[AUTHORITY_MAX_AUDIENCES + 4];
    size_t text_count;
    struct jwks *keys;
};

struct authority {
    atomic_int references;
    uint64_t number; /* random, so that no two of a process share cached tokens */
    size_t issuer_count;
    struct issuer *issuers[AUTHORITY_MAX_ISSUERS];
};

/* --- principals ---------------------------------------------------------------------------- */

const char *scope_name(enum scope scope)
{
    switch (scope) {
    case SCOPE_MODELS_START:
        return "models:start";
    case SCOPE_MODELS_STOP:
        return "models:stop";
    case SCOPE_MODELS_READ:
        return "models:read";
    case SCOPE_MODELS_DETECT:
        return "models:detect";
    case SCOPE_GATEWAY_ADMIN:
        return "gateway:admin";
    }
    return NULL;
}

bool principal_has_scope(const struct principal *principal, enum scope scope)
{
    return (principal->scopes & ((unsigned)scope | SCOPE_GATEWAY_ADMIN)) != 0;
}

bool principal_in_team(const struct principal *principal, const char *team)
{
    for (size_t i = 0; i < principal->team_count; i++) {
        if (strcmp(principal->teams[i], team) == 0)
            return true;
    }
    return false;
}

/* --- issuers ------------------------------------------------------------------------------- */

static void issuer_free(struct issuer **issuer)
{
    if (*issuer == NULL)
        return;
    for (size_t i = 0; i < (*issuer)->text_count; i++)
        free((*issuer)->texts[i]);
    jwks_free(&(*issuer)->keys);
    free(*issuer);
    *issuer = NULL;
}

static int check_text(const char *what, const char *text, size_t max, struct error *err)
{
    const size_t len = text != NULL ? strlen(text) : 0;

    if (len == 0 || len > max)
        return error_set(err, ERROR_INVALID, "saw %zu bytes for the %s, expected 1 to %zu", len,
                         what, max);
    return 0;
}

static int check_numbers(const struct issuer_settings *settings, struct error *err)
{
    if (settings->audience_count == 0 || settings->audience_count > AUTHORITY_MAX_AUDIENCES)
        return error_set(err, ERROR_INVALID, "saw %zu audiences, expected 1 to %d",
                         settings->audience_count, AUTHORITY_MAX_AUDIENCES);
    if (settings->leeway_seconds < 0 || settings->leeway_seconds > AUTHORITY_MAX_LEEWAY_SECONDS)
        return error_set(err, ERROR_INVALID, "saw a leeway of %lld s, expected 0 to %d",
                         (long long)settings->leeway_seconds, AUTHORITY_MAX_LEEWAY_SECONDS);
    if (settings->max_lifetime_seconds < 0)
        return error_set(err, ERROR_INVALID, "saw a longest lifetime below 0 s");
    return 0;
}

static int copy_text(struct issuer *issuer, const char *what, const char *text, size_t max,
                     const char **out, struct error *err)
{
    int rc = check_text(what, text, max, err);
    char *copy;

    if (rc != 0)
        return rc;
    copy = strdup(text);
    if (copy == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for an issuer");
    issuer->texts[issuer->text_count++] = copy;
    *out = copy;
    return 0;
}

static int copy_claim(struct issuer *issuer, const char *what, const char *path,
                      const char *fallback, const char **out, struct error *err)
{
    return copy_text(issuer, what, path != NULL ? path : fallback, AUTHORITY_MAX_CLAIM, out, err);
}

static int copy_settings(struct issuer *issuer, const struct issuer_settings *from,
                         struct error *err)
{
    struct issuer_settings *to = &issuer->settings;
    int rc = check_numbers(from, err);

    if (rc != 0)
        return rc;
    *to = *from;
    to->audiences = issuer->audiences;
    rc = copy_text(issuer, "issuer", from->issuer, PRINCIPAL_MAX_ISSUER, &to->issuer, err);
    if (rc == 0)
        rc = copy_claim(issuer, "team claim", from->team_claim, "team", &to->team_claim, err);
    if (rc == 0)
        rc = copy_claim(issuer, "subject claim", from->subject_claim, "sub", &to->subject_claim,
                        err);
    if (rc == 0)
        rc = copy_claim(issuer, "scope claim", from->scope_claim, "scope", &to->scope_claim, err);
    for (size_t i = 0; i < from->audience_count && rc == 0; i++)
        rc = copy_text(issuer, "audience", from->audiences[i], AUTHORITY_MAX_AUDIENCE,
                       &issuer->audiences[i], err);
    return rc;
}

static const struct issuer *find_issuer(const struct authority *authority, const char *name)
{
    for (size_t i = 0; i < authority->issuer_count; i++) {
        if (strcmp(authority->issuers[i]->settings.issuer, name) == 0)
            return authority->issuers[i];
    }
    return NULL;
}

static int check_issuer(const struct authority *authority, const struct issuer *issuer,
                        struct error *err)
{
    if (find_issuer(authority, issuer->settings.issuer) != NULL)
        return error_set(err, ERROR_INVALID, "saw the issuer \"%s\" twice",
                         issuer->settings.issuer);
    if (jwks_count(issuer->keys) == 0)
        return error_set(err, ERROR_INVALID, "issuer \"%s\" has no key", issuer->settings.issuer);
    if (authority->issuer_count == AUTHORITY_MAX_ISSUERS)
        return error_set(err, ERROR_INVALID, "saw more than %d issuers", AUTHORITY_MAX_ISSUERS);
    return 0;
}

int authority_add_issuer(struct authority *authority, const struct issuer_settings *settings,
                         struct jwks *keys, struct error *err)
{
    struct issuer *issuer = calloc(1, sizeof(*issuer));
    int rc;

    if (issuer == NULL) {
        jwks_free(&keys);
        return error_set(err, ERROR_NOMEM, "out of memory for an issuer");
    }
    issuer->keys = keys;
    rc = copy_settings(issuer, settings, err);
    if (rc == 0)
        rc = check_issuer(authority, issuer, err);
    if (rc != 0) {
        issuer_free(&issuer);
        return rc;
    }
    authority->issuers[authority->issuer_count++] = issuer;
    return 0;
}

int authority_create(struct authority **out, struct error *err)
{
    struct authority *authority = calloc(1, sizeof(*authority));

    if (authority == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the issuers");
    if (crypto_random(&authority->number, sizeof(authority->number)) != 0) {
        free(authority);
        return error_set(err, ERROR_IO, "the system has no random numbers to give");
    }
    atomic_init(&authority->references, 1);
    *out = authority;
    return 0;
}

struct authority *authority_ref(struct authority *authority)
{
    atomic_fetch_add_explicit(&authority->references, 1, memory_order_relaxed);
    return authority;
}

void authority_unref(struct authority **authority)
{
    struct authority *old = *authority;

    *authority = NULL;
    if (old == NULL || atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < old->issuer_count; i++)
        issuer_free(&old->issuers[i]);
    free(old);
}

/* --- the way of a token -------------------------------------------------------------------- */

/* Is the token signed by the key that this issuer holds under the header's `kid`? */
static enum jws_reason verify_by(const struct issuer *issuer, const struct jws *jws,
                                 struct error *err)
{
    const char *kid = jws->header.kid;
    const struct jwk *key = jwks_find(issuer->keys, kid[0] != '\0' ? kid : NULL);

    if (key != NULL)
        return jws_verify(jws, key, err);
    error_set(err, ERROR_REFUSED, "saw the kid \"%s\", which no issuer has", kid);
    return JWS_KEY_UNKNOWN;
}

/* How far a token came with an issuer's key; the refusal of the one that it came furthest with
 * counts. */
static int progress(enum jws_reason reason)
{
    if (reason == JWS_KEY_UNKNOWN)
        return 0;
    return reason == JWS_ALGORITHM_MISMATCH ? 1 : 2;
}

/* Tries every issuer's key; `*out` is the first whose key verifies the token. */
static enum jws_reason find_verifier(const struct authority *authority, const struct jws *jws,
                                     const struct issuer **out, struct error *err)
{
    enum jws_reason furthest = JWS_KEY_UNKNOWN;

    if (authority->issuer_count == 0)
        error_set(err, ERROR_REFUSED, "no issuer is configured");
    for (size_t i = 0; i < authority->issuer_count; i++) {
        struct error seen = {.code = 0};
        enum jws_reason reason = verify_by(authority->issuers[i], jws, &seen);

        if (reason == JWS_OK) {
            *out = authority->issuers[i];
            return JWS_OK;
        }
        if (reason == JWS_INTERNAL || progress(reason) >= progress(furthest)) {
            furthest = reason;
            if (err != NULL)
                *err = seen;
        }
        if (reason == JWS_INTERNAL)
            break;
    }
    return furthest;
}

/*
 * `iss` must name the issuer whose key verified the token. Where several issuers hold the same key
 * (tenants of one provider), it is the named one's own key that counts.
 */
static enum jws_reason match_issuer(const struct authority *authority, const struct jws *jws,
                                    const json_t *payload, const struct issuer **issuer,
                                    struct error *err)
{
    const json_t *value = json_object_get(payload, "iss");
    const struct issuer *named;

    if (!json_is_string(value)) {
        error_set(err, ERROR_REFUSED, "saw %s claim iss, expected a string",
                  value == NULL ? "no" : "a wrong type in");
        return value == NULL ? JWS_ISSUER_UNKNOWN : JWS_CLAIM_INVALID;
    }
    named = find_issuer(authority, json_string_value(value));
    if (named == *issuer)
        return JWS_OK;
    if (named == NULL || verify_by(named, jws, NULL) != JWS_OK) {
        error_set(err, ERROR_REFUSED, "saw iss \"%s\", but the key is that of \"%s\"",
                  json_string_value(value), (*issuer)->settings.issuer);
        return JWS_ISSUER_UNKNOWN;
    }
    *issuer = named;
    return JWS_OK;
}

static enum jws_reason check_payload(const struct authority *authority, const struct clock *clock,
                                     const struct jws *jws, const struct issuer *verifier,
                                     struct principal *out, struct error *err)
{
    const struct issuer *issuer = verifier;
    json_t *payload = NULL;
    enum jws_reason reason = jws_parse_payload(jws, &payload, err);

    if (reason == JWS_OK)
        reason = match_issuer(authority, jws, payload, &issuer, err);
    if (reason == JWS_OK)
        reason = claims_check(payload, &issuer->settings, clock_wall_ms(clock), out, err);
    if (reason == JWS_OK)
        memcpy(out->issuer, issuer->settings.issuer, strlen(issuer->settings.issuer) + 1);
    json_decref(payload);
    return reason;
}

static enum jws_reason authenticate_anew(const struct authority *authority,
                                         const struct clock *clock, const char *token, size_t len,
                                         struct principal *out, struct error *err)
{
    struct jws jws;
    const struct issuer *verifier = NULL;
    enum jws_reason reason = jws_split(token, len, &jws, err);

    if (reason == JWS_OK)
        reason = find_verifier(authority, &jws, &verifier, err);
    if (reason == JWS_OK)
        reason = check_payload(authority, clock, &jws, verifier, out, err);
    return reason;
}

enum jws_reason authority_authenticate(const struct authority *authority, struct token_cache *cache,
                                       const struct clock *clock, const char *token, size_t len,
                                       struct principal *out, struct error *err)
{
    struct token_cache_key key;
    enum jws_reason reason;

    /* No longer token was ever cached: spare the hash of what may be megabytes. */
    if (cache == NULL || len > JWS_MAX_TOKEN)
        return authenticate_anew(authority, clock, token, len, out, err);
    if (token_cache_find(cache, authority->number, token, len, &key, out))
        return JWS_OK;
    reason = authenticate_anew(authority, clock, token, len, out, err);
    if (reason == JWS_OK)
        token_cache_put(cache, &key, out);
    return reason;
}
