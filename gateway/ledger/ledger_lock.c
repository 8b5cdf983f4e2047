/*
 * The ledger's lock file. flock and not a POSIX record lock: those vanish when any descriptor of
 * the file is closed, anywhere in the process. The file stays when the lock goes: to unlink it
 * would race with the next holder.
 */
#include "gateway/ledger/ledger_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PID_TEXT_MAX 24 /* a process id in decimal, a newline and a NUL */

static int refuse_held(const char *path, int fd, struct error *err)
{
    char holder[PID_TEXT_MAX] = "";
    const ssize_t len = pread(fd, holder, sizeof(holder) - 1, 0);

    holder[len > 0 ? strspn(holder, "0123456789") : 0] = '\0';
    return error_set(err, ERROR_REFUSED,
                     "another process%s%s holds this ledger (lock file %s): stop it first",
                     holder[0] != '\0' ? " with id " : "", holder, path);
}

int ledger_lock_take(const char *path, int *fd, struct error *err)
{
    char text[PID_TEXT_MAX];
    int lock, code, len;
    bool named;

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
    /* Only for the message above: the lock holds without it, so a full disk is no obstacle. */
    len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    named = ftruncate(lock, 0) == 0 && pwrite(lock, text, (size_t)len, 0) == len;
    (void)named;
    *fd = lock;
    return 0;
}
