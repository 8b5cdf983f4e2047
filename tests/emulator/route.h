/* The path of a request: which operation on which model. Pure. */
#ifndef LOOKOUT_EMULATOR_ROUTE_H
#define LOOKOUT_EMULATOR_ROUTE_H

#include "tests/emulator/hosting.h"

#include <stdbool.h>

#define ROUTE_SEGMENT_SIZE 1024 /* a longer name is cut, and too long for its pattern anyway */
#define ROUTE_VALUE_SIZE   (HOSTING_PAGE_TOKEN_MAX + 2) /* the same for a parameter's value */

struct route {
    enum hosting_operation operation;
    char project[ROUTE_SEGMENT_SIZE];  /* percent-decoded, not yet judged by its pattern */
    char version[ROUTE_SEGMENT_SIZE];  /* "" for a list, as is `project` for that of projects */
    char page_token[ROUTE_VALUE_SIZE]; /* of a list: nextToken and maxResults, decoded, "" = absent
                                        */
    char max_results[ROUTE_VALUE_SIZE];
};

/* False when the service has no such operation. `path` and `query` (may be NULL) are as sent; a '+'
 * in a query is a blank. */
bool route_parse(const char *method, const char *path, const char *query, struct route *out);

#endif
