/* A raw client for tests of the server: bytes out, bytes in, nothing made nicer. */
#ifndef LOOKOUT_TESTS_UNIT_HTTP_CLIENT_H
#define LOOKOUT_TESTS_UNIT_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_MAX_ANSWER (256 * 1024)

struct client_answer {
    int status;
    bool closes; /* "Connection: close" */
    char head[8192];
    char body[CLIENT_MAX_ANSWER];
    size_t body_len;
};

/* Connects to 127.0.0.1; -1 where that fails. */
int client_connect(uint16_t port);
/* Sends all; false where the other side is gone. */
bool client_send(int fd, const void *bytes, size_t len);
bool client_send_text(int fd, const char *text);
/* Reads one response by its Content-Length (none after HEAD or 100). False at the end. */
bool client_receive(int fd, bool head_only, struct client_answer *out);
/* True where the other side closed without another byte. */
bool client_sees_end(int fd);
/* Value of a header of the answer, copied; false where it is absent. */
bool client_header(const struct client_answer *answer, const char *name, char *out, size_t size);

#endif
