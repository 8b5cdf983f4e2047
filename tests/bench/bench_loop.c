/* The loop around a part's work, and its clock. */
#include "tests/bench/bench_loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXIT_USAGE 64
#define MAX_COUNT  100000000

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int usage(const char *program, const struct bench_work *works)
{
    (void)fprintf(stderr, "usage: %s WORK COUNT\nworks:", program);
    for (; works->name != NULL; works++)
        (void)fprintf(stderr, " %s", works->name);
    (void)fprintf(stderr, "\n");
    return EXIT_USAGE;
}

int bench_run(int argc, char **argv, const struct bench_work *works, void *context)
{
    const struct bench_work *work = works;
    const long long count = argc == 3 ? strtoll(argv[2], NULL, 10) : 0;

    while (argc == 3 && work->name != NULL && strcmp(work->name, argv[1]) != 0)
        work++;
    if (count < 1 || count > MAX_COUNT || work->name == NULL)
        return usage(argv[0], works);
    const int64_t began_ns = now_ns();
    for (uint64_t n = 0; n < (uint64_t)count; n++) {
        if (!work->once(context, n)) {
            (void)fprintf(stderr, "%s: went wrong the %" PRIu64 "th time\n", work->name, n + 1);
            return EXIT_FAILURE;
        }
    }
    printf("%s %lld %.0f\n", work->name, count, (double)(now_ns() - began_ns) / (double)count);
    return EXIT_SUCCESS;
}
