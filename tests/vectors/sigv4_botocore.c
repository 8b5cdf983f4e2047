/* Holds the signer to the cases of sigv4-botocore.jsonl, which make_sigv4_cases.py wrote. */
#include "tests/vectors/sigv4_case.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES_MIN 240 /* fewer means that the file was cut */

static const char *text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_string(value)) {
        fprintf(stderr, "a case has no string \"%s\"\n", name);
        exit(99);
    }
    return json_string_value(value);
}

/* RFC 4648 section 4; the input is our own generator's. */
static unsigned char *decode_base64(const char *text, size_t *len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char *out = sigv4_case_need(malloc(strlen(text) + 1));
    unsigned bits = 0;
    unsigned held = 0;

    *len = 0;
    for (; *text != '\0' && *text != '='; text++) {
        const char *place = sigv4_case_need(strchr(alphabet, *text));
        bits = bits << 6 | (unsigned)(place - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[(*len)++] = (unsigned char)(bits >> held & 0xff);
        }
    }
    return out;
}

static size_t read_headers(const json_t *list, struct sigv4_header out[SIGV4_MAX_HEADERS])
{
    const size_t count = json_array_size(list);

    if (count == 0 || count > SIGV4_MAX_HEADERS) {
        fprintf(stderr, "a case has %zu headers\n", count);
        exit(99);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(list, i);
        out[i].name = json_string_value(json_array_get(pair, 0));
        out[i].value = json_string_value(json_array_get(pair, 1));
        if (out[i].name == NULL || out[i].value == NULL)
            exit(99);
    }
    return count;
}

static bool passes(const json_t *object)
{
    struct sigv4_header headers[SIGV4_MAX_HEADERS];
    size_t body_len = 0;
    unsigned char *body = decode_base64(text_of(object, "body"), &body_len);
    const char *authorization = text_of(object, "authorization");
    struct sigv4_case sample = {
        .name = text_of(object, "name"),
        .request = {.method = text_of(object, "method"),
                    .path = text_of(object, "path"),
                    .query = text_of(object, "query"),
                    .headers = headers,
                    .header_count = read_headers(json_object_get(object, "headers"), headers),
                    .body = body,
                    .body_len = body_len,
                    .payload_hash = json_string_value(json_object_get(object, "payload_hash")),
                    .normalize_path = json_is_true(json_object_get(object, "normalize"))},
        .scope = {.region = text_of(object, "region"), .service = text_of(object, "service")},
        .access_key_id = text_of(object, "access_key_id"),
        .secret_access_key = text_of(object, "secret_access_key"),
        .canonical_request = text_of(object, "canonical_request"),
        .string_to_sign = text_of(object, "string_to_sign"),
        .signature = authorization + strlen(authorization) - (SIGV4_SIGNATURE_SIZE - 1),
        .authorization = authorization,
    };
    (void)snprintf(sample.scope.date, sizeof(sample.scope.date), "%s", text_of(object, "date"));
    const bool result = sigv4_case_passes(&sample);
    free(body);
    return result;
}

int main(void)
{
    const char *top = getenv("top_srcdir");
    char path[4096];
    unsigned count = 0;
    unsigned failed = 0;
    char *save = NULL;

    (void)snprintf(path, sizeof(path), "%s/tests/vectors/sigv4-botocore.jsonl",
                   top != NULL ? top : ".");
    char *text = sigv4_case_read_file(path);
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        json_t *object = sigv4_case_need(json_loads(line, 0, NULL));
        count++;
        failed += passes(object) ? 0 : 1;
        json_decref(object);
    }
    free(text);
    printf("%u cases signed as botocore signs them, %u not\n", count - failed, failed);
    if (count < CASES_MIN)
        fprintf(stderr, "%s: saw %u cases, expected at least %d\n", path, count, CASES_MIN);
    return failed == 0 && count >= CASES_MIN ? 0 : 1;
}
