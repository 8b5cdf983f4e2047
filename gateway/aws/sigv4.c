/* Stages 2 and 3 of Signature Version 4, the cache of the day's key, and all stages at once. */
#include "gateway/aws/sigv4.h"

#include "gateway/base/crypto.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALGORITHM      "AWS4-HMAC-SHA256"
#define TERMINATOR     "aws4_request"
#define DAY_LEN        8
#define SECRET_MAX     1024
#define SCOPE_NAME_MAX 64
/* 9999-12-31T23:59:59Z, the last second that the format can write. */
#define LAST_SECOND INT64_C(253402300799)

void sigv4_format_date(int64_t wall_ms, char out[SIGV4_DATE_SIZE])
{
    int64_t seconds = wall_ms / 1000;
    struct tm utc = {0};

    if (seconds < 0)
        seconds = 0;
    if (seconds > LAST_SECOND)
        seconds = LAST_SECOND;
    const time_t moment = (time_t)seconds;
    (void)gmtime_r(&moment, &utc);
    (void)strftime(out, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &utc);
}

static int check_scope(const struct sigv4_scope *scope, struct error *err)
{
    const size_t region_len = strnlen(scope->region, SCOPE_NAME_MAX + 1);
    const size_t service_len = strnlen(scope->service, SCOPE_NAME_MAX + 1);

    if (strnlen(scope->date, SIGV4_DATE_SIZE) != SIGV4_DATE_SIZE - 1)
        return error_set(err, ERROR_INVALID,
                         "can't sign: the date has not the form YYYYMMDDTHHMMSSZ");
    if (region_len == 0 || region_len > SCOPE_NAME_MAX || service_len == 0 ||
        service_len > SCOPE_NAME_MAX)
        return error_set(err, ERROR_INVALID,
                         "can't sign: expected a region and a service of 1 to %d bytes",
                         SCOPE_NAME_MAX);
    return 0;
}

static int failed_buffer(struct error *err)
{
    return error_set(err, ERROR_INVALID, "can't sign: the buffer is too small, or out of memory");
}

static void add_scope(struct strbuf *out, const struct sigv4_scope *scope)
{
    strbuf_add(out, scope->date, DAY_LEN);
    strbuf_addch(out, '/');
    strbuf_addstr(out, scope->region);
    strbuf_addch(out, '/');
    strbuf_addstr(out, scope->service);
    strbuf_addstr(out, "/" TERMINATOR);
}

int sigv4_string_to_sign(const struct sigv4_scope *scope, const char *canonical,
                         size_t canonical_len, struct strbuf *out, struct error *err)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[CRYPTO_SHA256_HEX_LEN + 1];
    const int rc = check_scope(scope, err);

    if (rc != 0)
        return rc;
    if (crypto_sha256(canonical, canonical_len, digest) != 0)
        return error_set(err, ERROR_IO, "can't sign: libcrypto gave no SHA-256 of the request");
    crypto_hex(digest, sizeof(digest), hex);
    strbuf_addstr(out, ALGORITHM "\n");
    strbuf_addstr(out, scope->date);
    strbuf_addch(out, '\n');
    add_scope(out, scope);
    strbuf_addch(out, '\n');
    strbuf_add(out, hex, CRYPTO_SHA256_HEX_LEN);
    return strbuf_ok(out) ? 0 : failed_buffer(err);
}

int sigv4_signing_key(const char *secret_access_key, const struct sigv4_scope *scope,
                      unsigned char out[SIGV4_KEY_LEN], struct error *err)
{
    static const char prefix[] = "AWS4";
    char first[sizeof(prefix) - 1 + SECRET_MAX];
    const size_t secret_len = strnlen(secret_access_key, SECRET_MAX + 1);
    const size_t first_len = sizeof(prefix) - 1 + secret_len;
    int rc = check_scope(scope, err);

    if (rc != 0)
        return rc;
    if (secret_len == 0 || secret_len > SECRET_MAX)
        return error_set(err, ERROR_INVALID,
                         "can't sign: expected a secret access key of 1 to %d bytes", SECRET_MAX);
    memcpy(first, prefix, sizeof(prefix) - 1);
    memcpy(first + sizeof(prefix) - 1, secret_access_key, secret_len);
    rc = crypto_hmac_sha256(first, first_len, scope->date, DAY_LEN, out);
    crypto_wipe(first, sizeof(first));

    const char *const steps[] = {scope->region, scope->service, TERMINATOR};
    for (size_t i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
        unsigned char next[SIGV4_KEY_LEN];
        rc = crypto_hmac_sha256(out, SIGV4_KEY_LEN, steps[i], strlen(steps[i]), next);
        memcpy(out, next, SIGV4_KEY_LEN);
        crypto_wipe(next, sizeof(next));
    }
    if (rc != 0) {
        crypto_wipe(out, SIGV4_KEY_LEN);
        return error_set(err, ERROR_IO, "can't sign: libcrypto gave no HMAC for the signing key");
    }
    return 0;
}

int sigv4_signature(const unsigned char signing_key[SIGV4_KEY_LEN], const char *string_to_sign,
                    size_t string_to_sign_len, char out[SIGV4_SIGNATURE_SIZE], struct error *err)
{
    unsigned char mac[CRYPTO_SHA256_LEN];

    if (crypto_hmac_sha256(signing_key, SIGV4_KEY_LEN, string_to_sign, string_to_sign_len, mac) !=
        0)
        return error_set(err, ERROR_IO, "can't sign: libcrypto gave no HMAC for the signature");
    crypto_hex(mac, sizeof(mac), out);
    return 0;
}

int sigv4_authorization(const char *access_key_id, const struct sigv4_scope *scope,
                        const char *signed_headers, const char *signature, struct strbuf *out,
                        struct error *err)
{
    const int rc = check_scope(scope, err);

    if (rc != 0)
        return rc;
    strbuf_addstr(out, ALGORITHM " Credential=");
    strbuf_addstr(out, access_key_id);
    strbuf_addch(out, '/');
    add_scope(out, scope);
    strbuf_addstr(out, ", SignedHeaders=");
    strbuf_addstr(out, signed_headers);
    strbuf_addstr(out, ", Signature=");
    strbuf_addstr(out, signature);
    return strbuf_ok(out) ? 0 : failed_buffer(err);
}

/* What a key was made from, and the key. All of it is as secret as the secret itself. */
struct key_entry {
    char secret[SECRET_MAX + 1];
    char day[DAY_LEN + 1];
    char region[SCOPE_NAME_MAX + 1];
    char service[SCOPE_NAME_MAX + 1];
    unsigned char key[SIGV4_KEY_LEN];
};

struct sigv4_key_cache {
    pthread_mutex_t mutex;
    struct key_entry entry; /* secret "" = empty */
};

int sigv4_key_cache_create(struct sigv4_key_cache **out, struct error *err)
{
    struct sigv4_key_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the cache of the signing key");
    if (pthread_mutex_init(&cache->mutex, NULL) != 0) {
        free(cache);
        return error_set(err, ERROR_NOMEM, "no mutex for the cache of the signing key");
    }
    *out = cache;
    return 0;
}

void sigv4_key_cache_free(struct sigv4_key_cache **cache)
{
    if (cache == NULL || *cache == NULL)
        return;
    (void)pthread_mutex_destroy(&(*cache)->mutex);
    crypto_wipe(*cache, sizeof(**cache));
    free(*cache);
    *cache = NULL;
}

/* The comparison of the secret takes the same time wherever the two differ. */
static bool key_entry_matches(const struct key_entry *entry, const char *secret, size_t secret_len,
                              const struct sigv4_scope *scope)
{
    return secret_len <= SECRET_MAX && memcmp(entry->day, scope->date, DAY_LEN) == 0 &&
           strcmp(entry->region, scope->region) == 0 &&
           strcmp(entry->service, scope->service) == 0 && entry->secret[secret_len] == '\0' &&
           crypto_equal(entry->secret, secret, secret_len);
}

static bool cache_lookup(struct sigv4_key_cache *cache, const char *secret,
                         const struct sigv4_scope *scope, unsigned char out[SIGV4_KEY_LEN])
{
    const size_t secret_len = strnlen(secret, SECRET_MAX + 1);

    (void)pthread_mutex_lock(&cache->mutex);
    const bool found = key_entry_matches(&cache->entry, secret, secret_len, scope);
    if (found)
        memcpy(out, cache->entry.key, SIGV4_KEY_LEN);
    (void)pthread_mutex_unlock(&cache->mutex);
    return found;
}

/* Only after sigv4_signing_key took secret and scope: their lengths are checked there. */
static void cache_store(struct sigv4_key_cache *cache, const char *secret,
                        const struct sigv4_scope *scope, const unsigned char key[SIGV4_KEY_LEN])
{
    struct key_entry *entry = &cache->entry;

    (void)pthread_mutex_lock(&cache->mutex);
    crypto_wipe(entry, sizeof(*entry));
    memcpy(entry->secret, secret, strlen(secret));
    memcpy(entry->day, scope->date, DAY_LEN);
    memcpy(entry->region, scope->region, strlen(scope->region));
    memcpy(entry->service, scope->service, strlen(scope->service));
    memcpy(entry->key, key, SIGV4_KEY_LEN);
    (void)pthread_mutex_unlock(&cache->mutex);
}

/* The key is derived outside the lock; two threads at midnight derive the same one twice. */
static int get_signing_key(struct sigv4_key_cache *cache, const char *secret,
                           const struct sigv4_scope *scope, unsigned char out[SIGV4_KEY_LEN],
                           struct error *err)
{
    if (cache != NULL && cache_lookup(cache, secret, scope, out))
        return 0;
    const int rc = sigv4_signing_key(secret, scope, out, err);
    if (rc == 0 && cache != NULL)
        cache_store(cache, secret, scope, out);
    return rc;
}

int sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope,
               const char *access_key_id, const char *secret_access_key,
               struct sigv4_key_cache *cache, struct strbuf *authorization, struct error *err)
{
    struct strbuf canonical;
    struct strbuf signed_headers;
    struct strbuf string_to_sign;
    unsigned char key[SIGV4_KEY_LEN];
    char signature[SIGV4_SIGNATURE_SIZE];

    strbuf_init_secret(&canonical, SIGV4_MAX_CANONICAL); /* it holds the session token */
    strbuf_init(&signed_headers, SIGV4_MAX_CANONICAL);
    strbuf_init(&string_to_sign, SIGV4_MAX_CANONICAL);
    int rc = sigv4_canonical_request(request, &canonical, &signed_headers, err);
    if (rc != 0)
        goto out;
    rc = sigv4_string_to_sign(scope, canonical.data, canonical.len, &string_to_sign, err);
    if (rc != 0)
        goto out;
    rc = get_signing_key(cache, secret_access_key, scope, key, err);
    if (rc != 0)
        goto out;
    rc = sigv4_signature(key, string_to_sign.data, string_to_sign.len, signature, err);
    crypto_wipe(key, sizeof(key));
    if (rc != 0)
        goto out;
    rc = sigv4_authorization(access_key_id, scope, signed_headers.data, signature, authorization,
                             err);
out:
    strbuf_free(&string_to_sign);
    strbuf_free(&signed_headers);
    strbuf_free(&canonical);
    return rc;
}
