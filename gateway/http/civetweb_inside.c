/* CivetWeb itself, compiled as one unit with the few accessors of civetweb_inside.h. */

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* A CR or LF that is not part of a CR LF, in the head that `head` begins with. */
static bool has_bare_line_end(const char *head, int size)
{
    const char *line = head;
    const char *end = head + size;

    for (;;) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        const char *cr = memchr(line, '\r', (size_t)((feed != NULL ? feed : end) - line));
        if (feed == NULL)
            return cr != NULL;
        if (cr == NULL || cr + 1 != feed)
            return true;
        if (cr == line && line != head) /* the empty line: what follows is no head */
            return false;
        line = feed + 1;
    }
}

/*
 * CivetWeb takes any two blanks, CRs and LFs for the end of a request line, and writes NULs over
 * them. It asks iscntrl() of a message's first byte right before, which is the one moment at which
 * the whole head, its `buf` and `len`, can be seen as it came. Where it asks elsewhere, these two
 * stand for "no head".
 */
static const char buf[] = "";
enum { len = 0 };
#undef iscntrl
#define iscntrl(c) ((c) < ' ' || (c) == 0x7f || has_bare_line_end(buf, len))
/* It also asks of each byte of a head whether it is printable: in ASCII, and without a call. */
#undef isprint
#define isprint(c) ((unsigned)(c)-0x20u < 0x5Fu)
#include <civetweb.c> /* NOLINT(bugprone-suspicious-include): that is what this file is for */
#undef iscntrl
#undef isprint

#include "gateway/http/civetweb_inside.h"

/* A TLS record: OpenSSL would wait for all that it is given, with no look at the time between. */
#define MAX_TLS_WRITE (16 * 1024)
/* CivetWeb's own value of request_state once something was written; it is reset for each request.
 */
#define STATE_WRITTEN 10

void civetweb_inside_input(const struct mg_connection *conn, struct civetweb_input *out)
{
    *out = (struct civetweb_input){
        .data = conn->buf,
        .received = conn->data_len > 0 ? (size_t)conn->data_len : 0,
        .capacity = (size_t)conn->buf_size,
        .head_len = conn->request_len > 0 ? (size_t)conn->request_len : 0,
        .body_len = conn->content_len,
    };
}

static int64_t body_in_buffer(const struct mg_connection *conn)
{
    int64_t bytes = (int64_t)conn->data_len - conn->request_len - conn->consumed_content;
    int64_t left = conn->content_len - conn->consumed_content;
    if (bytes < 0 || left < 0)
        return 0;
    return bytes < left ? bytes : left;
}

bool civetweb_inside_body_is_here(const struct mg_connection *conn)
{
    return conn->consumed_content + body_in_buffer(conn) >= conn->content_len;
}

long civetweb_inside_read(struct mg_connection *conn, void *out, size_t len, int timeout_ms)
{
    int64_t here = body_in_buffer(conn);
    if (here > 0) {
        size_t take = (uint64_t)here < len ? (size_t)here : len;
        memcpy(out, conn->buf + conn->request_len + conn->consumed_content, take);
        conn->consumed_content += (int64_t)take;
        return (long)take;
    }
    int64_t left = conn->content_len - conn->consumed_content;
    if (left <= 0 || len == 0)
        return -1;
    int ask = (uint64_t)left < len ? (int)left : (int)len;
    int got = pull_inner(NULL, conn, (char *)out, ask, timeout_ms / 1000.0);
    if (got == -2)
        return -1;
    if (got <= 0)
        return 0;
    conn->consumed_content += got;
    return got;
}

long civetweb_inside_write(struct mg_connection *conn, const void *bytes, size_t len,
                           int timeout_ms)
{
    size_t most = conn->ssl != NULL ? MAX_TLS_WRITE : INT_MAX;
    int ask = (int)(len < most ? len : most);
    conn->request_state = STATE_WRITTEN;
    int sent = push_inner(conn->phys_ctx, NULL, conn->client.sock, conn->ssl, bytes, ask,
                          timeout_ms / 1000.0);
    if (sent == -2)
        return -1;
    if (sent <= 0)
        return 0;
    conn->num_bytes_sent += sent;
    return sent;
}

/* Read without the queue's lock: an answer of a moment ago is good enough. */
bool civetweb_inside_others_wait(const struct mg_connection *conn)
{
    return conn->phys_ctx->sq_head != conn->phys_ctx->sq_tail;
}

bool civetweb_inside_may_keep_alive(const struct mg_connection *conn)
{
    return should_keep_alive(conn) && conn->protocol_type == PROTOCOL_TYPE_HTTP1 &&
           STOP_FLAG_IS_ZERO(&conn->phys_ctx->stop_flag);
}

bool civetweb_inside_is_unanswered(const struct mg_connection *conn)
{
    return conn->request_info.request_uri != NULL && conn->request_state != STATE_WRITTEN;
}

int civetweb_inside_socket(const struct mg_connection *conn)
{
    return conn->client.sock;
}

bool civetweb_inside_is_tls(const struct mg_connection *conn)
{
    return conn->ssl != NULL;
}
