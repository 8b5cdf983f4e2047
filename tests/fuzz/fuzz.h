/*
 * A fuzz target: one function that is given any bytes, and abort() where what it checked does not
 * hold. The same file is linked with libFuzzer (configure --enable-fuzzing, `make fuzz') or with
 * replay.c, which gives it the files of a corpus.
 */
#ifndef LOOKOUT_TESTS_FUZZ_FUZZ_H
#define LOOKOUT_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The name and the result 0 are libFuzzer's. */
/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert, there in every build. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#endif
