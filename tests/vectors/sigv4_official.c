/*
 * Holds the signer to the SigV4 test suite of awslabs/aws-c-auth (tests/aws-signing-test-suite/v4,
 * Apache-2.0), header-signed. The suite is not part of this project: without it, the test is
 * skipped.
 */
#include "tests/vectors/sigv4_case.h"

#include "gateway/base/crypto.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES_MIN 38
#define SKIPPED   77

/* "2015-08-30T12:36:00Z" to "20150830T123600Z". */
static void compact_date(const char *timestamp, char out[SIGV4_DATE_SIZE])
{
    size_t len = 0;

    for (; *timestamp != '\0' && len < SIGV4_DATE_SIZE - 1; timestamp++)
        if (*timestamp != '-' && *timestamp != ':')
            out[len++] = *timestamp;
    out[len] = '\0';
}

/* "METHOD target HTTP/1.1": the target, which may hold blanks, stands between the first blank and
 * the last. Returns what follows the line. */
static char *parse_request_line(char *text, struct sigv4_request *request)
{
    char *end = sigv4_case_need(strchr(text, '\n'));

    *end = '\0';
    char *first = sigv4_case_need(strchr(text, ' '));
    char *last = sigv4_case_need(strrchr(text, ' '));
    *first = *last = '\0';
    request->method = text;
    request->path = first + 1;
    char *question = strchr(first + 1, '?');
    if (question != NULL) {
        *question = '\0';
        request->query = question + 1;
    }
    return end + 1;
}

/* "Name:value" a line; lines that begin with a blank continue the one before. An empty line ends
 * the head, what follows is the body. */
static void parse_headers(char *text, struct sigv4_request *request, struct sigv4_header *headers)
{
    while (*text != '\0' && *text != '\n') {
        char *end = text;
        do {
            end = strchr(end + 1, '\n');
        } while (end != NULL && (end[1] == ' ' || end[1] == '\t'));
        if (end != NULL)
            *end = '\0';
        char *colon = sigv4_case_need(strchr(text, ':'));
        *colon = '\0';
        if (request->header_count == SIGV4_MAX_HEADERS - 3)
            exit(99);
        headers[request->header_count++] = (struct sigv4_header){.name = text, .value = colon + 1};
        text = end != NULL ? end + 1 : text + strlen(text);
    }
    request->body = *text == '\n' ? text + 1 : text;
    request->body_len = strlen(request->body);
}

static void add_header(struct sigv4_request *request, struct sigv4_header *headers,
                       const char *name, const char *value)
{
    headers[request->header_count++] = (struct sigv4_header){.name = name, .value = value};
}

struct expected {
    char *request, *context, *canonical, *to_sign, *signature;
};

static char *read_part(const char *folder, const char *name, const char *part)
{
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s/%s", folder, name, part);
    return sigv4_case_read_file(path);
}

static bool passes(const char *folder, const char *name)
{
    struct expected files = {
        .request = read_part(folder, name, "request.txt"),
        .context = read_part(folder, name, "context.json"),
        .canonical = read_part(folder, name, "header-canonical-request.txt"),
        .to_sign = read_part(folder, name, "header-string-to-sign.txt"),
        .signature = read_part(folder, name, "header-signature.txt"),
    };
    json_t *context = sigv4_case_need(json_loads(files.context, 0, NULL));
    const json_t *credentials = json_object_get(context, "credentials");
    const char *token = json_string_value(json_object_get(credentials, "token"));
    struct sigv4_header headers[SIGV4_MAX_HEADERS];
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[CRYPTO_SHA256_HEX_LEN + 1];
    struct sigv4_case sample = {
        .name = name,
        .request = {.headers = headers,
                    .normalize_path = json_is_true(json_object_get(context, "normalize"))},
        .scope = {.region = json_string_value(json_object_get(context, "region")),
                  .service = json_string_value(json_object_get(context, "service"))},
        .access_key_id = json_string_value(json_object_get(credentials, "access_key_id")),
        .secret_access_key = json_string_value(json_object_get(credentials, "secret_access_key")),
        .canonical_request = files.canonical,
        .string_to_sign = files.to_sign,
        .signature = files.signature,
    };
    compact_date(json_string_value(json_object_get(context, "timestamp")), sample.scope.date);
    parse_headers(parse_request_line(files.request, &sample.request), &sample.request, headers);
    add_header(&sample.request, headers, "X-Amz-Date", sample.scope.date);
    /* In the suite's cases with "omit_session_token" the token is added after signing. */
    if (token != NULL && !json_is_true(json_object_get(context, "omit_session_token")))
        add_header(&sample.request, headers, "X-Amz-Security-Token", token);
    if (json_is_true(json_object_get(context, "sign_body"))) {
        if (crypto_sha256(sample.request.body, sample.request.body_len, digest) != 0)
            exit(99);
        crypto_hex(digest, sizeof(digest), hex);
        add_header(&sample.request, headers, "x-amz-content-sha256", hex);
    }
    const bool result = sigv4_case_passes(&sample);
    json_decref(context);
    free(files.request);
    free(files.context);
    free(files.canonical);
    free(files.to_sign);
    free(files.signature);
    return result;
}

int main(void)
{
    const char *top = getenv("top_srcdir");
    char folder[2048];
    unsigned count = 0;
    unsigned failed = 0;

    (void)snprintf(folder, sizeof(folder), "%s/../shared/vectors/sigv4/v4",
                   top != NULL ? top : ".");
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        printf("skipped: the SigV4 test suite is not in %s\n", folder);
        return SKIPPED;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        failed += passes(folder, entry->d_name) ? 0 : 1;
    }
    (void)closedir(dir);
    printf("%u official cases as expected, %u not\n", count - failed, failed);
    if (count < CASES_MIN)
        fprintf(stderr, "%s: saw %u cases, expected at least %d\n", folder, count, CASES_MIN);
    return failed == 0 && count >= CASES_MIN ? 0 : 1;
}
