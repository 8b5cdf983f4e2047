/* Prepared EVP_PKEY_CTXs of one key, each used by one thread at a time. */
#include "gateway/auth/verifier.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>

struct verifier {
    const struct jwk_algorithm *algorithm;
    EVP_PKEY *pkey;
    EVP_MD *md; /* fetched once: by name it would be looked for at each use */
    pthread_mutex_t lock;
    EVP_PKEY_CTX *kept[VERIFIER_KEPT];
    unsigned count;
};

int verifier_create(const struct jwk_algorithm *algorithm, EVP_PKEY *pkey, struct verifier **out,
                    struct error *err)
{
    struct verifier *verifier = calloc(1, sizeof(*verifier));

    if (verifier == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for a verification key");
    verifier->md = EVP_MD_fetch(NULL, algorithm->digest, NULL);
    if (verifier->md == NULL) {
        free(verifier);
        return jwk_library_error(err, "can't find the hash of a verification key");
    }
    verifier->algorithm = algorithm;
    verifier->pkey = pkey;
    pthread_mutex_init(&verifier->lock, NULL);
    *out = verifier;
    return 0;
}

void verifier_free(struct verifier **verifier)
{
    struct verifier *old = *verifier;

    if (old == NULL)
        return;
    while (old->count > 0)
        EVP_PKEY_CTX_free(old->kept[--old->count]);
    pthread_mutex_destroy(&old->lock);
    EVP_MD_free(old->md);
    free(old);
    *verifier = NULL;
}

/* RFC 7518 section 3.5: MGF1 with the same hash, a salt as long as the hash. */
static bool set_padding(EVP_PKEY_CTX *ctx, const struct jwk_algorithm *algorithm)
{
    if (algorithm->family == JWK_RSA_PKCS1)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    if (algorithm->family != JWK_RSA_PSS)
        return true;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, algorithm->digest, NULL) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static EVP_PKEY_CTX *prepare(const struct verifier *verifier)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, verifier->pkey, NULL);

    if (ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 && set_padding(ctx, verifier->algorithm) &&
        EVP_PKEY_CTX_set_signature_md(ctx, verifier->md) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static EVP_PKEY_CTX *take(struct verifier *verifier)
{
    EVP_PKEY_CTX *ctx = NULL;

    pthread_mutex_lock(&verifier->lock);
    if (verifier->count > 0)
        ctx = verifier->kept[--verifier->count];
    pthread_mutex_unlock(&verifier->lock);
    return ctx != NULL ? ctx : prepare(verifier);
}

static void give_back(struct verifier *verifier, EVP_PKEY_CTX *ctx)
{
    pthread_mutex_lock(&verifier->lock);
    if (verifier->count < VERIFIER_KEPT) {
        verifier->kept[verifier->count++] = ctx;
        ctx = NULL;
    }
    pthread_mutex_unlock(&verifier->lock);
    EVP_PKEY_CTX_free(ctx);
}

int verifier_check(struct verifier *verifier, const void *data, size_t len,
                   const unsigned char *signature, size_t signature_len, bool *good,
                   struct error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    EVP_PKEY_CTX *ctx = take(verifier);

    if (ctx == NULL || EVP_Digest(data, len, digest, &digest_len, verifier->md, NULL) != 1) {
        EVP_PKEY_CTX_free(ctx);
        return jwk_library_error(err, "can't set up a verification");
    }
    *good = EVP_PKEY_verify(ctx, signature, signature_len, digest, digest_len) == 1;
    if (!*good)
        ERR_clear_error();
    give_back(verifier, ctx);
    return 0;
}
