/* Issuers of tokens: their settings from the configuration, their keys from files. */
#include "gateway/issuers.h"

#include "gateway/base/file.h"
#include "policy/strict_json.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_AUDIENCES 16
#define MAX_NAME      255
#define MAX_KEY_BYTES (16 * 1024)
#define MAX_LEEWAY    300
#define MAX_LIFETIME  (366LL * 24 * 3600)

/* Reads the file that a member names; relative to `folder`. */
static int read_named(const char *folder, const char *name, size_t max, char **out, size_t *len,
                      struct error *err)
{
    char path[PATH_MAX];
    int wrote = name[0] == '/' ? snprintf(path, sizeof(path), "%s", name)
                               : snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (wrote < 0 || (size_t)wrote >= sizeof(path))
        return error_set(err, ERROR_INVALID, "the path %.64s… is too long", name);
    return file_read(path, max, out, len, err);
}

static int read_algorithm(const json_t *object, const char *at, const char *member, bool required,
                          enum jws_algorithm *out, bool *present, struct error *err)
{
    char pointer[ERROR_POINTER_MAX];
    const char *name = NULL;
    int result = strict_json_string(object, at, member, required, 1, 16, &name, err);
    *present = name != NULL;
    if (result != 0 || name == NULL || jws_algorithm_parse(name, out))
        return result;
    strict_json_pointer(pointer, at, member);
    return error_set_at(err, ERROR_INVALID, pointer,
                        "%s: saw \"%s\", expected HS, RS, PS or ES with 256, 384 or 512, or EdDSA",
                        pointer, name);
}

/* A text file of a secret usually ends with a line end that does not belong to it. */
static size_t without_line_end(const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    return len;
}

static int add_key(struct jwks *keys, const json_t *object, const char *at, const char *folder,
                   struct error *err)
{
    static const char *const allowed[] = {"kid", "algorithm", "pem_file", "secret_file", NULL};
    const char *kid = NULL, *pem_file = NULL, *secret_file = NULL;
    enum jws_algorithm algorithm = JWS_HS256;
    bool present = false;
    struct jwk *key = NULL;
    char *text = NULL;
    size_t len = 0;

    int result = strict_json_only(object, at, allowed, err);
    if (result == 0)
        result = strict_json_string(object, at, "kid", true, 1, JWK_MAX_KID, &kid, err);
    if (result == 0)
        result = read_algorithm(object, at, "algorithm", true, &algorithm, &present, err);
    if (result == 0)
        result = strict_json_string(object, at, "pem_file", false, 1, PATH_MAX, &pem_file, err);
    if (result == 0)
        result =
            strict_json_string(object, at, "secret_file", false, 1, PATH_MAX, &secret_file, err);
    if (result != 0)
        return result;
    if ((pem_file == NULL) == (secret_file == NULL))
        return error_set_at(err, ERROR_INVALID, at, "%s: expected either pem_file or secret_file",
                            at);
    result = read_named(folder, pem_file != NULL ? pem_file : secret_file, MAX_KEY_BYTES, &text,
                        &len, err);
    if (result != 0)
        return result;
    result = pem_file != NULL
                 ? jwk_from_pem(kid, algorithm, text, len, &key, err)
                 : jwk_from_secret(kid, algorithm, text, without_line_end(text, len), &key, err);
    file_free(&text, len);
    if (result == 0)
        result = jwks_add(keys, key, err);
    if (result != 0) {
        error_prefix(err, "%s", at);
        jwk_free(&key);
    }
    return result;
}

static int add_jwks_file(struct jwks *keys, const json_t *issuer, const char *at,
                         const char *folder, struct error *err)
{
    const char *name = NULL;
    enum jws_algorithm algorithm = JWS_RS256;
    bool has_default = false;
    char *text = NULL;
    size_t len = 0;
    int result =
        read_algorithm(issuer, at, "default_algorithm", false, &algorithm, &has_default, err);
    if (result == 0)
        result = strict_json_string(issuer, at, "jwks_file", false, 1, PATH_MAX, &name, err);
    if (result != 0 || name == NULL)
        return result;
    result = read_named(folder, name, JWKS_MAX_BYTES, &text, &len, err);
    if (result != 0)
        return result;
    result = jwks_add_document(keys, text, len, has_default ? &algorithm : NULL, err);
    if (result != 0)
        error_prefix(err, "%s", name);
    file_free(&text, len);
    return result;
}

static int load_keys(const json_t *issuer, const char *at, const char *folder, struct jwks *keys,
                     struct error *err)
{
    char list_at[ERROR_POINTER_MAX], key_at[ERROR_POINTER_MAX], index[24];
    json_t *list = NULL;
    int result = add_jwks_file(keys, issuer, at, folder, err);
    if (result == 0)
        result = strict_json_container(issuer, at, "keys", false, JSON_ARRAY, &list, err);
    strict_json_pointer(list_at, at, "keys");
    for (size_t i = 0; result == 0 && i < json_array_size(list); i++) {
        (void)snprintf(index, sizeof(index), "%zu", i);
        strict_json_pointer(key_at, list_at, index);
        result = add_key(keys, json_array_get(list, i), key_at, folder, err);
    }
    if (result == 0 && jwks_count(keys) == 0)
        result = error_set_at(err, ERROR_INVALID, at,
                              "%s: there is no key: name a jwks_file or keys", at);
    return result;
}

/* `audience` is a string or an array of them. */
static int read_audiences(const json_t *issuer, const char *at, const char **out, size_t *count,
                          struct error *err)
{
    char pointer[ERROR_POINTER_MAX];
    const json_t *value = json_object_get(issuer, "audience");
    strict_json_pointer(pointer, at, "audience");
    *count = 0;
    if (json_is_string(value)) {
        out[(*count)++] = json_string_value(value);
    } else if (json_is_array(value) && json_array_size(value) <= MAX_AUDIENCES) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (!json_is_string(json_array_get(value, i)))
                return error_set_at(err, ERROR_INVALID, pointer, "%s: expected strings", pointer);
            out[(*count)++] = json_string_value(json_array_get(value, i));
        }
    }
    if (*count == 0)
        return error_set_at(err, ERROR_INVALID, pointer,
                            "%s: expected a string or an array of 1 to %d strings: the audience "
                            "that tokens for this gateway name",
                            pointer, MAX_AUDIENCES);
    return 0;
}

static int add_issuer(struct authority *authority, const json_t *object, const char *at,
                      const char *folder, struct error *err)
{
    static const char *const allowed[] = {"issuer",
                                          "audience",
                                          "jwks_file",
                                          "keys",
                                          "team_claim",
                                          "scope_claim",
                                          "leeway_seconds",
                                          "default_algorithm",
                                          "subject_claim",
                                          "max_lifetime_seconds",
                                          NULL};
    const char *audiences[MAX_AUDIENCES];
    struct issuer_settings settings = {
        .audiences = audiences,
        .team_claim = "team",
        .subject_claim = "sub",
        .scope_claim = "scope",
        .leeway_seconds = 60,
    };
    struct jwks *keys = NULL;
    int result = strict_json_only(object, at, allowed, err);
    if (result == 0)
        result = strict_json_string(object, at, "issuer", true, 1, MAX_NAME, &settings.issuer, err);
    if (result == 0)
        result = read_audiences(object, at, audiences, &settings.audience_count, err);
    if (result == 0)
        result = strict_json_string(object, at, "team_claim", false, 1, MAX_NAME,
                                    &settings.team_claim, err);
    if (result == 0)
        result = strict_json_string(object, at, "subject_claim", false, 1, MAX_NAME,
                                    &settings.subject_claim, err);
    if (result == 0)
        result = strict_json_string(object, at, "scope_claim", false, 1, MAX_NAME,
                                    &settings.scope_claim, err);
    if (result == 0)
        result = strict_json_int(object, at, "leeway_seconds", false, 0, MAX_LEEWAY,
                                 &settings.leeway_seconds, err);
    if (result == 0)
        result = strict_json_int(object, at, "max_lifetime_seconds", false, 0, MAX_LIFETIME,
                                 &settings.max_lifetime_seconds, err);
    if (result == 0)
        result = jwks_create(&keys, err);
    if (result == 0)
        result = load_keys(object, at, folder, keys, err);
    if (result != 0) {
        jwks_free(&keys);
        return result;
    }
    return authority_add_issuer(authority, &settings, keys, err);
}

int issuers_load(const json_t *issuers, const char *folder, struct authority **out,
                 struct error *err)
{
    struct authority *authority = NULL;
    char at[ERROR_POINTER_MAX], index[24];
    if (json_array_size(issuers) > ISSUERS_MAX)
        return error_set(err, ERROR_INVALID, "issuers: saw %zu, expected at most %d",
                         json_array_size(issuers), ISSUERS_MAX);
    int result = authority_create(&authority, err);
    for (size_t i = 0; result == 0 && i < json_array_size(issuers); i++) {
        (void)snprintf(index, sizeof(index), "%zu", i);
        strict_json_pointer(at, "/issuers", index);
        result = add_issuer(authority, json_array_get(issuers, i), at, folder, err);
    }
    if (result != 0) {
        authority_unref(&authority);
        return result;
    }
    *out = authority;
    return 0;
}
