/* Hashes, randomness, encodings and comparison in constant time; thin over OpenSSL's libcrypto. */
#include "gateway/base/crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <string.h>

#define SHA256_BLOCK_LEN 64

/*
 * EVP_sha256() makes OpenSSL 3 look the algorithm up again at every use. Fetched once and kept for
 * the life of the process; threads that race fetch twice and one copy is dropped.
 */
static const EVP_MD *fetched_sha256(void)
{
    static _Atomic(EVP_MD *) cached;
    EVP_MD *md = atomic_load_explicit(&cached, memory_order_acquire);
    EVP_MD *expected = NULL;

    if (md != NULL)
        return md;
    md = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (md == NULL) {
        ERR_clear_error();
        return NULL;
    }
    if (atomic_compare_exchange_strong(&cached, &expected, md))
        return md;
    EVP_MD_free(md);
    return expected;
}

/* SHA-256 over `first` and `second`; `ctx` may be used again afterwards. */
static bool hash_two(EVP_MD_CTX *ctx, const EVP_MD *md, const void *first, size_t first_len,
                     const void *second, size_t second_len, unsigned char *out)
{
    return EVP_DigestInit_ex2(ctx, md, NULL) == 1 && EVP_DigestUpdate(ctx, first, first_len) == 1 &&
           EVP_DigestUpdate(ctx, second, second_len) == 1 &&
           EVP_DigestFinal_ex(ctx, out, NULL) == 1;
}

int crypto_sha256(const void *data, size_t len, unsigned char out[CRYPTO_SHA256_LEN])
{
    const EVP_MD *md = fetched_sha256();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = md != NULL && ctx != NULL && hash_two(ctx, md, data, len, NULL, 0, out);

    EVP_MD_CTX_free(ctx);
    if (!done)
        ERR_clear_error();
    return done ? 0 : ERROR_IO;
}

/* RFC 2104, on the kept digest: EVP_MAC would be looked up and set up anew for every key. */
int crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                       unsigned char out[CRYPTO_SHA256_LEN])
{
    const EVP_MD *md = fetched_sha256();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char inner[SHA256_BLOCK_LEN] = {0};
    unsigned char outer[SHA256_BLOCK_LEN];
    unsigned char digest[CRYPTO_SHA256_LEN];
    bool done = false;

    if (md == NULL || ctx == NULL)
        goto out;
    if (key_len > sizeof(inner)) {
        if (!hash_two(ctx, md, key, key_len, NULL, 0, inner))
            goto out;
    } else if (key_len > 0) {
        memcpy(inner, key, key_len);
    }
    for (size_t i = 0; i < sizeof(inner); i++) {
        outer[i] = inner[i] ^ 0x5C;
        inner[i] ^= 0x36;
    }
    done = hash_two(ctx, md, inner, sizeof(inner), data, len, digest) &&
           hash_two(ctx, md, outer, sizeof(outer), digest, sizeof(digest), out);
out:
    EVP_MD_CTX_free(ctx);
    OPENSSL_cleanse(inner, sizeof(inner));
    OPENSSL_cleanse(outer, sizeof(outer));
    OPENSSL_cleanse(digest, sizeof(digest));
    if (!done)
        ERR_clear_error();
    return done ? 0 : ERROR_IO;
}

#define RANDOM_POOL_BYTES 512
#define RANDOM_SMALL      32 /* a UUID, a jitter; what is longer is fetched on its own */

/*
 * Random bytes fetched ahead: a call of RAND_bytes takes 3 us, mostly the same for 16 bytes as for
 * 512. Each thread has its own; what was given out is wiped. This program never forks.
 */
static _Thread_local struct {
    unsigned char bytes[RANDOM_POOL_BYTES];
    size_t left;
} random_pool;

static int fetch_random(void *out, size_t len)
{
    if (RAND_bytes(out, (int)len) == 1)
        return 0;
    ERR_clear_error();
    return ERROR_IO;
}

int crypto_random(void *out, size_t len)
{
    if (len > INT_MAX)
        return ERROR_INVALID;
    if (len > RANDOM_SMALL)
        return fetch_random(out, len);
    if (random_pool.left < len) {
        int rc = fetch_random(random_pool.bytes, sizeof(random_pool.bytes));

        if (rc != 0)
            return rc;
        random_pool.left = sizeof(random_pool.bytes);
    }
    random_pool.left -= len;
    memcpy(out, random_pool.bytes + random_pool.left, len);
    OPENSSL_cleanse(random_pool.bytes + random_pool.left, len);
    return 0;
}

#define UUID_BYTES 16

static void format_uuid(unsigned char raw[UUID_BYTES], unsigned version,
                        char out[CRYPTO_UUID_LEN + 1])
{
    static const struct {
        unsigned char at, bytes;
    } groups[] = {{0, 4}, {4, 2}, {6, 2}, {8, 2}, {10, 6}};

    raw[6] = (unsigned char)((raw[6] & 0x0F) | version << 4);
    raw[8] = (unsigned char)((raw[8] & 0x3F) | 0x80); /* variant */
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (i > 0)
            *out++ = '-';
        crypto_hex(raw + groups[i].at, groups[i].bytes, out);
        out += (size_t)groups[i].bytes * 2;
    }
}

int crypto_uuid4(char out[CRYPTO_UUID_LEN + 1])
{
    unsigned char raw[UUID_BYTES];
    int rc = crypto_random(raw, sizeof(raw));

    if (rc == 0)
        format_uuid(raw, 4, out);
    return rc;
}

int crypto_uuid7(int64_t wall_ms, char out[CRYPTO_UUID_LEN + 1])
{
    unsigned char raw[UUID_BYTES];
    int rc = crypto_random(raw, sizeof(raw));

    if (rc != 0)
        return rc;
    for (int i = 0; i < 6; i++)
        raw[i] = (unsigned char)((uint64_t)wall_ms >> (8 * (5 - i)));
    format_uuid(raw, 7, out);
    return 0;
}

void crypto_hex(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 0x0F];
    }
    *out = '\0';
}

int crypto_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool crypto_unhex(const char *hex, void *out, size_t len)
{
    unsigned char *bytes = out;

    for (size_t i = 0; i < len; i++) {
        int high = crypto_hex_digit(hex[2 * i]);
        int low = high < 0 ? -1 : crypto_hex_digit(hex[2 * i + 1]);

        if (low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return hex[2 * len] == '\0';
}

void crypto_base64url(const void *data, size_t len, char *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *bytes = data;
    uint32_t bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (have += 8; have >= 6; have -= 6)
            *out++ = alphabet[bits >> (have - 6) & 0x3F];
    }
    if (have > 0)
        *out++ = alphabet[bits << (6 - have) & 0x3F];
    *out = '\0';
}

static int base64url_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

long crypto_base64url_decode(const char *text, size_t len, unsigned char *out)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t written = 0;

    if (len % 4 == 1 || len > LONG_MAX)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int digit = base64url_digit(text[i]);

        if (digit < 0)
            return -1;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[written++] = (unsigned char)(bits >> have);
        }
    }
    if ((bits & ((1U << have) - 1)) != 0)
        return -1;
    return (long)written;
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void crypto_wipe(void *data, size_t len)
{
    if (data != NULL)
        OPENSSL_cleanse(data, len);
}
