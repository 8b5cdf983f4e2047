/* The tests' raw HTTP client. */
#include "tests/unit/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

int client_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool client_send(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool client_send_text(int fd, const char *text)
{
    return client_send(fd, text, strlen(text));
}

static bool receive_head(int fd, struct client_answer *out)
{
    size_t len = 0;
    while (len < 4 || memcmp(out->head + len - 4, "\r\n\r\n", 4) != 0) {
        if (len + 1 >= sizeof(out->head) || recv(fd, out->head + len, 1, 0) != 1)
            return false;
        len++;
    }
    out->head[len] = '\0';
    if (strncmp(out->head, "HTTP/1.1 ", 9) != 0)
        return false;
    out->status = (int)strtol(out->head + 9, NULL, 10);
    return true;
}

bool client_header(const struct client_answer *answer, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name);
    for (const char *line = strstr(answer->head, "\r\n"); line != NULL;
         line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
            continue;
        const char *value = line + name_len + 1;
        value += strspn(value, " ");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
        return true;
    }
    return false;
}

bool client_receive(int fd, bool head_only, struct client_answer *out)
{
    char value[64];
    out->body_len = 0;
    if (!receive_head(fd, out))
        return false;
    out->closes =
        client_header(out, "Connection", value, sizeof(value)) && strcasecmp(value, "close") == 0;
    size_t want = 0;
    if (!head_only && client_header(out, "Content-Length", value, sizeof(value)))
        want = strtoul(value, NULL, 10);
    if (want >= sizeof(out->body))
        return false;
    while (out->body_len < want) {
        ssize_t got = recv(fd, out->body + out->body_len, want - out->body_len, 0);
        if (got <= 0)
            return false;
        out->body_len += (size_t)got;
    }
    out->body[out->body_len] = '\0';
    return true;
}

bool client_sees_end(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) <= 0;
}
