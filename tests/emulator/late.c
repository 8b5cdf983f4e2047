/* A short unordered list; the earliest is searched. */
#include "tests/emulator/late.h"

#include <stdio.h>
#include <string.h>

bool late_add(struct late *late, enum hosting_operation operation, const struct hosting_call *call,
              int64_t due_ms)
{
    struct late_call *entry;

    if (late->count == LATE_MAX)
        return false;
    entry = &late->calls[late->count++];
    entry->due_ms = due_ms;
    entry->operation = operation;
    snprintf(entry->project, sizeof(entry->project), "%s", call->project);
    snprintf(entry->version, sizeof(entry->version), "%s", call->version);
    snprintf(entry->token, sizeof(entry->token), "%s", call->token);
    entry->min_units = call->min_units;
    entry->max_units = call->max_units;
    return true;
}

bool late_take_due(struct late *late, int64_t now_ms, struct late_call *out)
{
    size_t earliest = 0;

    if (late->count == 0)
        return false;
    for (size_t i = 1; i < late->count; i++)
        if (late->calls[i].due_ms < late->calls[earliest].due_ms)
            earliest = i;
    if (late->calls[earliest].due_ms > now_ms)
        return false;
    *out = late->calls[earliest];
    /* Those that came later keep their order: equal due times happen in the order of arrival. */
    memmove(&late->calls[earliest], &late->calls[earliest + 1],
            (late->count - earliest - 1) * sizeof(late->calls[0]));
    late->count--;
    return true;
}
