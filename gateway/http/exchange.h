/*
 * One request and its response. The server makes it once from what it received; routes read the one
 * half, fill the other, and know nothing of sockets.
 */
#ifndef LOOKOUT_HTTP_EXCHANGE_H
#define LOOKOUT_HTTP_EXCHANGE_H

#include "gateway/auth/principal.h"
#include "gateway/base/strbuf.h"
#include "gateway/http/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_MAX_RESPONSE (4 * 1024 * 1024)
#define EXCHANGE_MAX_HEADERS  2048 /* bytes of the headers that routes add */

struct exchange;

/*
 * Reads the body; the transport's part of exchange_read_body. BODY_TOO_LARGE, REQUEST_TIMEOUT or
 * MALFORMED_REQUEST (the sender went away) with the sentence in `err`.
 */
typedef enum problem_type exchange_read_fn(void *transport, const char **body, size_t *len,
                                           struct error *err);

struct exchange {
    /* --- the request ----------------------------------------------------------------------- */
    struct request_head head;
    struct request_target target; /* valid where fault is PROBLEM_NONE */
    int64_t began_us;             /* monotonic */
    exchange_read_fn *read;
    void *transport;
    char request_id[REQUEST_ID_MAX + 1];
    char remote_address[48];
    /* A problem that the server found before any route could see the request; `fault_detail` has
     * the sentence. Such an exchange has no target, and perhaps no head. */
    char fault_detail[ERROR_MESSAGE_MAX];
    enum problem_type fault;

    /* --- who asks: filled by authenticate.h ------------------------------------------------ */
    bool authenticated;
    struct principal principal;

    /* --- the response ---------------------------------------------------------------------- */
    bool close; /* the connection can't be used any further */
    int status;
    const char *content_type; /* NULL: no body */
    struct strbuf headers;    /* "Name: value\r\n" lines; see exchange_add_header */
    struct strbuf body;

    /* --- for the log ----------------------------------------------------------------------- */
    const char *route;                 /* the pattern; a literal */
    const char *outcome;               /* a stable word; a literal */
    char team[PRINCIPAL_MAX_TEAM + 1]; /* for whom; "" where that played no part */
};

void exchange_init(struct exchange *exchange);
void exchange_free(struct exchange *exchange);
/* Ready for the next request; keeps the buffers' memory unless it is much. */
void exchange_reset(struct exchange *exchange);

/*
 * The body, whole, or a problem. A request without a body has one of length 0. The bytes are the
 * transport's, end with a NUL, and live until the exchange ends.
 */
enum problem_type exchange_read_body(struct exchange *exchange, const char **body, size_t *len,
                                     struct error *err) __attribute__((warn_unused_result));

/*
 * Adds a response header. A value that holds a control character is not sent at all: CR LF in it
 * would begin a header, or a response, of somebody else's choice.
 */
void exchange_add_header(struct exchange *exchange, const char *name, const char *value);
/* In whole seconds, rounded up, at least 1; nothing for 0 (not known). */
void exchange_add_retry_after(struct exchange *exchange, int64_t ms);

/* Empties the body and opens a JSON object in it; routes add members with json_out.h. */
struct strbuf *exchange_begin_json(struct exchange *exchange, int status);
/* Closes the object. */
void exchange_end_json(struct exchange *exchange);

/*
 * Begins the problem document: type, title, status, detail, RequestId. Members may follow; then
 * exchange_end_json. `status` 0 takes the type's own.
 */
struct strbuf *exchange_begin_problem(struct exchange *exchange, enum problem_type type, int status,
                                      const char *detail);
/* A whole problem without further members. */
void exchange_problem(struct exchange *exchange, enum problem_type type, const char *detail);
/* A whole problem from an error: its message, and its pointer where it has one. */
void exchange_problem_error(struct exchange *exchange, enum problem_type type,
                            const struct error *err);

struct exchange_framing {
    const char *date; /* IMF-fixdate */
    bool keep_alive;
    bool head_only; /* answer to HEAD: everything but the body */
    bool http_1_0;
};
/*
 * Appends the whole response, head and body, to `wire`. A body that overflowed or found no memory
 * becomes an internal-error.
 */
void exchange_serialize(struct exchange *exchange, const struct exchange_framing *framing,
                        struct strbuf *wire);

#endif
