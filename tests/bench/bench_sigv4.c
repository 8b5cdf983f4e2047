/* The signer alone: a start request as the gateway signs it, with and without the kept day key. */
#include "gateway/aws/sigv4.h"
#include "tests/bench/bench_loop.h"

#include <stddef.h>
#include <stdlib.h>

#define REGION     "us-east-1"
#define SERVICE    "lookoutvision"
#define KEY_ID     "AKIAIOSFODNN7EXAMPLE"
#define SECRET_KEY "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define DATE       "20150830T123600Z"
#define BODY       "{\"MinInferenceUnits\":1}"

static const struct sigv4_header headers[] = {
    {"Host", "lookoutvision.us-east-1.amazonaws.com"},
    {"X-Amz-Date", DATE},
    {"Content-Type", "application/json"},
    {"X-Amzn-Client-Token", "0f8fad5b-d9cb-469f-a165-70867728950e"},
};

static bool sign(struct sigv4_key_cache *keys)
{
    const struct sigv4_scope scope = {.region = REGION, .service = SERVICE, .date = DATE};
    const struct sigv4_request request = {
        .method = "POST",
        .path = "/2020-11-20/projects/circuit-boards/models/7/start",
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(headers[0]),
        .body = BODY,
        .body_len = sizeof(BODY) - 1,
        .normalize_path = true,
    };
    struct strbuf authorization;
    struct error err;

    strbuf_init(&authorization, 4096);
    const int result = sigv4_sign(&request, &scope, KEY_ID, SECRET_KEY, keys, &authorization, &err);
    strbuf_free(&authorization);
    return result == 0;
}

static bool sign_with_kept_key(void *keys, uint64_t n)
{
    (void)n;
    return sign(keys);
}

static bool sign_with_new_key(void *keys, uint64_t n)
{
    (void)keys;
    (void)n;
    return sign(NULL);
}

int main(int argc, char **argv)
{
    static const struct bench_work works[] = {
        {"kept-key", sign_with_kept_key}, {"new-key", sign_with_new_key}, {NULL, NULL}};
    struct sigv4_key_cache *keys = NULL;
    struct error err;

    if (sigv4_key_cache_create(&keys, &err) != 0)
        return EXIT_FAILURE;
    const int status = bench_run(argc, argv, works, keys);
    sigv4_key_cache_free(&keys);
    return status;
}
