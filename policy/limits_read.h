/* The part of reading a policy that is about limits. For document.c. */
#ifndef LOOKOUT_POLICY_LIMITS_READ_H
#define LOOKOUT_POLICY_LIMITS_READ_H

#include "policy/limits.h"

#include <jansson.h>

/* The time zones that a policy has read so far: each once. */
struct zone_list {
    time_zone_load_fn *load; /* NULL: only UTC */
    void *context;
    struct time_zone *zones[POLICY_MAX_ZONES]; /* each owned */
    size_t count;
};

/* Every member at "nothing is said". */
void limits_clear(struct policy_limits *out);

/* The members of limits; `object` at the pointer `at` may have others, which are left alone. */
int limits_read(const json_t *object, const char *at, struct zone_list *zones,
                struct policy_limits *out, struct error *err) __attribute__((warn_unused_result));

#endif
