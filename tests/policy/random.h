/* Numbers drawn from a seed: the same everywhere. */
#ifndef LOOKOUT_TESTS_RANDOM_H
#define LOOKOUT_TESTS_RANDOM_H

#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood 2014) */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline int64_t draw_below(uint64_t *state, int64_t bound)
{
    return (int64_t)(draw(state) % (uint64_t)bound);
}

#endif
