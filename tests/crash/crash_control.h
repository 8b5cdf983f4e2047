/*
 * What a test and the gateway that it kills share: one file, named by LOOKOUT_CRASH_CONTROL and
 * mapped by both. The test arms, the gateway counts; a killed gateway's counts stay in the file.
 *
 * tests/crash/control.py has the same layout; both write aligned words only.
 */
#ifndef LOOKOUT_CRASH_CRASH_CONTROL_H
#define LOOKOUT_CRASH_CRASH_CONTROL_H

#include "gateway/base/crash_point.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_ANY_POINT 0xFFFFFFFFu /* armed: the count goes over all points */
#define CRASH_NO_POINT  0xFFFFFFFEu
#define CRASH_HITS_MAX  128

/* What the disk under SQLite does. */
enum crash_disk {
    CRASH_DISK_GOOD,
    CRASH_DISK_FULL,     /* writes that make a file longer fail with SQLITE_FULL */
    CRASH_DISK_READ_ONLY /* writes fail with SQLITE_READONLY */
};

struct crash_control {
    _Atomic uint32_t disk;
    _Atomic uint32_t power_loss; /* 1: what is not synced may be lost; read when a file is opened */
    _Atomic uint32_t seed;       /* of what is held back */
    _Atomic uint32_t armed;      /* an enum crash_point or one of the words above */
    _Atomic uint32_t left;       /* the armed point kills when its hits have brought this to 0 */
    _Atomic uint32_t killed_at;  /* the point that killed; CRASH_NO_POINT = none did */
    _Atomic uint32_t fail_writes; /* the n-th write from now fails with an I/O error; 0 = none */
    _Atomic uint32_t fail_syncs;  /* the same of syncs */
    _Atomic uint32_t fail_reads;  /* and of reads */
    _Atomic uint32_t full_in;     /* the n-th write from now finds the disk full, which it stays */
    _Atomic uint32_t hits[CRASH_HITS_MAX]; /* of each point, since the test zeroed them */
};
_Static_assert(sizeof(struct crash_control) == 4 * (10 + CRASH_HITS_MAX), "control.py's layout");
_Static_assert(CRASH_POINT_COUNT <= CRASH_HITS_MAX, "raise CRASH_HITS_MAX, also in control.py");

/* The mapped file; without the variable one of the process's own, in which nothing is armed. */
struct crash_control *crash_control(void);

#endif
