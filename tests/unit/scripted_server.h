/* A server on a loopback port that answers request after request from a script, for tests. */
#ifndef LOOKOUT_TESTS_UNIT_SCRIPTED_SERVER_H
#define LOOKOUT_TESTS_UNIT_SCRIPTED_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#define SCRIPTED_REQUEST_MAX 65536

/* What one request gets. */
struct scripted_answer {
    const char *text; /* sent as it is; NULL = nothing at all */
    bool close;       /* then the connection ends; otherwise the next request is read from it */
    bool hold;        /* then nothing more happens until the client goes away */
};

/* One connection at a time; requests beyond the script are counted and not answered. */
struct scripted_server;

/* `answers` is borrowed. `tls` is NULL for plain HTTP, borrowed otherwise. NULL when it failed. */
struct scripted_server *scripted_server_start(const struct scripted_answer *answers, size_t count,
                                              SSL_CTX *tls);
/* Clients have closed their connections, or do so at a time. */
void scripted_server_stop(struct scripted_server **server);

int scripted_server_port(const struct scripted_server *server);

/* Only after scripted_server_stop_serving: how many whole requests arrived, and the last of them.
 */
void scripted_server_stop_serving(struct scripted_server *server);
unsigned scripted_server_requests(const struct scripted_server *server);
unsigned scripted_server_connections(const struct scripted_server *server);
const char *scripted_server_last(const struct scripted_server *server);

#endif
