/* Reading and replacing small files. */
#include "gateway/base/file.h"

#include "gateway/base/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int io_error(struct error *err, const char *verb, const char *path)
{
    return error_set(err, ERROR_IO, "can't %s %s: %s", verb, path, strerror(errno));
}

/* All bytes of `fd` up to `max`; one more is read to notice a longer file. */
static int read_all(int fd, const char *path, size_t max, char *buffer, size_t *len,
                    struct error *err)
{
    *len = 0;
    for (;;) {
        ssize_t got = read(fd, buffer + *len, max + 1 - *len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return io_error(err, "read", path);
        if (got == 0)
            break;
        *len += (size_t)got;
        if (*len > max)
            return error_set(err, ERROR_INVALID,
                             "%s is larger than %zu bytes, which is the most that is read", path,
                             max);
    }
    buffer[*len] = '\0';
    return 0;
}

int file_read(const char *path, size_t max, char **out, size_t *len, struct error *err)
{
    int result = 0;
    struct stat status;
    char *buffer = NULL;
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return io_error(err, "open", path);
    if (fstat(fd, &status) != 0) {
        result = io_error(err, "look at", path);
        goto out;
    }
    if (!S_ISREG(status.st_mode)) {
        result = error_set(err, ERROR_INVALID, "%s is not a regular file", path);
        goto out;
    }
    buffer = malloc(max + 2);
    if (buffer == NULL) {
        result = error_set(err, ERROR_NOMEM, "out of memory for %s", path);
        goto out;
    }
    result = read_all(fd, path, max, buffer, &size, err);
    if (result == 0) {
        *out = buffer;
        *len = size;
        buffer = NULL;
    }
out:
    if (buffer != NULL)
        file_free(&buffer, max);
    (void)close(fd);
    return result;
}

void file_free(char **content, size_t len)
{
    if (*content == NULL)
        return;
    crypto_wipe(*content, len);
    free(*content);
    *content = NULL;
}

static int write_all(int fd, const char *path, const char *text, struct error *err)
{
    size_t len = strlen(text);
    for (size_t done = 0; done < len;) {
        ssize_t wrote = write(fd, text + done, len - done);
        if (wrote < 0 && errno != EINTR)
            return io_error(err, "write", path);
        if (wrote > 0)
            done += (size_t)wrote;
    }
    return 0;
}

int file_write(const char *path, const char *text, struct error *err)
{
    char beside[PATH_MAX];
    int len = snprintf(beside, sizeof(beside), "%s.%ld", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof(beside))
        return error_set(err, ERROR_INVALID, "the path %s is too long", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return io_error(err, "create", beside);
    int result = write_all(fd, beside, text, err);
    if (close(fd) != 0 && result == 0)
        result = io_error(err, "close", beside);
    if (result == 0 && rename(beside, path) != 0)
        result = io_error(err, "rename to", path);
    if (result != 0)
        (void)unlink(beside);
    return result;
}
