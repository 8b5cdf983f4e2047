/*
 * The clock of test builds: the system's, moved by the two offsets in the file that the environment
 * variable LOOKOUT_TEST_CLOCK names. Without the variable it is the system's clock.
 *
 * The file holds two int64_t in host order, milliseconds: what to add to the wall clock, what to
 * add to the monotonic clock. It is mapped, so who moves it overwrites it in place, each number
 * with one aligned 8-byte store through a mapping of his own, and never truncates it. The monotonic
 * offset only grows.
 */
#include "gateway/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ENV_NAME "LOOKOUT_TEST_CLOCK"
#define SLICE_MS 5 /* how late a waiter may notice that the clock was moved */

struct offsets {
    _Atomic int64_t wall_ms;
    _Atomic int64_t monotonic_ms;
};
_Static_assert(sizeof(struct offsets) == 16, "the file's layout");

struct clock {
    const struct offsets *offsets; /* shared mapping, or NULL */
};

static int map_offsets(const char *path, const struct offsets **out, struct error *err)
{
    struct stat info;
    void *map = MAP_FAILED;
    int rc = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_set(err, ERROR_IO, "%s: can't open \"%s\": %s", ENV_NAME, path,
                         strerror(errno));
    if (fstat(fd, &info) != 0 || info.st_size != (off_t)sizeof(struct offsets)) {
        rc = error_set(err, ERROR_INVALID,
                       "%s: \"%s\" must be a file of %zu bytes: two 64-bit offsets in ms", ENV_NAME,
                       path, sizeof(struct offsets));
        goto out;
    }
    map = mmap(NULL, sizeof(struct offsets), PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        rc = error_set(err, ERROR_IO, "%s: can't map \"%s\": %s", ENV_NAME, path, strerror(errno));
        goto out;
    }
    *out = map;
out:
    close(fd);
    return rc;
}

int clock_open(struct clock **out, struct error *err)
{
    const char *path = getenv(ENV_NAME);
    struct clock *clock = calloc(1, sizeof(*clock));
    int rc;

    *out = NULL;
    if (clock == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the clock");
    if (path != NULL) {
        rc = map_offsets(path, &clock->offsets, err);
        if (rc != 0) {
            free(clock);
            return rc;
        }
    }
    *out = clock;
    return 0;
}

void clock_close(struct clock **clock)
{
    if (*clock == NULL)
        return;
    if ((*clock)->offsets != NULL)
        munmap((void *)(uintptr_t)(*clock)->offsets, sizeof(struct offsets));
    free(*clock);
    *clock = NULL;
}

static int64_t read_ms(clockid_t id)
{
    struct timespec now = {0};

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(const struct clock *clock)
{
    int64_t moved = clock->offsets != NULL ? atomic_load(&clock->offsets->wall_ms) : 0;

    return read_ms(CLOCK_REALTIME) + moved;
}

int64_t clock_monotonic_ms(const struct clock *clock)
{
    int64_t moved = clock->offsets != NULL ? atomic_load(&clock->offsets->monotonic_ms) : 0;

    return read_ms(CLOCK_MONOTONIC) + moved;
}

bool clock_wait_until(const struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *mutex,
                      int64_t deadline_ms)
{
    struct timespec until;
    int64_t left_ms;
    int64_t real_ms;
    int rc = ETIMEDOUT;

    while (rc == ETIMEDOUT) {
        left_ms = deadline_ms - clock_monotonic_ms(clock);
        if (left_ms <= 0)
            return true;
        real_ms = read_ms(CLOCK_MONOTONIC) + (left_ms < SLICE_MS ? left_ms : SLICE_MS);
        until = (struct timespec){.tv_sec = (time_t)(real_ms / 1000),
                                  .tv_nsec = (long)(real_ms % 1000) * 1000000};
        rc = pthread_cond_timedwait(cond, mutex, &until);
    }
    return clock_monotonic_ms(clock) >= deadline_ms;
}
