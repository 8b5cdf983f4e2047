/* The bucket counts thousandths of a request: N requests a second are N thousandths a millisecond.
 */
#include "tests/emulator/rate.h"

#define RATE_REQUEST   1000
#define RATE_SECOND_MS 1000

bool rate_take(struct rate *rate, int64_t per_second, int64_t now_ms)
{
    int64_t full = per_second * RATE_REQUEST;
    int64_t elapsed_ms = now_ms - rate->at_ms;

    if (per_second == 0)
        return true;
    if (!rate->used || elapsed_ms >= RATE_SECOND_MS)
        rate->thousandths = full;
    else if (elapsed_ms > 0)
        rate->thousandths += elapsed_ms * per_second;
    if (rate->thousandths > full)
        rate->thousandths = full;
    rate->used = true;
    rate->at_ms = now_ms;
    if (rate->thousandths < RATE_REQUEST)
        return false;
    rate->thousandths -= RATE_REQUEST;
    return true;
}
