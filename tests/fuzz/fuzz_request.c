/*
 * Request heads, by CivetWeb's parser and then by ours: what passes must be read in the same way by
 * a reader that knows nothing but the grammar. First byte: how much of what follows, in sixteenths,
 * was received; the rest is what an earlier request left in the buffer.
 */
#include "gateway/http/civetweb_inside.c" /* NOLINT(bugprone-suspicious-include): its statics */
#include "gateway/http/request.h"
#include "tests/fuzz/fuzz.h"

#define BUFFER_BYTES 4096

static const char *expect(const char *at, const char *end, const char *text)
{
    size_t len = strlen(text);

    MUST((size_t)(end - at) >= len && memcmp(at, text, len) == 0);
    return at + len;
}

/* The raw head must be exactly the lines that the parsed one says. */
static void compare(const struct request_head *head, const char *raw, size_t raw_len)
{
    const char *end = raw + raw_len;
    const char *at = raw;

    if (raw_len >= 2 && memcmp(at, "\r\n", 2) == 0)
        at += 2;
    at = expect(expect(at, end, head->method), end, " ");
    at = expect(at, end, head->path);
    if (head->query != NULL)
        at = expect(expect(at, end, "?"), end, head->query);
    at = expect(expect(expect(at, end, " HTTP/"), end, head->version), end, "\r\n");
    for (size_t i = 0; i < head->field_count; i++) {
        at = expect(expect(at, end, head->fields[i].name), end, ":");
        while (at < end && *at == ' ')
            at++;
        at = expect(expect(at, end, head->fields[i].value), end, "\r\n");
    }
    MUST(expect(at, end, "\r\n") == end);
}

static void take_head(struct mg_request_info *info, const char *buffer, size_t len,
                      struct request_head *head)
{
    char *query = strchr(info->request_uri, '?');

    if (query != NULL)
        *query++ = '\0';
    *head = (struct request_head){.bytes = buffer,
                                  .len = len,
                                  .method = info->request_method,
                                  .path = info->request_uri,
                                  .query = query,
                                  .version = info->http_version,
                                  .field_count = (size_t)info->num_headers};
    for (size_t i = 0; i < head->field_count; i++)
        head->fields[i] =
            (struct request_field){info->http_headers[i].name, info->http_headers[i].value};
}

static void look_at_target(const struct request_head *head)
{
    static struct request_target target;
    struct error err = {0};

    if (request_parse_target(head, &target, &err) != PROBLEM_NONE)
        return;
    MUST(target.segment_count >= 1 && target.segment_count <= REQUEST_MAX_SEGMENTS);
    for (size_t i = 0; i < target.segment_count; i++) {
        MUST(strchr(target.segments[i], '/') == NULL);
        for (const char *c = target.segments[i]; *c != '\0'; c++)
            MUST(!iscntrl((unsigned char)*c));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char buffer[BUFFER_BYTES], raw[BUFFER_BYTES];
    struct mg_request_info info = {0};
    struct request_head head;
    struct error err = {0};

    if (size < 2 || size > BUFFER_BYTES)
        return 0;
    size_t len = size - 1;
    int received = (int)(len * (data[0] % 16U + 1) / 16);
    memset(buffer, 0, sizeof(buffer));
    memcpy(buffer, data + 1, len);
    memcpy(raw, buffer, sizeof(raw));
    int head_len = get_http_header_len(buffer, received);
    /* The size of the buffer, not of what was received: so does CivetWeb. */
    if (head_len <= 0 || parse_http_request(buffer, BUFFER_BYTES, &info) <= 0)
        return 0;
    take_head(&info, buffer, (size_t)head_len, &head);
    if (request_check_head(&head, &err) != PROBLEM_NONE)
        return 0;
    compare(&head, raw, (size_t)head_len);
    look_at_target(&head);
    return 0;
}
