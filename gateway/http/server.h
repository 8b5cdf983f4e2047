/*
 * The HTTP server: CivetWeb, held to what STACK.md found it to need. It makes exchanges from what
 * it receives, has them answered, and puts the answers on the wire; it knows no route.
 */
#ifndef LOOKOUT_HTTP_SERVER_H
#define LOOKOUT_HTTP_SERVER_H

#include "gateway/base/clock.h"
#include "gateway/http/exchange.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_MAX_LISTENERS 16

/* Strings are borrowed until http_server_start returns. */
struct http_settings {
    const char *const *listen; /* "127.0.0.1:8080", "[::1]:0"; port 0 takes a free one */
    size_t listen_count;       /* 1 to HTTP_MAX_LISTENERS */
    const char *tls_certificate_file, *tls_key_file; /* both or none; for all addresses */
    /* One connection holds one thread; where others wait for one, it ends with its next answer. */
    int64_t threads;
    int64_t max_head_bytes; /* request line and fields */
    int64_t max_body_bytes;
    int64_t request_timeout_ms;    /* for the whole head, a TLS handshake, and writing */
    int64_t keep_alive_timeout_ms; /* between two requests of a connection */
    int64_t body_timeout_ms;       /* for the whole body, from its first read */
};
/* All but the addresses and files. */
void http_settings_default(struct http_settings *settings);

/* Fills the response. Called by many threads at a time. */
typedef void http_handle_fn(void *context, struct exchange *exchange);

/* Whether certificate and key can be read and belong together. ERROR_INVALID names the file. */
int http_server_check_tls(const char *certificate_file, const char *key_file, struct error *err)
    __attribute__((warn_unused_result));

struct http_server;

/* `clock` and `context` outlive the server. ERROR_INVALID for settings, ERROR_IO for sockets. */
int http_server_start(const struct http_settings *settings, const struct clock *clock,
                      http_handle_fn *handle, void *context, struct http_server **out,
                      struct error *err) __attribute__((warn_unused_result));

/* The ports, in the order of `listen`. Returns how many. */
size_t http_server_ports(const struct http_server *server, uint16_t ports[HTTP_MAX_LISTENERS]);

/*
 * Refuses what is new with 503 and `Connection: close`, and waits until all that is under way is
 * answered or `deadline_ms` (monotonic) has passed. True where nothing is under way any more.
 */
bool http_server_drain(struct http_server *server, int64_t deadline_ms);

/* Closes everything, at once: what is under way is lost. NULL is allowed. */
void http_server_stop(struct http_server **server);

#endif
