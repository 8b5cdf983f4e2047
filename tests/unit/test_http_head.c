/* http_head: heads as text, what is read from them, and why others are not believed. */
#include "gateway/net/http_head.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

#define LENGTH "Content-Length: 0\n"

/* Adds line after line until the text ends or a line is refused. */
static const char *add_text(struct http_head *head, const char *text)
{
    const char *broken = NULL;

    while (*text != '\0' && broken == NULL) {
        size_t len = strcspn(text, "\n");

        len += text[len] == '\n';
        broken = http_head_add_line(head, text, len);
        text += len;
    }
    return broken;
}

static void test_reads_the_final_head(void **state)
{
    struct http_head head;

    (void)state;
    http_head_init(&head);
    for (int round = 0; round < 2; round++) {
        http_head_clear(&head);
        assert_null(add_text(&head, "HTTP/1.1 100 Continue\r\nOld: x\r\n\r\n"));
        assert_false(head.whole);
        assert_null(add_text(&head, "HTTP/1.1 201 Made\r\nX-One:\t a  b \t\r\n" LENGTH));
        assert_false(head.whole);
        assert_null(add_text(&head, "\r\nTrailer: t\r\n"));
        assert_true(head.whole);
        assert_int_equal(head.status, 201);
        assert_int_equal(head.header_count, 2);
        assert_string_equal(head.text.data + head.name_at[0], "x-one");
        assert_string_equal(head.text.data + head.value_at[0], "a  b");
        assert_string_equal(head.text.data + head.name_at[1], "content-length");
    }
    http_head_free(&head);
}

static void test_believes_only_what_is_sound(void **state)
{
    static const struct {
        const char *text, *why; /* NULL = sound */
    } cases[] = {
        {"HTTP/1.1 200 OK\n" LENGTH "\n", NULL},
        {"HTTP/1.1 200\n" LENGTH "\n", NULL},
        {"HTTP/1.1 200 OK\ntransfer-encoding: CHUNKED\n\n", NULL},
        {"HTTP/1.1 204 None\n\n", NULL},
        {"HTTP/1.1 304 Same\n\n", NULL},
        {"HTTP/1.1\n", "status line"},
        {"HTTP/1.1 20\n", "status line"},
        {"HTTP/1.1 20x\n", "status line"},
        {"HTTP/1.1 2000 OK\n", "status line"},
        {"HTTP/1.1 200 OK\nno colon\n", "header line"},
        {"HTTP/1.1 200 OK\n: v\n", "header line"},
        {"HTTP/1.1 200 OK\nA: b\n folded: c\n", "header line"},
        {"HTTP/1.1 200 OK\n\n", "neither"},
        {"HTTP/1.1 200 OK\n" LENGTH LENGTH "\n", "twice"},
        {"HTTP/1.1 200 OK\n" LENGTH "Transfer-Encoding: chunked\n\n", "twice"},
        {"HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n", "not chunked"},
    };
    struct http_head head;

    (void)state;
    http_head_init(&head);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *broken;

        http_head_clear(&head);
        broken = add_text(&head, cases[i].text);
        if ((broken == NULL) != (cases[i].why == NULL))
            fail_msg("case %zu: %s", i, broken != NULL ? broken : "believed");
        if (broken != NULL && cases[i].why != NULL)
            assert_non_null(strstr(broken, cases[i].why));
    }
    http_head_clear(&head);
    assert_non_null(http_head_add_line(&head, "A: b\0c\r\n", 8));
    http_head_free(&head);
}

static void test_counts_trailers_against_its_size(void **state)
{
    static char line[1024];
    struct http_head head;
    const char *broken = NULL;
    int lines = 0;

    (void)state;
    memset(line, 'x', sizeof(line));
    http_head_init(&head);
    assert_null(add_text(&head, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n"));
    while (lines < 1000 && broken == NULL) {
        broken = http_head_add_line(&head, line, sizeof(line));
        lines++;
    }
    assert_int_equal(lines, HTTP_HEAD_MAX_BYTES / (int)sizeof(line));
    assert_non_null(strstr(broken, "too large"));
    http_head_free(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_final_head),
        cmocka_unit_test(test_believes_only_what_is_sound),
        cmocka_unit_test(test_counts_trailers_against_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
