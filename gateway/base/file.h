/* Small files read whole, with a bound and an error that says which file it was. */
#ifndef LOOKOUT_BASE_FILE_H
#define LOOKOUT_BASE_FILE_H

#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The content of a regular file, as a C string with its length; the caller frees it with
 * file_free. ERROR_IO with the system's words, ERROR_INVALID when it has more than `max` bytes.
 */
int file_read(const char *path, size_t max, char **out, size_t *len, struct error *err)
    __attribute__((warn_unused_result));
/* Wipes the content, which may be a secret; accepts NULL. */
void file_free(char **content, size_t len);

/*
 * Writes a small file whole: beside it first, then renamed, so that a reader sees all or nothing.
 */
int file_write(const char *path, const char *text, struct error *err)
    __attribute__((warn_unused_result));

#endif
