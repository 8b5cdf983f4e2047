/*
 * The ledger's lock file. flock and not a POSIX record lock: those vanish when any descriptor of
 * the file is closed, anywhere in the process. The file stays when the lock goes: to unlink it
 * would race with the next holder. It is never truncated either, so that the byte of the mark keeps
 * its place on a full disk.
 *
 * One line: the mark, the holder's process id, blanks.
 */
#include "gateway/ledger/ledger_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define MARK_AT      0
#define MARKED       '!'
#define NOT_MARKED   ' '
#define PID_AT       1
#define PID_TEXT_MAX 24 /* a process id in decimal, blanks and a newline; with the mark a line */

static int refuse_held(const char *path, int fd, struct error *err)
{
    char holder[PID_TEXT_MAX] = "";
    const ssize_t len = pread(fd, holder, sizeof(holder) - 1, PID_AT);

    holder[len > 0 ? strspn(holder, "0123456789") : 0] = '\0';
    return error_set(err, ERROR_REFUSED,
                     "another process%s%s holds this ledger (lock file %s): stop it first",
                     holder[0] != '\0' ? " with id " : "", holder, path);
}

/* The process id is only for the message above: the lock holds without it, so a full disk is no
 * obstacle. The mark stays what it is. */
static void write_line(int fd)
{
    char line[PID_AT + PID_TEXT_MAX];
    const int len = snprintf(line, sizeof(line), "%c%-20ld\n",
                             ledger_lock_has_mark(fd) ? MARKED : NOT_MARKED, (long)getpid());

    (void)!pwrite(fd, line, (size_t)len, MARK_AT);
}

int ledger_lock_take(const char *path, int *fd, struct error *err)
{
    int lock, code;

    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return error_set(err, ERROR_IO, "can't open the lock file %s: %s", path, strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        code = errno == EWOULDBLOCK
                   ? refuse_held(path, lock, err)
                   : error_set(err, ERROR_IO, "can't lock %s: %s", path, strerror(errno));
        close(lock);
        return code;
    }
    write_line(lock);
    *fd = lock;
    return 0;
}

int ledger_lock_set_mark(int fd, bool marked, struct error *err)
{
    const char mark = marked ? MARKED : NOT_MARKED;

    if (pwrite(fd, &mark, 1, MARK_AT) != 1 || fdatasync(fd) != 0)
        return error_set(err, ERROR_IO, "can't write the mark in the ledger's lock file: %s",
                         strerror(errno));
    return 0;
}

bool ledger_lock_has_mark(int fd)
{
    char mark = MARKED;
    const ssize_t len = pread(fd, &mark, 1, MARK_AT);

    return len != 0 && mark == MARKED; /* one that can't be read may be there */
}
