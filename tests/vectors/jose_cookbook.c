/*
 * The compact JWS examples of the JOSE cookbook (RFC 7520, RFC 8037, RFC 7797), which lie beside
 * the project where its authors work. Ends with 77, and the reason, where they don't.
 */
#include "gateway/auth/jws.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COOKBOOK "../shared/vectors/jose-cookbook"
#define SKIPPED  77

struct tally {
    int verified, refused, without_compact, failed;
};

/* The public half: with the private members the gateway's reader refuses it, as it must. */
static json_t *public_half(const json_t *key, const char *algorithm)
{
    static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi"};
    json_t *half = json_deep_copy(key);

    for (size_t i = 0; i < sizeof(private_members) / sizeof(private_members[0]); i++)
        json_object_del(half, private_members[i]);
    if (json_object_get(half, "kid") == NULL)
        json_object_set_new(half, "kid", json_string("added"));
    if (json_object_get(half, "alg") == NULL)
        json_object_set_new(half, "alg", json_string(algorithm));
    return half;
}

static bool check_keys(const json_t *key, const char *algorithm, struct jwk **out,
                       struct error *err)
{
    json_t *half = public_half(key, algorithm);
    struct jwk *private_key = NULL;
    bool sound = jwk_from_json(half, NULL, out, err) == 0;

    json_decref(half);
    if (json_object_get(key, "d") != NULL && jwk_from_json(key, NULL, &private_key, NULL) == 0) {
        snprintf(err->message, sizeof(err->message), "a private key was accepted");
        jwk_free(&private_key);
        sound = false;
    }
    return sound;
}

/* Verified, and the payload is the example's; a changed signature is not. */
static bool check_good(const char *token, const json_t *payload, const struct jwk *key,
                       struct error *err)
{
    struct jws jws;

    if (jws_split(token, strlen(token), &jws, err) != JWS_OK ||
        jws_verify(&jws, key, err) != JWS_OK)
        return false;
    if (jws.payload_len != json_string_length(payload) ||
        memcmp(jws.payload, json_string_value(payload), jws.payload_len) != 0) {
        snprintf(err->message, sizeof(err->message), "the payload is not the example's");
        return false;
    }
    jws.signature[jws.signature_len / 2] ^= 1;
    snprintf(err->message, sizeof(err->message), "a changed signature was accepted");
    return jws_verify(&jws, key, NULL) == JWS_BAD_SIGNATURE;
}

/* Detached content and `b64` are not for tokens: the gateway refuses them. */
static bool check_refused(const char *token, const struct jwk *key, struct error *err)
{
    struct jws jws;

    snprintf(err->message, sizeof(err->message), "was accepted");
    return jws_split(token, strlen(token), &jws, NULL) != JWS_OK ||
           jws_verify(&jws, key, NULL) != JWS_OK;
}

static void check_example(const char *path, const json_t *example, struct tally *tally)
{
    const json_t *input = json_object_get(example, "input");
    const json_t *payload = json_object_get(input, "payload");
    const char *algorithm = json_string_value(json_object_get(input, "alg"));
    const json_t *output = json_object_get(example, "output");
    const char *token = json_string_value(json_object_get(output, "compact"));
    const json_t *header = json_object_get(json_object_get(example, "signing"), "protected");
    const bool ordinary = json_object_get(header, "b64") == NULL;
    struct error err = {.message = ""};
    struct jwk *key = NULL;
    bool passed;

    if (token == NULL || algorithm == NULL) {
        tally->without_compact++;
        return;
    }
    passed = check_keys(json_object_get(input, "key"), algorithm, &key, &err);
    if (passed && ordinary && strstr(token, "..") == NULL) {
        passed = check_good(token, payload, key, &err);
        tally->verified += passed;
    } else if (passed) {
        passed = check_refused(token, key, &err);
        tally->refused += passed;
    }
    if (!passed) {
        fprintf(stderr, "%s: %s\n", path, err.message);
        tally->failed++;
    }
    jwk_free(&key);
}

static void check_folder(const char *root, const char *folder, struct tally *tally)
{
    char path[4096];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/%s", root, folder);
    dir = opendir(path);
    if (dir == NULL) {
        fprintf(stderr, "can't open %s\n", path);
        tally->failed++;
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        json_t *example;

        if (strstr(entry->d_name, ".json") == NULL)
            continue;
        snprintf(path, sizeof(path), "%s/%s/%s", root, folder, entry->d_name);
        example = json_load_file(path, 0, NULL);
        check_example(path, example, tally);
        json_decref(example);
    }
    closedir(dir);
}

int main(void)
{
    const char *top = getenv("top_srcdir");
    struct tally tally = {0};
    char root[2048];
    DIR *dir;

    snprintf(root, sizeof(root), "%s/" COOKBOOK, top != NULL ? top : ".");
    dir = opendir(root);
    if (dir == NULL) {
        printf("skipped: no examples at %s\n", root);
        return SKIPPED;
    }
    closedir(dir);
    check_folder(root, "jws", &tally);
    check_folder(root, "curve25519", &tally);
    check_folder(root, "rfc7797", &tally);
    printf("%d verified, %d refused as they must be, %d without a compact form, %d failed\n",
           tally.verified, tally.refused, tally.without_compact, tally.failed);
    return tally.failed == 0 && tally.verified > 0 ? 0 : 1;
}
