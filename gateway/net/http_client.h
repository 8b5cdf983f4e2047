/*
 * HTTP requests by libcurl, with what money needs to know of each: how often it was really sent.
 * Only http_client.c and http_client_url.c include curl/curl.h.
 */
#ifndef LOOKOUT_NET_HTTP_CLIENT_H
#define LOOKOUT_NET_HTTP_CLIENT_H

#include "policy/error.h"

#include <stddef.h>
#include <stdint.h>

#define HTTP_CLIENT_MAX_HEADERS 64

struct http_client_settings {
    const char *ca_bundle;      /* file of PEM certificates; NULL = the system's */
    int64_t connect_timeout_ms; /* for name, TCP and TLS together */
    size_t max_handles;         /* idle handles kept with their connections */
};

struct http_header {
    const char *name;  /* of a response: lower case */
    const char *value; /* of a response: blanks around it removed */
};

/* Everything is borrowed. Exactly these headers are sent, and Content-Length where there is a body
 * (or the method is POST). No redirect is followed, no proxy taken from the environment, no
 * compression asked for. */
struct http_request {
    const char *method; /* "GET" or "POST" */
    const char *url;    /* http:// or https://, already encoded */
    const struct http_header *headers;
    size_t header_count;
    const void *body;
    size_t body_len;
    int64_t timeout_ms;        /* for the whole exchange */
    size_t max_response_bytes; /* of the body; more is an error, never a cut body */
};

struct http_response {
    int status;
    struct http_header headers[HTTP_CLIENT_MAX_HEADERS];
    size_t header_count;
    char *head; /* what the headers point into */
    char *body; /* always a C string */
    size_t body_len;
};

/*
 * A pool of libcurl easy handles, each used by one thread at a time and kept with its connection.
 * Any thread. The program ignores SIGPIPE. Freed when nobody performs any more.
 */
struct http_client;
int http_client_create(const struct http_client_settings *settings, struct http_client **out,
                       struct error *err) __attribute__((warn_unused_result));
void http_client_free(struct http_client **client);

/*
 * For shutting down: requests under way that last longer, and all that are made later, are broken
 * off, about a second late; they end as they would if their time were over.
 */
void http_client_end_within(struct http_client *client, int64_t left_ms);

/*
 * Performs one request.
 *   0               a whole answer is in `*out` (http_response_clear it), whatever its status;
 *   ERROR_INVALID, ERROR_NOMEM  the request can't be made; nothing was sent;
 *   ERROR_RETRY     nothing was sent: no byte of the request left for the server;
 *   ERROR_UNCERTAIN it may have been received: the answer is missing, broken, cut short, or too
 * large.
 * `*sends` (never NULL) counts how often the request went out. It is never more than 1: libcurl's
 * own silent second send of a POST on a dead connection is aborted before it leaves, and then the
 * result is ERROR_UNCERTAIN.
 * An answer must tell the length of its body, by Content-Length or chunks: of one that ends with
 * its connection nobody knows whether it is whole.
 */
int http_client_perform(struct http_client *client, const struct http_request *request,
                        struct http_response *out, unsigned *sends, struct error *err)
    __attribute__((warn_unused_result));
void http_response_clear(struct http_response *response);

/* The value of the first header of that (lower-case) name, or NULL. Borrowed. */
const char *http_response_header(const struct http_response *response, const char *name);

#endif
