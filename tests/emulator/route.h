/* The path of a request: which operation on which model. Pure. */
#ifndef LOOKOUT_EMULATOR_ROUTE_H
#define LOOKOUT_EMULATOR_ROUTE_H

#include "tests/emulator/hosting.h"

#include <stdbool.h>

#define ROUTE_SEGMENT_SIZE 1024 /* a longer name is cut, and too long for its pattern anyway */

struct route {
    enum hosting_operation operation;
    char project[ROUTE_SEGMENT_SIZE]; /* percent-decoded, not yet judged by its pattern */
    char version[ROUTE_SEGMENT_SIZE];
};

/* False when the service has no such operation. `path` is as sent. */
bool route_parse(const char *method, const char *path, struct route *out);

#endif
