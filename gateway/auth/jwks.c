/* Key sets: a small array, searched from its start; an issuer has a handful of keys. */
#include "gateway/auth/jwks.h"
#include "gateway/base/crypto.h"
#include "policy/strict_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define JWKS_MAX_DEPTH                                                                             \
    8 /* a set, its array, a key, an array in it; the rest is room for extensions */

struct jwks {
    struct jwk *keys[JWKS_MAX_KEYS];
    size_t count;
};

int jwks_create(struct jwks **out, struct error *err)
{
    struct jwks *set = calloc(1, sizeof(*set));

    if (set == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for a key set");
    *out = set;
    return 0;
}

void jwks_free(struct jwks **set)
{
    if (*set == NULL)
        return;
    for (size_t i = 0; i < (*set)->count; i++)
        jwk_free(&(*set)->keys[i]);
    free(*set);
    *set = NULL;
}

size_t jwks_count(const struct jwks *set)
{
    return set->count;
}

const struct jwk *jwks_find(const struct jwks *set, const char *kid)
{
    if (kid == NULL)
        return set->count == 1 ? set->keys[0] : NULL;
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(jwk_kid(set->keys[i]), kid) == 0)
            return set->keys[i];
    }
    return NULL;
}

int jwks_add(struct jwks *set, struct jwk *key, struct error *err)
{
    if (set->count == JWKS_MAX_KEYS)
        return error_set(err, ERROR_INVALID, "saw more than %d keys in one set", JWKS_MAX_KEYS);
    if (jwks_find(set, jwk_kid(key)) != NULL)
        return error_set(err, ERROR_INVALID, "saw the kid \"%s\" twice in one set", jwk_kid(key));
    set->keys[set->count++] = key;
    return 0;
}

static int add_member(struct jwks *set, const json_t *json,
                      const enum jws_algorithm *default_algorithm, struct error *err)
{
    struct jwk *key = NULL;
    int rc = jwk_from_json(json, default_algorithm, &key, err);

    if (rc == ERROR_REFUSED)
        return 0; /* not for us: RFC 7517 section 5 says to pass over it */
    if (rc == 0)
        rc = jwks_add(set, key, err);
    if (rc != 0)
        jwk_free(&key);
    return rc;
}

static int add_members(struct jwks *set, const json_t *document,
                       const enum jws_algorithm *default_algorithm, struct error *err)
{
    json_t *keys = NULL;
    json_t *json;
    size_t before = set->count;
    size_t i;
    int rc = strict_json_container(document, "", "keys", true, JSON_ARRAY, &keys, err);

    if (rc != 0)
        return rc;
    json_array_foreach(keys, i, json)
    {
        rc = add_member(set, json, default_algorithm, err);
        if (rc != 0) {
            error_prefix(err, "key %zu of the set", i + 1);
            return rc;
        }
    }
    if (set->count == before)
        return error_set_at(err, ERROR_INVALID, "/keys",
                            "saw %zu keys and none that can verify a signature: expected at least "
                            "one of kty RSA, EC, OKP or oct with use \"sig\"",
                            json_array_size(keys));
    return 0;
}

/*
 * jansson frees without wiping, so the shared secrets go first; what its lexer leaves behind is out
 * of reach. The document is ours alone.
 */
static void wipe_secrets(const json_t *document)
{
    const json_t *keys = json_object_get(document, "keys");
    const json_t *json;
    size_t i;

    json_array_foreach(keys, i, json)
    {
        const json_t *secret = json_object_get(json, "k");

        if (json_is_string(secret))
            crypto_wipe((void *)(uintptr_t)json_string_value(secret), json_string_length(secret));
    }
}

/* The parser quotes the word it stumbled over, which in a key set may be a secret. */
static void drop_quotation(struct error *err)
{
    char *quotation = err != NULL ? strstr(err->message, " near '") : NULL;

    if (quotation != NULL)
        *quotation = '\0';
}

int jwks_add_document(struct jwks *set, const char *text, size_t len,
                      const enum jws_algorithm *default_algorithm, struct error *err)
{
    const struct json_limits limits = {.max_bytes = JWKS_MAX_BYTES, .max_depth = JWKS_MAX_DEPTH};
    json_t *document = NULL;
    int rc = strict_json_parse(text, len, &limits, &document, err);

    if (rc != 0) {
        drop_quotation(err);
        return rc;
    }
    if (json_is_object(document))
        rc = add_members(set, document, default_algorithm, err);
    else
        rc = error_set(err, ERROR_INVALID, "a JWKS must be an object with the member \"keys\"");
    wipe_secrets(document);
    json_decref(document);
    return rc;
}
