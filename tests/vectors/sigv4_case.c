/* Compares the signer with one expected case, stage by stage. */
#include "tests/vectors/sigv4_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (4 * 1024 * 1024)

static bool same(const char *name, const char *what, const char *seen, const char *expected)
{
    if (strcmp(seen, expected) == 0)
        return true;
    fprintf(stderr, "%s: %s differs\n--- expected\n%s\n--- seen\n%s\n---\n", name, what, expected,
            seen);
    return false;
}

static bool stages_pass(const struct sigv4_case *sample, struct strbuf *canonical,
                        struct strbuf *names, struct strbuf *to_sign, struct error *err)
{
    unsigned char key[SIGV4_KEY_LEN];
    char signature[SIGV4_SIGNATURE_SIZE];

    return sigv4_canonical_request(&sample->request, canonical, names, err) == 0 &&
           same(sample->name, "canonical request", canonical->data, sample->canonical_request) &&
           sigv4_string_to_sign(&sample->scope, canonical->data, canonical->len, to_sign, err) ==
               0 &&
           same(sample->name, "string to sign", to_sign->data, sample->string_to_sign) &&
           sigv4_signing_key(sample->secret_access_key, &sample->scope, key, err) == 0 &&
           sigv4_signature(key, to_sign->data, to_sign->len, signature, err) == 0 &&
           same(sample->name, "signature", signature, sample->signature);
}

/* Twice with the same cache: the second time it is the kept key that signs. */
static bool whole_passes(const struct sigv4_case *sample, struct strbuf *authorization,
                         struct error *err)
{
    struct sigv4_key_cache *cache = NULL;
    bool passes = sigv4_key_cache_create(&cache, err) == 0;

    for (int round = 0; passes && round < 2; round++) {
        strbuf_clear(authorization);
        passes = sigv4_sign(&sample->request, &sample->scope, sample->access_key_id,
                            sample->secret_access_key, cache, authorization, err) == 0;
        if (passes && sample->authorization != NULL)
            passes =
                same(sample->name, "Authorization", authorization->data, sample->authorization);
    }
    sigv4_key_cache_free(&cache);
    return passes;
}

bool sigv4_case_passes(const struct sigv4_case *sample)
{
    struct strbuf canonical;
    struct strbuf names;
    struct strbuf to_sign;
    struct strbuf authorization;
    struct error err = {0};

    strbuf_init_secret(&canonical, SIGV4_MAX_CANONICAL);
    strbuf_init(&names, SIGV4_MAX_CANONICAL);
    strbuf_init(&to_sign, SIGV4_MAX_CANONICAL);
    strbuf_init(&authorization, SIGV4_MAX_CANONICAL);
    const bool passes = stages_pass(sample, &canonical, &names, &to_sign, &err) &&
                        whole_passes(sample, &authorization, &err);
    if (err.code != 0)
        fprintf(stderr, "%s: %s\n", sample->name, err.message);
    strbuf_free(&authorization);
    strbuf_free(&to_sign);
    strbuf_free(&names);
    strbuf_free(&canonical);
    return passes;
}

void *sigv4_case_need(void *pointer)
{
    if (pointer == NULL) {
        fprintf(stderr, "out of memory, or a case is malformed\n");
        exit(99);
    }
    return pointer;
}

char *sigv4_case_read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = sigv4_case_need(malloc(FILE_MAX));

    if (file == NULL) {
        perror(path);
        exit(99);
    }
    const size_t len = fread(text, 1, FILE_MAX - 1, file);
    if (ferror(file) != 0 || feof(file) == 0) {
        fprintf(stderr, "%s: can't be read whole\n", path);
        exit(99);
    }
    (void)fclose(file);
    text[len] = '\0';
    return text;
}
