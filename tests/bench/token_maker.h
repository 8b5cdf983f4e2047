/* Tokens by the ten thousand, signed with OpenSSL directly: what libjwt signs takes far longer. */
#ifndef LOOKOUT_BENCH_TOKEN_MAKER_H
#define LOOKOUT_BENCH_TOKEN_MAKER_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_MAKER_ISSUER   "https://issuer.bench"
#define TOKEN_MAKER_AUDIENCE "lookout-gateway"
#define TOKEN_MAKER_SIZE     1024 /* of a token, with its NUL */

struct token_maker {
    EVP_PKEY *key;    /* RSA of 2048 bits: RS256; P-256: ES256. Borrowed */
    const char *kid;  /* of the header */
    const char *team; /* the claim */
    int64_t now_s;    /* iat; they live for a day */
};

/* "RS256" or "ES256"; NULL for other keys. */
const char *token_maker_algorithm(const EVP_PKEY *key);

/* The token of that number, which stands in its jti. Any thread. False where OpenSSL fails. */
bool token_maker_sign(const struct token_maker *maker, uint64_t number, char out[TOKEN_MAKER_SIZE]);

#endif
