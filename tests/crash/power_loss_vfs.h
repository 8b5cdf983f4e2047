/*
 * SQLite's default VFS in the crash build: over the system's own, a disk that can lose power, fill,
 * fail and turn read-only, as crash_control.h tells it.
 *
 * Power loss: what is written goes, 512-byte sector by sector and at random, to the file at once or
 * into the memory of this process, as into a kernel's page cache. All connections of the process
 * see both. A sync brings everything of its file to the file. So kill -9 loses a random part of
 * what was not synced, also of a single write; closing a file loses and saves nothing, and an
 * orderly exit saves everything. Files of the log's index (-shm) are memory for SQLite and pass
 * through.
 */
#ifndef LOOKOUT_CRASH_POWER_LOSS_VFS_H
#define LOOKOUT_CRASH_POWER_LOSS_VFS_H

/* Registers it as the default, before main; and writes back what is held, after it. */
#define POWER_LOSS_VFS_NAME "power-loss"

#endif
