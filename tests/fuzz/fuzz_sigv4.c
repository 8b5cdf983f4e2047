/*
 * Canonical requests: first line the path, second the query, then "name:value" lines, and the body
 * after an empty line. What is accepted must have the shape that AWS describes.
 */
#include "gateway/aws/sigv4.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define MAX_LINES (SIGV4_MAX_HEADERS + 8)

/* Cuts the next line off and ends it with a NUL. */
static char *next_line(char **at)
{
    char *line = *at;
    char *end = line != NULL ? strchr(line, '\n') : NULL;

    *at = end != NULL ? end + 1 : NULL;
    if (end != NULL)
        *end = '\0';
    return line;
}

static size_t read_headers(char **at, struct sigv4_header headers[MAX_LINES])
{
    size_t count = 0;

    for (char *line = next_line(at); line != NULL && *line != '\0'; line = next_line(at)) {
        char *colon = strchr(line, ':');

        if (count == MAX_LINES || colon == NULL)
            break;
        *colon = '\0';
        headers[count++] = (struct sigv4_header){.name = line, .value = colon + 1};
    }
    return count;
}

static size_t count_lines(const char *text)
{
    size_t count = 1;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

/* Method, path, query, a line for each signed header, an empty one, their names, the hash. */
static void look_at(const struct strbuf *canonical, const struct strbuf *signed_headers)
{
    size_t names = signed_headers->len > 0 ? 1 : 0;

    MUST(canonical->len == strlen(canonical->data));
    for (const char *c = signed_headers->data; *c != '\0'; c++)
        names += *c == ';';
    MUST(count_lines(canonical->data) == 6 + names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sigv4_header headers[MAX_LINES];
    struct sigv4_request request = {.method = "POST", .headers = headers};
    struct strbuf canonical, signed_headers;
    struct error err = {0};
    char *text = malloc(size + 1);

    MUST(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    char *at = text;
    request.path = next_line(&at);
    request.query = next_line(&at);
    request.header_count = read_headers(&at, headers);
    request.body = at != NULL ? at : "";
    request.body_len = strlen(request.body);
    request.normalize_path = size % 2 == 0;
    strbuf_init(&canonical, SIGV4_MAX_CANONICAL);
    strbuf_init(&signed_headers, SIGV4_MAX_CANONICAL);
    if (sigv4_canonical_request(&request, &canonical, &signed_headers, &err) == 0)
        look_at(&canonical, &signed_headers);
    else
        MUST(err.message[0] != '\0');
    strbuf_free(&canonical);
    strbuf_free(&signed_headers);
    free(text);
    return 0;
}
