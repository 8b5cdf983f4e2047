/* Zones for tests. */
#include "tests/policy/zones.h"

#include "gateway/base/zone_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool zones_present(void)
{
    return access("/usr/share/zoneinfo/Europe/Berlin", R_OK) == 0;
}

struct time_zone *zones_load(const char *name)
{
    struct time_zone *zone = NULL;
    struct error err = {0};

    if (zone_file_load(NULL, name, &zone, &err) != 0)
        fprintf(stderr, "%s\n", err.message);
    return zone;
}

/* RFC 9636, section 3: twice a header and a table of one type, then the footer. */
size_t zones_make_tzif(const char *footer, unsigned char out[ZONES_TZIF_MAX])
{
    static const unsigned char block[] = {
        'T', 'Z', 'i', 'f', '2', 0, 0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* header */
        0,   0,   0,   0,   0,   0, 0,   0,   0,   0, 0, 0, 0, 0, 0, 0,             /* no changes */
        0,   0,   0,   1,   0,   0, 0,   4, /* a type, 4 letters */
        0,   0,   0,   0,   0,   0, 'U', 'T', 'C', 0};
    size_t len = 0;

    memcpy(out, block, sizeof(block));
    memcpy(out + sizeof(block), block, sizeof(block));
    len = 2 * sizeof(block);
    return len + (size_t)snprintf((char *)out + len, ZONES_TZIF_MAX - len, "\n%s\n", footer);
}
