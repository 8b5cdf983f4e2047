/* Time zones for tests: from the system's tzdata, or made of a TZ string. */
#ifndef LOOKOUT_TESTS_ZONES_H
#define LOOKOUT_TESTS_ZONES_H

#include "policy/time_zone.h"

#include <stdbool.h>
#include <stddef.h>

#define ZONES_TZIF_MAX 1024

/* Whether this system has tzdata; without, tests of its zones are skipped. */
bool zones_present(void);

/* The zone of that name; NULL with the reason on stderr where there is none. Owned by the caller.
 */
struct time_zone *zones_load(const char *name);

/* A TZif file that has no table and this footer. Returns its length. */
size_t zones_make_tzif(const char *footer, unsigned char out[ZONES_TZIF_MAX]);

#endif
