/* A server on a loopback port that answers request after request from a script, for tests. */
#include "tests/unit/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct scripted_server {
    const struct scripted_answer *answers;
    size_t answer_count;
    SSL_CTX *tls;
    int listen_fd;
    int port;
    pthread_t thread;
    bool running;
    /* Written by the thread, read when it has ended. */
    unsigned requests;
    unsigned connections;
    char incoming[SCRIPTED_REQUEST_MAX + 1];
    char last[SCRIPTED_REQUEST_MAX + 1];
};

struct connection {
    int fd;
    SSL *ssl;
};

static ssize_t receive(const struct connection *c, char *out, size_t len)
{
    return c->ssl != NULL ? SSL_read(c->ssl, out, (int)len) : recv(c->fd, out, len, 0);
}

static void transmit(const struct connection *c, const char *text)
{
    size_t len = strlen(text);

    if (c->ssl != NULL) {
        (void)SSL_write(c->ssl, text, (int)len);
        return;
    }
    while (len > 0) {
        ssize_t sent = send(c->fd, text, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        text += sent;
        len -= (size_t)sent;
    }
}

/* The length of the whole request when it is all there, else 0. */
static size_t whole_request(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\nContent-Length:");
    size_t body = 0;

    if (end == NULL)
        return 0;
    if (length != NULL && length < end)
        body = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    end += 4;
    return strlen(end) >= body ? (size_t)(end - text) + body : 0;
}

static bool read_request(struct scripted_server *s, const struct connection *c)
{
    size_t len = 0;

    s->incoming[0] = '\0';
    while (whole_request(s->incoming) == 0) {
        ssize_t got = receive(c, s->incoming + len, SCRIPTED_REQUEST_MAX - len);

        if (got <= 0)
            return false;
        len += (size_t)got;
        s->incoming[len] = '\0';
    }
    memcpy(s->last, s->incoming, len + 1);
    return true;
}

static void serve_connection(struct scripted_server *s, const struct connection *c)
{
    char rest[256];
    bool open = true;

    while (open && read_request(s, c)) {
        const struct scripted_answer *answer = NULL;

        if (s->requests < s->answer_count)
            answer = &s->answers[s->requests];
        s->requests++;
        if (answer != NULL && answer->text != NULL)
            transmit(c, answer->text);
        while (answer != NULL && answer->hold && receive(c, rest, sizeof(rest)) > 0)
            continue;
        open = answer != NULL && !answer->close;
    }
}

static void *serve(void *arg)
{
    struct scripted_server *s = arg;
    struct connection c;

    for (;;) {
        c = (struct connection){.fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC)};
        if (c.fd < 0)
            return NULL;
        s->connections++;
        if (s->tls != NULL) {
            c.ssl = SSL_new(s->tls);
            SSL_set_fd(c.ssl, c.fd);
        }
        if (c.ssl == NULL || SSL_accept(c.ssl) == 1)
            serve_connection(s, &c);
        if (c.ssl != NULL)
            SSL_shutdown(c.ssl);
        SSL_free(c.ssl);
        close(c.fd);
    }
}

struct scripted_server *scripted_server_start(const struct scripted_answer *answers, size_t count,
                                              SSL_CTX *tls)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    struct scripted_server *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->answers = answers;
    s->answer_count = count;
    s->tls = tls;
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listen_fd < 0 || bind(s->listen_fd, (struct sockaddr *)&address, len) != 0 ||
        listen(s->listen_fd, 64) != 0 ||
        getsockname(s->listen_fd, (struct sockaddr *)&address, &len) != 0)
        goto failed;
    s->port = ntohs(address.sin_port);
    s->running = pthread_create(&s->thread, NULL, serve, s) == 0;
    if (s->running)
        return s;
failed:
    scripted_server_stop(&s);
    return NULL;
}

void scripted_server_stop_serving(struct scripted_server *server)
{
    if (!server->running)
        return;
    shutdown(server->listen_fd, SHUT_RDWR); /* wakes accept */
    pthread_join(server->thread, NULL);
    server->running = false;
}

void scripted_server_stop(struct scripted_server **server)
{
    if (*server == NULL)
        return;
    scripted_server_stop_serving(*server);
    if ((*server)->listen_fd >= 0)
        close((*server)->listen_fd);
    free(*server);
    *server = NULL;
}

int scripted_server_port(const struct scripted_server *server)
{
    return server->port;
}

unsigned scripted_server_requests(const struct scripted_server *server)
{
    return server->requests;
}

unsigned scripted_server_connections(const struct scripted_server *server)
{
    return server->connections;
}

const char *scripted_server_last(const struct scripted_server *server)
{
    return server->last;
}
