/*
 * Time, as a parameter. A release links clock_system.c; a test build links clock_movable.c, whose
 * offsets stand in the file named by LOOKOUT_TEST_CLOCK, so that one hand moves the clocks of
 * gateway, emulator and test issuer. Which one it is, is decided at link time: a release binary has
 * no switch for it.
 */
#ifndef LOOKOUT_BASE_CLOCK_H
#define LOOKOUT_BASE_CLOCK_H

#include "policy/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct clock;

int clock_open(struct clock **out, struct error *err) __attribute__((warn_unused_result));
void clock_close(struct clock **clock);

/* Milliseconds since 1970-01-01T00:00:00Z; may jump. For records, tokens and signatures. */
int64_t clock_wall_ms(const struct clock *clock);

/* Milliseconds that only ever grow. For deadlines, leases while we live, and pacing. */
int64_t clock_monotonic_ms(const struct clock *clock);

/* Initialises a condition for clock_wait_until; 0 or a negative error_code. */
int clock_cond_init(pthread_cond_t *cond) __attribute__((warn_unused_result));

/*
 * Waits on `cond` (made by clock_cond_init) with `mutex` held until it is signalled or the
 * monotonic clock reaches `deadline_ms`. True when the deadline has passed. May wake without cause,
 * as conditions do: call it in a loop that checks what is waited for.
 */
bool clock_wait_until(const struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *mutex,
                      int64_t deadline_ms);

/* "2026-11-23T15:48:00.123Z" (RFC 3339), for logs and answers. */
#define CLOCK_RFC3339_SIZE 32
void clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE]);
/*
 * The other way, for requests: with 'T', an optional fraction (more than milliseconds are dropped),
 * and 'Z' or a numeric offset. False for all else, leap seconds and years before 1970 included.
 */
bool clock_parse_rfc3339(const char *text, int64_t *wall_ms);

#endif
