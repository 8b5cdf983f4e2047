/* Header, payload and signature of a token. */
#include "tests/bench/token_maker.h"

#include "gateway/base/crypto.h"

#include <inttypes.h>
#include <openssl/ecdsa.h>
#include <stdio.h>
#include <string.h>

#define LIFETIME_S    INT64_C(86400)
#define SIGNATURE_MAX 256 /* bytes: RSA of 2048 bits */
#define P256_BYTES    32  /* of r and of s */
#define TEXT_MAX      512

const char *token_maker_algorithm(const EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 2048)
        return "RS256";
    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) == 256)
        return "ES256";
    return NULL;
}

/* Appends text in base64url; false where it does not fit. */
static bool add_base64url(char out[TOKEN_MAKER_SIZE], size_t *len, const void *data, size_t size)
{
    if (*len + 4 * size / 3 + 4 > TOKEN_MAKER_SIZE)
        return false;
    crypto_base64url(data, size, out + *len);
    *len += strlen(out + *len);
    return true;
}

/* OpenSSL signs ECDSA in DER; a token has r and s side by side (RFC 7518 section 3.4). */
static bool split_ecdsa(unsigned char signature[SIGNATURE_MAX], size_t *len)
{
    const unsigned char *der = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)*len);
    const bool split =
        pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, P256_BYTES) == P256_BYTES &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + P256_BYTES, P256_BYTES) == P256_BYTES;

    ECDSA_SIG_free(pair);
    *len = (size_t)2 * P256_BYTES;
    return split;
}

static bool sign(EVP_PKEY *key, const char *text, size_t text_len,
                 unsigned char signature[SIGNATURE_MAX], size_t *len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    *len = SIGNATURE_MAX;
    const bool done =
        context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(context, signature, len, (const unsigned char *)text, text_len) == 1;

    EVP_MD_CTX_free(context);
    return done && (!EVP_PKEY_is_a(key, "EC") || split_ecdsa(signature, len));
}

bool token_maker_sign(const struct token_maker *maker, uint64_t number, char out[TOKEN_MAKER_SIZE])
{
    const char *algorithm = token_maker_algorithm(maker->key);
    unsigned char signature[SIGNATURE_MAX];
    size_t signature_len, len = 0;
    char header[TEXT_MAX], payload[TEXT_MAX];

    if (algorithm == NULL)
        return false;
    const int header_len =
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                 algorithm, maker->kid);
    const int payload_len = snprintf(
        payload, sizeof(payload),
        "{\"iss\":\"" TOKEN_MAKER_ISSUER "\",\"aud\":\"" TOKEN_MAKER_AUDIENCE
        "\",\"sub\":\"ada@example.com\",\"team\":\"%s\",\"scope\":\"models:start models:stop "
        "models:read\",\"iat\":%" PRId64 ",\"exp\":%" PRId64 ",\"jti\":\"%016" PRIx64 "\"}",
        maker->team, maker->now_s, maker->now_s + LIFETIME_S, number);
    if (header_len >= TEXT_MAX || payload_len >= TEXT_MAX ||
        !add_base64url(out, &len, header, (size_t)header_len))
        return false;
    out[len++] = '.';
    if (!add_base64url(out, &len, payload, (size_t)payload_len) ||
        !sign(maker->key, out, len, signature, &signature_len))
        return false;
    out[len++] = '.';
    return add_base64url(out, &len, signature, signature_len);
}
