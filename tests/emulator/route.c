/* /2020-11-20/projects[/{projectName}/models[/{modelVersion}[/start|/stop]]] */
#include "tests/emulator/route.h"

#include "gateway/base/crypto.h"

#include <string.h>

/* Decodes one segment or value; false for an escape that is none. */
static bool decode(const char *from, size_t len, char *out, size_t size)
{
    char pair[3] = "";
    unsigned char byte;
    size_t used = 0;

    for (size_t i = 0; i < len && used < size - 1; i++) {
        byte = (unsigned char)from[i];
        if (byte == '%') {
            if (len - i < 3)
                return false;
            memcpy(pair, from + i + 1, 2);
            if (!crypto_unhex(pair, &byte, 1) || byte == 0)
                return false;
            i += 2;
        }
        out[used++] = (char)byte;
    }
    out[used] = '\0';
    return true;
}

/* Takes a literal off the front. */
static bool take_literal(const char **rest, const char *literal)
{
    size_t len = strlen(literal);

    if (strncmp(*rest, literal, len) != 0)
        return false;
    *rest += len;
    return true;
}

static bool take_segment(const char **rest, char out[ROUTE_SEGMENT_SIZE])
{
    size_t len = strcspn(*rest, "/");

    if (len == 0 || !decode(*rest, len, out, ROUTE_SEGMENT_SIZE))
        return false;
    *rest += len;
    return true;
}

/* A '+' as such stands for a blank in a query: who means a plus encodes it. */
static bool take_value(const char *from, size_t len, char out[ROUTE_VALUE_SIZE])
{
    char plain[ROUTE_VALUE_SIZE * 3];

    if (len >= sizeof(plain))
        len = sizeof(plain) - 1;
    for (size_t i = 0; i < len; i++)
        plain[i] = from[i] == '+' ? ' ' : from[i];
    return decode(plain, len, out, ROUTE_VALUE_SIZE);
}

/* Parameters that the lists don't have are ignored, as AWS does. */
static bool parse_query(const char *query, struct route *out)
{
    for (const char *at = query ? query : ""; *at != '\0';) {
        size_t len = strcspn(at, "&");
        const char *from = at;

        at += len + (at[len] == '&');
        if (take_literal(&from, "nextToken=")) {
            if (!take_value(from, len - strlen("nextToken="), out->page_token))
                return false;
        } else if (take_literal(&from, "maxResults=")) {
            if (!take_value(from, len - strlen("maxResults="), out->max_results))
                return false;
        }
    }
    return true;
}

static bool parse_list(enum hosting_operation operation, const char *method, const char *query,
                       struct route *out)
{
    out->operation = operation;
    return strcmp(method, "GET") == 0 && parse_query(query, out);
}

bool route_parse(const char *method, const char *path, const char *query, struct route *out)
{
    bool post = strcmp(method, "POST") == 0;

    out->project[0] = out->version[0] = out->page_token[0] = out->max_results[0] = '\0';
    if (!take_literal(&path, "/2020-11-20/projects"))
        return false;
    if (*path == '\0')
        return parse_list(HOSTING_LIST_PROJECTS, method, query, out);
    if (!take_literal(&path, "/") || !take_segment(&path, out->project) ||
        !take_literal(&path, "/models"))
        return false;
    if (*path == '\0')
        return parse_list(HOSTING_LIST_MODELS, method, query, out);
    if (!take_literal(&path, "/") || !take_segment(&path, out->version))
        return false;
    if (*path == '\0') {
        out->operation = HOSTING_DESCRIBE;
        return strcmp(method, "GET") == 0;
    }
    out->operation = strcmp(path, "/start") == 0 ? HOSTING_START : HOSTING_STOP;
    return post && (out->operation == HOSTING_START || strcmp(path, "/stop") == 0);
}
