/* /2020-11-20/projects/{projectName}/models/{modelVersion}[/start|/stop] */
#include "tests/emulator/route.h"

#include "gateway/base/crypto.h"

#include <string.h>

/* Decodes one segment; false for an escape that is none. */
static bool decode(const char *from, size_t len, char out[ROUTE_SEGMENT_SIZE])
{
    char pair[3] = "";
    unsigned char byte;
    size_t used = 0;

    for (size_t i = 0; i < len && used < ROUTE_SEGMENT_SIZE - 1; i++) {
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

    if (len == 0 || !decode(*rest, len, out))
        return false;
    *rest += len;
    return true;
}

bool route_parse(const char *method, const char *path, struct route *out)
{
    bool post = strcmp(method, "POST") == 0;

    if (!take_literal(&path, "/2020-11-20/projects/") || !take_segment(&path, out->project) ||
        !take_literal(&path, "/models/") || !take_segment(&path, out->version))
        return false;
    if (*path == '\0') {
        out->operation = HOSTING_DESCRIBE;
        return strcmp(method, "GET") == 0;
    }
    out->operation = strcmp(path, "/start") == 0 ? HOSTING_START : HOSTING_STOP;
    return post && (out->operation == HOSTING_START || strcmp(path, "/stop") == 0);
}
