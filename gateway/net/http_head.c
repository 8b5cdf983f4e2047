/* The head of an HTTP answer, read line by line: status, headers, and how the body ends. */
#include "gateway/net/http_head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

void http_head_init(struct http_head *head)
{
    *head = (struct http_head){.status = 0};
    strbuf_init(&head->text, HTTP_HEAD_MAX_BYTES);
}

void http_head_free(struct http_head *head)
{
    strbuf_free(&head->text);
}

void http_head_clear(struct http_head *head)
{
    strbuf_clear(&head->text);
    head->status = 0;
    head->whole = false;
    head->bytes = 0;
    head->header_count = 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* RFC 9112 section 4; the version is libcurl's matter, the reason nobody's. */
static const char *add_status_line(struct http_head *head, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    size_t digits = space != NULL ? len - (size_t)(space + 1 - line) : 0;

    if (digits < 3 || !isdigit((unsigned char)space[1]) || !isdigit((unsigned char)space[2]) ||
        !isdigit((unsigned char)space[3]) || (digits > 3 && space[4] != ' '))
        return "its status line is malformed";
    head->status = (space[1] - '0') * 100 + (space[2] - '0') * 10 + (space[3] - '0');
    head->header_count = 0; /* those of a 1xx head are not the answer's */
    strbuf_clear(&head->text);
    return NULL;
}

static const char *add_header(struct http_head *head, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    const char *end = line + len;
    const char *value;

    if (colon == NULL || colon == line || is_blank(line[0]) || memchr(line, '\0', len) != NULL)
        return "a header line is malformed";
    if (head->header_count == HTTP_CLIENT_MAX_HEADERS)
        return "it has too many headers";
    for (value = colon + 1; value < end && is_blank(*value);)
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    head->name_at[head->header_count] = head->text.len;
    for (const char *name = line; name < colon; name++)
        strbuf_addch(&head->text, (char)tolower((unsigned char)*name));
    strbuf_addch(&head->text, '\0');
    head->value_at[head->header_count] = head->text.len;
    strbuf_add(&head->text, value, (size_t)(end - value));
    strbuf_addch(&head->text, '\0');
    if (!strbuf_ok(&head->text))
        return "there is no memory for its headers";
    head->header_count++;
    return NULL;
}

/*
 * RFC 9112 section 6.3, less what it allows for old servers: a body that ends with its connection
 * may have been cut, and two lengths may differ.
 */
static const char *check_framing(const struct http_head *head)
{
    size_t lengths = 0;
    size_t codings = 0;

    for (size_t i = 0; i < head->header_count; i++) {
        const char *name = head->text.data + head->name_at[i];

        if (strcmp(name, "content-length") == 0)
            lengths++;
        if (strcmp(name, "transfer-encoding") != 0)
            continue;
        codings++;
        if (strcasecmp(head->text.data + head->value_at[i], "chunked") != 0)
            return "its transfer coding is not chunked";
    }
    if (lengths + codings > 1)
        return "the length of its body is told twice";
    if (lengths + codings == 0 && head->status != 204 && head->status != 304)
        return "it has neither Content-Length nor chunks, so a cut would not be seen";
    return NULL;
}

/* The empty line; after a 1xx head another one follows. */
static const char *end_head(struct http_head *head)
{
    head->whole = head->status >= 200;
    return head->whole ? check_framing(head) : NULL;
}

const char *http_head_add_line(struct http_head *head, const char *line, size_t len)
{
    head->bytes += len;
    if (head->bytes > HTTP_HEAD_MAX_BYTES)
        return "its head is too large";
    if (head->whole)
        return NULL;
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    if (len == 0)
        return end_head(head);
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        return add_status_line(head, line, len);
    return add_header(head, line, len);
}
