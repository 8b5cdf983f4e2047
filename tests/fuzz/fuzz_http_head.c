/* Heads of answers: line after line, as libcurl hands them over. */
#include "gateway/net/http_head.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void look_at(const struct http_head *head)
{
    MUST(head->status >= 0 && head->status <= 999);
    MUST(head->header_count <= HTTP_CLIENT_MAX_HEADERS);
    for (size_t i = 0; i < head->header_count; i++) {
        MUST(head->name_at[i] < head->value_at[i]);
        MUST(head->value_at[i] < head->text.len);
        MUST(strlen(head->text.data + head->name_at[i]) > 0);
        MUST(head->value_at[i] + strlen(head->text.data + head->value_at[i]) < head->text.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    const char *end = at + size;
    const char *wrong = NULL;
    struct http_head head;

    http_head_init(&head);
    while (at < end && wrong == NULL) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t len = line_end != NULL ? (size_t)(line_end + 1 - at) : (size_t)(end - at);

        wrong = http_head_add_line(&head, at, len);
        if (wrong == NULL)
            look_at(&head);
        at += len;
    }
    http_head_free(&head);
    return 0;
}
