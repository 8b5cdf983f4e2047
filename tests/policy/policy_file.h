/* What the policy's tests share: files below $top_srcdir read whole, and policies from them. */
#ifndef LOOKOUT_TESTS_POLICY_FILE_H
#define LOOKOUT_TESTS_POLICY_FILE_H

#include "policy/document.h"

/* The bytes of `path` below the source tree (NUL added, not counted); owned by the caller. NULL,
 * and the reason on stderr, where it cannot be read. */
char *policy_file_read(const char *path, size_t *len);

/* The policy in `path` below the source tree; exits with 1 and the reason where there is none. */
struct policy *policy_file_load(const char *path);

#endif
