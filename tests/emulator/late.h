/* Calls that were answered with silence and take effect later, in the order of their due times. */
#ifndef LOOKOUT_EMULATOR_LATE_H
#define LOOKOUT_EMULATOR_LATE_H

#include "tests/emulator/hosting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LATE_MAX 256

struct late_call {
    int64_t due_ms;
    enum hosting_operation operation;
    char project[HOSTING_PROJECT_MAX + 1];
    char version[HOSTING_VERSION_MAX + 1];
    char token[HOSTING_TOKEN_MAX + 1];
    int64_t min_units, max_units;
};

struct late {
    struct late_call calls[LATE_MAX];
    size_t count;
};

/* False when LATE_MAX wait already. */
bool late_add(struct late *late, enum hosting_operation operation, const struct hosting_call *call,
              int64_t due_ms);

/* Takes out the earliest call that is due; false when there is none. */
bool late_take_due(struct late *late, int64_t now_ms, struct late_call *out);

#endif
