/* The head of an HTTP answer, read line by line: status, headers, and how the body ends. */
#ifndef LOOKOUT_NET_HTTP_HEAD_H
#define LOOKOUT_NET_HTTP_HEAD_H

#include "gateway/base/strbuf.h"
#include "gateway/net/http_client.h"

#include <stdbool.h>
#include <stddef.h>

#define HTTP_HEAD_MAX_BYTES (32 * 1024)

struct http_head {
    int status;
    bool whole;         /* the empty line after a final head was seen */
    size_t bytes;       /* of all lines, those of 1xx heads and trailers included */
    struct strbuf text; /* "name\0value\0" of each header; the name in lower case */
    size_t name_at[HTTP_CLIENT_MAX_HEADERS];
    size_t value_at[HTTP_CLIENT_MAX_HEADERS];
    size_t header_count;
};

void http_head_init(struct http_head *head);
void http_head_free(struct http_head *head);
void http_head_clear(struct http_head *head); /* for the next answer; keeps the memory */

/*
 * Takes the next line, with or without its end. What a 1xx head said is forgotten, trailers after
 * the body are only counted. NULL, or what is wrong with the answer, as the end of a sentence that
 * begins with "the answer can't be used: ".
 */
const char *http_head_add_line(struct http_head *head, const char *line, size_t len);

#endif
