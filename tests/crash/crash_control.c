/* Crash points as the crash build has them: count, and die where a test says so. */
#include "tests/crash/crash_control.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENV_NAME "LOOKOUT_CRASH_CONTROL"

static struct crash_control nobodys = {.armed = CRASH_NO_POINT};
static struct crash_control *mapped;

/* The driver reads them out of the binary's --crash-points. */
static const char *const names[] = {
#define CRASH_POINT_NAME(point, name) name,
    CRASH_POINTS(CRASH_POINT_NAME)
#undef CRASH_POINT_NAME
};

/* A test that can't be obeyed must not seem to pass. */
static void die(const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", ENV_NAME, what);
    _exit(EXIT_FAILURE);
}

static void map_file(void)
{
    const char *path = getenv(ENV_NAME);
    struct stat info;
    void *map;
    int fd;

    mapped = &nobodys;
    if (path == NULL)
        return;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || info.st_size != (off_t)sizeof(*mapped))
        die("must name a file of the size of struct crash_control");
    map = mmap(NULL, sizeof(*mapped), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        die("can't be mapped");
    mapped = map;
}

struct crash_control *crash_control(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, map_file);
    return mapped;
}

/* kill -9 of this very process: nothing of it runs after this instruction. */
static void kill_here(struct crash_control *control, enum crash_point point)
{
    atomic_store(&control->killed_at, (uint32_t)point);
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

void crash_point_hit(enum crash_point point)
{
    struct crash_control *control = crash_control();
    const uint32_t armed = atomic_load(&control->armed);

    atomic_fetch_add(&control->hits[point], 1);
    if ((armed == (uint32_t)point || armed == CRASH_ANY_POINT) &&
        atomic_fetch_sub(&control->left, 1) == 1)
        kill_here(control, point);
}

/* `--crash-points` as the only argument prints their names, one a line, in the table's order. */
__attribute__((constructor)) static void list_points(int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], "--crash-points") != 0)
        return;
    for (size_t i = 0; i < CRASH_POINT_COUNT; i++)
        (void)puts(names[i]);
    exit(EXIT_SUCCESS);
}
