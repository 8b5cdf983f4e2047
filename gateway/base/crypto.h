/* Hashes, randomness, encodings and comparison in constant time; thin over OpenSSL's libcrypto. */
#ifndef LOOKOUT_BASE_CRYPTO_H
#define LOOKOUT_BASE_CRYPTO_H

#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRYPTO_SHA256_LEN     32
#define CRYPTO_SHA256_HEX_LEN 64
#define CRYPTO_UUID_LEN       36

int crypto_sha256(const void *data, size_t len, unsigned char out[CRYPTO_SHA256_LEN])
    __attribute__((warn_unused_result));
int crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                       unsigned char out[CRYPTO_SHA256_LEN]) __attribute__((warn_unused_result));

/* Cryptographically strong; ERROR_IO when the system has none to give. Not in a forked child: it
 * would give what its parent gives. */
int crypto_random(void *out, size_t len) __attribute__((warn_unused_result));
/* A version 4 UUID (RFC 9562 section 5.4), lower case, with its NUL. */
int crypto_uuid4(char out[CRYPTO_UUID_LEN + 1]) __attribute__((warn_unused_result));
/* A version 7 UUID (section 5.7): those of later milliseconds sort after, so that an index on them
 * grows at its end. */
int crypto_uuid7(int64_t wall_ms, char out[CRYPTO_UUID_LEN + 1])
    __attribute__((warn_unused_result));

/* Lower-case hex; `out` holds 2 * len + 1. */
void crypto_hex(const void *data, size_t len, char *out);
/* 0 to 15, or -1 when it is no hex digit of either case. */
int crypto_hex_digit(char c);
/* False when `hex` is not exactly 2 * len hex digits. */
bool crypto_unhex(const char *hex, void *out, size_t len);

/* base64url without padding (RFC 4648 section 5). `out` holds 4 * ((len + 2) / 3) + 1. */
void crypto_base64url(const void *data, size_t len, char *out);
/*
 * The strict reverse: only the alphabet, no padding, a canonical last character (its unused bits
 * are zero). `out` holds at least 3 * len / 4 + 1. Returns the decoded length, or -1.
 */
long crypto_base64url_decode(const char *text, size_t len, unsigned char *out);

bool crypto_equal(const void *a, const void *b, size_t len); /* in constant time */
void crypto_wipe(void *data, size_t len);                    /* not optimised away */

#endif
