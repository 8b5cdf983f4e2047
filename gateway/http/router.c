/* The router: segments compared with patterns, no allocation. */
#include "gateway/http/router.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The pattern's segment at `*at` (behind its '/'); moves `*at` to the next '/' or the end. */
static size_t next_segment(const char **at)
{
    const char *begin = *at;
    *at = begin + strcspn(begin, "/");
    return (size_t)(*at - begin);
}

static bool matches(const char *pattern, const struct request_target *target)
{
    size_t i = 0;
    for (; *pattern == '/'; i++) {
        const char *segment = ++pattern;
        size_t len = next_segment(&pattern);
        if (i == target->segment_count)
            return false;
        const char *seen = target->segments[i];
        bool variable = len > 0 && segment[0] == '{';
        if (variable ? *seen == '\0' : strlen(seen) != len || memcmp(seen, segment, len) != 0)
            return false;
    }
    return i == target->segment_count;
}

static void add_allowed(char allow[ROUTER_MAX_ALLOW], const char *method)
{
    size_t used = strlen(allow);
    snprintf(allow + used, ROUTER_MAX_ALLOW - used, "%s%s%s", used > 0 ? ", " : "", method,
             strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

enum router_result router_find(const struct route *routes, size_t count, const char *method,
                               const struct request_target *target, struct router_match *out)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    out->allow[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (!matches(routes[i].pattern, target))
            continue;
        if (strcmp(routes[i].method, wanted) == 0) {
            out->index = i;
            return ROUTER_FOUND;
        }
        add_allowed(out->allow, routes[i].method);
    }
    return out->allow[0] != '\0' ? ROUTER_NO_METHOD : ROUTER_NO_PATH;
}

const char *router_segment(const char *pattern, const struct request_target *target,
                           const char *name)
{
    size_t name_len = strlen(name);
    for (size_t i = 0; *pattern == '/'; i++) {
        const char *segment = ++pattern;
        size_t len = next_segment(&pattern);
        if (len == name_len + 2 && segment[0] == '{' && memcmp(segment + 1, name, name_len) == 0)
            return target->segments[i];
    }
    return NULL;
}
