/* Writes unit-hours for people. */
#include "policy/unit_time.h"

#include <inttypes.h>
#include <stdio.h>

#define THOUSANDTH_MS (UNIT_TIME_HOUR_MS / 1000)

void unit_time_format(int64_t unit_ms, char out[UNIT_TIME_TEXT_SIZE])
{
    int64_t thousandths = unit_ms / THOUSANDTH_MS;

    if (unit_ms % THOUSANDTH_MS >= THOUSANDTH_MS / 2)
        thousandths++;
    snprintf(out, UNIT_TIME_TEXT_SIZE, "%" PRId64 ".%03" PRId64, thousandths / 1000,
             thousandths % 1000);
}
