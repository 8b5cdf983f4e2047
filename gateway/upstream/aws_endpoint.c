/* Checks an endpoint's URL (RFC 3986) and takes it apart. */
#include "gateway/upstream/aws_endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_one_of(char c, const char *others)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(others, c) != NULL);
}

/* A name, an IPv4 address, or an IPv6 address in brackets; 0 when there is none. */
static size_t host_len(const char *authority)
{
    size_t len = 0;

    if (authority[0] != '[') {
        while (is_one_of(authority[len], "-._"))
            len++;
        return len;
    }
    for (len = 1; is_one_of(authority[len], ":."); len++)
        ;
    return len > 1 && authority[len] == ']' ? len + 1 : 0;
}

/* ":8443" to 8443; 0 for none, -1 when it is no port. */
static int parse_port(const char *text, size_t len)
{
    int port = 0;

    if (len == 0)
        return 0;
    if (text[0] != ':' || len < 2 || len > 6)
        return -1;
    for (size_t i = 1; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        port = port * 10 + (text[i] - '0');
    }
    return port >= 1 && port <= 65535 ? port : -1;
}

static int refuse(const char *url, const char *why, struct error *err)
{
    return error_set(err, ERROR_INVALID,
                     "the endpoint \"%.128s\" %s: expected http[s]://host[:port][/prefix]", url,
                     why);
}

static void copy(char *out, const char *from, size_t len)
{
    memcpy(out, from, len);
    out[len] = '\0';
}

int aws_endpoint_parse(const char *url, struct aws_endpoint *out, struct error *err)
{
    const bool secure = strncmp(url, "https://", 8) == 0;
    const int own_port = secure ? 443 : 80;

    if (strnlen(url, AWS_ENDPOINT_MAX + 1) > AWS_ENDPOINT_MAX)
        return refuse(url, "is too long", err);
    if (!secure && strncmp(url, "http://", 7) != 0)
        return refuse(url, "has another scheme", err);
    const char *authority = url + (secure ? 8 : 7);
    const size_t authority_len = strcspn(authority, "/?#");
    const size_t name_len = host_len(authority);
    const int port = parse_port(authority + name_len, authority_len - name_len);
    if (name_len == 0 || port < 0)
        return refuse(url, "has no host, or more than host and port", err);

    const char *prefix = authority + authority_len;
    size_t prefix_len = strlen(prefix);
    for (size_t i = 0; i < prefix_len; i++)
        if (!is_one_of(prefix[i], "/-._~%!$&'()*+,;=:@"))
            return refuse(url, "has a query, a fragment or an unencoded byte in its path", err);
    while (prefix_len > 0 && prefix[prefix_len - 1] == '/')
        prefix_len--;

    copy(out->origin, url, (size_t)(prefix - url));
    copy(out->prefix, prefix, prefix_len);
    copy(out->host, authority, port == own_port ? name_len : authority_len);
    for (char *c = out->host; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return 0;
}
