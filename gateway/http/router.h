/* From method and path to a handler: a table, looked through from the top. */
#ifndef LOOKOUT_HTTP_ROUTER_H
#define LOOKOUT_HTTP_ROUTER_H

#include "gateway/auth/principal.h"
#include "gateway/http/request.h"

#include <stddef.h>

struct exchange;

/* `context` is what the table's owner gives to all its handlers. */
typedef void route_handler(void *context, struct exchange *exchange);

struct route {
    const char *method;
    const char *pattern; /* "/v1/projects/{ProjectName}": a segment in braces takes any name */
    unsigned scope;      /* an enum scope that the caller needs, or 0: nobody has to sign in */
    route_handler *handler;
};

enum router_result { ROUTER_FOUND, ROUTER_NO_PATH, ROUTER_NO_METHOD };

#define ROUTER_MAX_ALLOW 64

struct router_match {
    size_t index;                 /* ROUTER_FOUND: of the route in the table */
    char allow[ROUTER_MAX_ALLOW]; /* ROUTER_NO_METHOD: "GET, HEAD" */
};

/* HEAD finds the route of GET. */
enum router_result router_find(const struct route *routes, size_t count, const char *method,
                               const struct request_target *target, struct router_match *out);

/*
 * The segment of `target` that stands where the pattern, which it matched, has "{name}". NULL is a
 * bug of the caller: the pattern has no such name.
 */
const char *router_segment(const char *pattern, const struct request_target *target,
                           const char *name);

#endif
