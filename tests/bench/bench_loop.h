/*
 * What the benches of the parts share: PROGRAM WORK COUNT does a work COUNT times in one thread and
 * prints the time of each. parts.sh runs it under callgrind, too, with two counts: the difference
 * is what the work itself takes, whatever the program does before and after.
 */
#ifndef LOOKOUT_BENCH_LOOP_H
#define LOOKOUT_BENCH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct bench_work {
    const char *name;
    /* Does it once, for the n-th time; false where it went wrong. */
    bool (*once)(void *context, uint64_t n);
};

/* The exit status for main: 64 for a wrong call, 1 where a work failed. `works` ends with a NULL
 * name. */
int bench_run(int argc, char **argv, const struct bench_work *works, void *context);

#endif
