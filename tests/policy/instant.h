/* Times in tables of cases: "2026-10-25T01:00" is UTC, to the minute. */
#ifndef LOOKOUT_TESTS_INSTANT_H
#define LOOKOUT_TESTS_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

/* "never" is INT64_MAX. False for anything else that is no such time. */
bool instant_read(const char *text, int64_t *out_ms);

#define INSTANT_SIZE 40
/* The same, with ":ss.mmm" where it is not a whole minute. */
void instant_write(int64_t ms, char out[INSTANT_SIZE]);

#endif
