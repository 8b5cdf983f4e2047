/* One signing case: a request, what is expected of each stage, and the comparison. */
#ifndef LOOKOUT_TESTS_SIGV4_CASE_H
#define LOOKOUT_TESTS_SIGV4_CASE_H

#include "gateway/aws/sigv4.h"

#include <stdbool.h>

struct sigv4_case {
    const char *name;
    struct sigv4_request request;
    struct sigv4_scope scope;
    const char *access_key_id, *secret_access_key;
    const char *canonical_request, *string_to_sign;
    const char *signature;     /* the 64 hex digits */
    const char *authorization; /* NULL = not compared */
};

/* Runs all stages; prints the first difference to standard error. True when all is as expected. */
bool sigv4_case_passes(const struct sigv4_case *sample);

/* A whole file as a C string (free it); exits with 99, a hard error, when it can't be read. */
char *sigv4_case_read_file(const char *path);
/* Exits with 99 unless `pointer` is set: these tests don't test running out of memory. */
void *sigv4_case_need(void *pointer);

#endif
