/* The verifier alone: never-seen tokens of two algorithms, and one that the cache knows. */
#include "gateway/auth/principal.h"
#include "gateway/auth/token_cache.h"
#include "tests/bench/bench_loop.h"
#include "tests/bench/token_maker.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS 16 /* of each algorithm, in turn */

struct scene {
    struct clock *clock;
    struct authority *authority;
    struct token_cache *cache;
    char rs256[TOKENS][TOKEN_MAKER_SIZE];
    char es256[TOKENS][TOKEN_MAKER_SIZE];
};

static bool add_key(struct jwks *keys, EVP_PKEY *key, const char *kid, enum jws_algorithm algorithm)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    struct jwk *jwk = NULL;
    struct error err;

    if (bio == NULL || PEM_write_bio_PUBKEY(bio, key) != 1)
        return false;
    const long len = BIO_get_mem_data(bio, &pem);
    const bool added = jwk_from_pem(kid, algorithm, pem, (size_t)len, &jwk, &err) == 0 &&
                       jwks_add(keys, jwk, &err) == 0;
    BIO_free(bio);
    return added;
}

static bool sign_tokens(struct scene *scene, EVP_PKEY *rsa, EVP_PKEY *p256)
{
    struct token_maker maker = {.team = "bench", .now_s = clock_wall_ms(scene->clock) / 1000};

    for (uint64_t i = 0; i < TOKENS; i++) {
        maker.key = rsa;
        maker.kid = "rs256";
        if (!token_maker_sign(&maker, i, scene->rs256[i]))
            return false;
        maker.key = p256;
        maker.kid = "es256";
        if (!token_maker_sign(&maker, i, scene->es256[i]))
            return false;
    }
    return true;
}

static bool set_scene(struct scene *scene)
{
    static const char *const audiences[] = {TOKEN_MAKER_AUDIENCE};
    const struct issuer_settings issuer = {
        .issuer = TOKEN_MAKER_ISSUER, .audiences = audiences, .audience_count = 1};
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *p256 = EVP_EC_gen("P-256");
    struct jwks *keys = NULL;
    struct error err;
    const bool set = rsa != NULL && p256 != NULL && clock_open(&scene->clock, &err) == 0 &&
                     jwks_create(&keys, &err) == 0 && add_key(keys, rsa, "rs256", JWS_RS256) &&
                     add_key(keys, p256, "es256", JWS_ES256) &&
                     authority_create(&scene->authority, &err) == 0 &&
                     authority_add_issuer(scene->authority, &issuer, keys, &err) == 0 &&
                     token_cache_create(1024, scene->clock, &scene->cache, &err) == 0 &&
                     sign_tokens(scene, rsa, p256);

    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p256);
    return set;
}

static bool authenticate(const struct scene *scene, struct token_cache *cache, const char *token)
{
    struct principal principal;
    struct error err;

    return authority_authenticate(scene->authority, cache, scene->clock, token, strlen(token),
                                  &principal, &err) == JWS_OK;
}

static bool verify_rs256(void *context, uint64_t n)
{
    const struct scene *scene = context;

    return authenticate(scene, NULL, scene->rs256[n % TOKENS]);
}

static bool verify_es256(void *context, uint64_t n)
{
    const struct scene *scene = context;

    return authenticate(scene, NULL, scene->es256[n % TOKENS]);
}

static bool find_cached(void *context, uint64_t n)
{
    const struct scene *scene = context;

    return authenticate(scene, scene->cache, scene->rs256[n % TOKENS]);
}

int main(int argc, char **argv)
{
    static const struct bench_work works[] = {
        {"rs256", verify_rs256}, {"es256", verify_es256}, {"cached", find_cached}, {NULL, NULL}};
    static struct scene scene;

    if (!set_scene(&scene)) {
        (void)fprintf(stderr, "bench_token: can't make keys and tokens\n");
        return EXIT_FAILURE;
    }
    const int status = bench_run(argc, argv, works, &scene);
    token_cache_free(&scene.cache);
    authority_unref(&scene.authority);
    clock_close(&scene.clock);
    return status;
}
