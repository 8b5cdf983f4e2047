/*
 * What CivetWeb knows of a connection and its public interface does not tell: where the head of the
 * request really ended, and the socket. Guards against its framing and its missing deadlines need
 * both, and looking is exact where guessing from the outside would not be.
 *
 * civetweb_inside.c compiles CivetWeb's source into its own unit, so these are accesses by name
 * that stop compiling if a later release changes them. All calls: only in the worker that owns
 * `conn`.
 */
#ifndef LOOKOUT_HTTP_CIVETWEB_INSIDE_H
#define LOOKOUT_HTTP_CIVETWEB_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mg_connection;

struct civetweb_input {
    const char *data; /* the connection's buffer: the head, as the parser left it, then more */
    size_t received;  /* bytes in it */
    size_t capacity;  /* what a head may have at most */
    size_t head_len;  /* up to and with the empty line; 0 where no whole head was received */
    int64_t body_len; /* as CivetWeb understood it */
};
void civetweb_inside_input(const struct mg_connection *conn, struct civetweb_input *out);

/* True where the whole body stands in the buffer already, so that reading it can't wait. */
bool civetweb_inside_body_is_here(const struct mg_connection *conn);

/*
 * Reads up to `len` bytes of the body, from the buffer first, waiting at most `timeout_ms` for the
 * next bytes (mg_read waits for all of them, for as long as the sender likes).
 * > 0: bytes read; 0: none came in time; -1: the connection is gone.
 */
long civetweb_inside_read(struct mg_connection *conn, void *out, size_t len, int timeout_ms);

/*
 * Writes some of `len` bytes, waiting at most `timeout_ms` for room (mg_write begins anew to wait
 * with each byte that a slow reader takes). > 0: bytes written; 0: no room in time; -1: the
 * connection is gone.
 */
long civetweb_inside_write(struct mg_connection *conn, const void *bytes, size_t len,
                           int timeout_ms);

/* Connections that were accepted wait for a thread, such as the one that `conn` holds. */
bool civetweb_inside_others_wait(const struct mg_connection *conn);

/* Whether CivetWeb will keep the connection if the body is read: the response must say the same. */
bool civetweb_inside_may_keep_alive(const struct mg_connection *conn);

/* A request was understood, and nobody tried to answer it. */
bool civetweb_inside_is_unanswered(const struct mg_connection *conn);

int civetweb_inside_socket(const struct mg_connection *conn);
bool civetweb_inside_is_tls(const struct mg_connection *conn);

#endif
