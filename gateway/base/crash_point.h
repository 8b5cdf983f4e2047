/*
 * Named points at which a test kills the program: before and after what is written, sent, received
 * and answered. A release has none of it: the macro is nothing there, and
 * tests/lint/crash-points.sh proves it. Objects compiled with -DLOOKOUT_CRASH_POINTS call a
 * function that only tests/crash has.
 *
 * A new point is a row in the table, one CRASH_POINT(ROW) in the code, and its file in the list of
 * tests/crash/local.mk.
 */
#ifndef LOOKOUT_BASE_CRASH_POINT_H
#define LOOKOUT_BASE_CRASH_POINT_H

/* Row, and its name in reports. The vfs ones are in tests/crash/power_loss_vfs.c. */
#define CRASH_POINTS(X)                                                                            \
    X(BOOT_LEDGER_OPENED, "boot.ledger.opened")                                                    \
    X(BOOT_LISTENING, "boot.listening")                                                            \
    X(LEDGER_FILE_CREATED, "ledger.file.created")                                                  \
    X(LEDGER_MIGRATION_BEFORE, "ledger.migration.before")                                          \
    X(LEDGER_MIGRATED, "ledger.migrated")                                                          \
    X(LEDGER_PINNED, "ledger.pinned")                                                              \
    X(LEDGER_BEGUN, "ledger.begun")                                                                \
    X(LEDGER_ROW_INSERTED, "ledger.row.inserted")                                                  \
    X(LEDGER_KEY_WRITTEN, "ledger.key.written")                                                    \
    X(LEDGER_ROW_UPDATED, "ledger.row.updated")                                                    \
    X(LEDGER_BALANCES_WRITTEN, "ledger.balances.written")                                          \
    X(LEDGER_ENTRY_APPENDED, "ledger.entry.appended")                                              \
    X(LEDGER_KEYS_FORGOTTEN, "ledger.keys.forgotten")                                              \
    X(LEDGER_COMMIT_BEFORE, "ledger.commit.before")                                                \
    X(LEDGER_COMMITTED, "ledger.committed")                                                        \
    X(LEDGER_ROLLED_BACK, "ledger.rolled-back")                                                    \
    X(LEDGER_DOUBT, "ledger.doubt")                                                                \
    X(LEDGER_REOPENED, "ledger.reopened")                                                          \
    X(LEDGER_DOUBT_RESOLVED, "ledger.doubt.resolved")                                              \
    X(START_RESERVED, "start.reserved")                                                            \
    X(START_ANNOUNCED, "start.announced")                                                          \
    X(START_SEND_BEFORE, "start.send.before")                                                      \
    X(START_ANSWERED, "start.answered")                                                            \
    X(START_SETTLED, "start.settled")                                                              \
    X(STOP_WRITTEN, "stop.written")                                                                \
    X(STOP_ANNOUNCED, "stop.announced")                                                            \
    X(STOP_ANSWERED, "stop.answered")                                                              \
    X(STOP_SETTLED, "stop.settled")                                                                \
    X(STOP_GAP_MARKED, "stop.gap.marked")                                                          \
    X(STOP_KEPT, "stop.kept")                                                                      \
    X(LEASE_WRITTEN, "lease.written")                                                              \
    X(DESCRIBE_SEND_BEFORE, "describe.send.before")                                                \
    X(DESCRIBE_ANSWERED, "describe.answered")                                                      \
    X(LIST_SEND_BEFORE, "list.send.before")                                                        \
    X(LIST_ANSWERED, "list.answered")                                                              \
    X(NET_WRITE_BEFORE, "net.write.before")                                                        \
    X(NET_WRITTEN, "net.written")                                                                  \
    X(NET_ANSWER_BEGUN, "net.answer.begun")                                                        \
    X(NET_ANSWER_READ, "net.answer.read")                                                          \
    X(RECONCILER_PASS, "reconciler.pass")                                                          \
    X(RECONCILER_RECOVERED, "reconciler.recovered")                                                \
    X(RECONCILER_OBSERVED, "reconciler.observed")                                                  \
    X(RECONCILER_WRITTEN, "reconciler.written")                                                    \
    X(RECONCILER_READY, "reconciler.ready")                                                        \
    X(HTTP_ANSWER_BEFORE, "http.answer.before")                                                    \
    X(HTTP_ANSWERED, "http.answered")                                                              \
    X(VFS_LOG_WRITE, "vfs.log.write")                                                              \
    X(VFS_LOG_SYNC_BEFORE, "vfs.log.sync.before")                                                  \
    X(VFS_LOG_SYNCED, "vfs.log.synced")                                                            \
    X(VFS_DATABASE_WRITE, "vfs.database.write")                                                    \
    X(VFS_DATABASE_SYNC_BEFORE, "vfs.database.sync.before")                                        \
    X(VFS_DATABASE_SYNCED, "vfs.database.synced")

#define CRASH_POINT_ENUM(point, name) CRASH_##point,
enum crash_point { CRASH_POINTS(CRASH_POINT_ENUM) CRASH_POINT_COUNT };
#undef CRASH_POINT_ENUM

#ifdef LOOKOUT_CRASH_POINTS
/* Counts, and does not return where a test has armed this point and its count has come. */
void crash_point_hit(enum crash_point point);
#define CRASH_POINT(point) crash_point_hit(CRASH_##point)
#else
#define CRASH_POINT(point) ((void)0)
#endif

#endif
