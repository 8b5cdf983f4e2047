/* Time zones from the files of the system's tzdata. */
#ifndef LOOKOUT_BASE_ZONE_FILE_H
#define LOOKOUT_BASE_ZONE_FILE_H

#include "policy/time_zone.h"

/*
 * A time_zone_load_fn, for policy_parse. `context` is the folder of the files (a string), or NULL
 * for the one that the environment's TZDIR names, else /usr/share/zoneinfo. A name has only
 * letters, digits, "_", "+", "-" and "/", and begins with a letter; so it leads nowhere else.
 * ERROR_NOT_FOUND, with zone and folder in the message, where there is no such file; ERROR_INVALID
 * for another name and for a file that is no time zone.
 */
int zone_file_load(void *context, const char *name, struct time_zone **out, struct error *err)
    __attribute__((warn_unused_result));

#endif
