/* How a copy becomes whole before it gets its name. */
#include "gateway/ledger/ledger_copy.h"

#include "gateway/ledger/ledger_file.h"
#include "gateway/ledger/ledger_lock.h"
#include "gateway/ledger/ledger_sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *what, const char *path, struct error *err)
{
    return error_set(err, ERROR_IO, "can't %s %s: %s", what, path, strerror(errno));
}

static int check_free(const char *path, struct error *err)
{
    if (access(path, F_OK) != 0)
        return 0;
    return error_set(err, ERROR_CONFLICT,
                     "%s is there, and nothing is written over: name another, "
                     "or move it away",
                     path);
}

static int make_empty(const char *path, struct error *err)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return error_set(err, ERROR_CONFLICT,
                         "%s is there: another copy is being made, or was cut off; then remove it",
                         path);
    if (fd < 0)
        return fail("create", path, err);
    close(fd);
    return 0;
}

static int sync_path(const char *path, int flags, struct error *err)
{
    const int fd = open(path, flags | O_CLOEXEC);
    int code = 0;

    if (fd < 0 || fsync(fd) != 0)
        code = fail("sync", path, err);
    if (fd >= 0)
        close(fd);
    return code;
}

static int verify(const char *path, struct ledger_verified *out, struct error *err)
{
    struct ledger_file file;
    int code = ledger_file_open(path, &file, err);

    if (code == 0) {
        code = ledger_verify(file.backend, file.session, NULL, out, err);
        ledger_file_close(&file);
    }
    return code;
}

/* link() fails where the name is taken; rename() would write over it. */
static int give_name(const char *part, const char *path, struct error *err)
{
    char folder[PATH_MAX];

    if (link(part, path) != 0)
        return errno == EEXIST ? check_free(path, err) : fail("name the copy", path, err);
    (void)unlink(part);
    snprintf(folder, sizeof(folder), "%s", path);
    return sync_path(dirname(folder), O_RDONLY | O_DIRECTORY, err);
}

/*
 * What SQLite keeps beside a ledger: an empty log is left by whoever only read it. One with pages
 * in it would be played into the restored file.
 */
static int clear_left_over(const char *path, const char *suffix, bool must_be_empty,
                           struct error *err)
{
    char name[PATH_MAX];
    struct stat status;

    (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
    if (stat(name, &status) != 0)
        return 0;
    if (must_be_empty && status.st_size > 0)
        return check_free(name, err);
    return unlink(name) == 0 ? 0 : fail("remove", name, err);
}

int ledger_copy(const char *from, const char *to, struct ledger_verified *out, struct error *err)
{
    char part[PATH_MAX];
    int code;

    if (snprintf(part, sizeof(part), "%s.part", to) >= (int)sizeof(part))
        return error_set(err, ERROR_INVALID, "the path is longer than %d bytes", PATH_MAX - 6);
    code = check_free(to, err);
    if (code == 0)
        code = clear_left_over(to, "-wal", true, err);
    if (code == 0)
        code = clear_left_over(to, "-shm", false, err);
    if (code == 0)
        code = ledger_sqlite_check_file(from, err);
    if (code == 0)
        code = make_empty(part, err);
    if (code != 0)
        return code;
    code = ledger_sqlite_copy_file(from, part, err);
    if (code == 0)
        code = sync_path(part, O_RDONLY, err);
    if (code == 0)
        code = verify(part, out, err);
    if (code == 0)
        code = give_name(part, to, err);
    if (code != 0)
        (void)unlink(part);
    return code;
}

int ledger_restore(const char *backup, const char *path, struct ledger_verified *out,
                   struct error *err)
{
    char name[PATH_MAX];
    int lock = -1;
    int code;

    if (snprintf(name, sizeof(name), "%s.lock", path) >= (int)sizeof(name))
        return error_set(err, ERROR_INVALID, "the path is longer than %d bytes", PATH_MAX - 6);
    code = ledger_lock_take(name, &lock, err);
    if (code == 0)
        code = ledger_copy(backup, path, out, err);
    if (lock >= 0)
        close(lock);
    return code;
}
