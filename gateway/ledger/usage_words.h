/*
 * What is wanted of a usage report, in words: the parameters of GET /v1/usage and the options of
 * `ledger export`, read by the same rules. Words and checks are those of the policy's budgets, so
 * that whoever repeats a budget's words gets a report of that budget's periods.
 */
#ifndef LOOKOUT_LEDGER_USAGE_WORDS_H
#define LOOKOUT_LEDGER_USAGE_WORDS_H

#include "policy/error.h"
#include "policy/window.h"

#include <stdint.h>

/* What it is called where it was said, for messages ("DayStarts", "--day-starts"). */
struct usage_word {
    const char *name;
    const char *text; /* NULL: not given */
};

struct usage_words {
    struct usage_word period;      /* else a month */
    struct usage_word time_zone;   /* else UTC */
    struct usage_word week_starts; /* else monday; with the period "week" only */
    struct usage_word day_starts;  /* else 00:00; not with the period "total" */
};

/*
 * `*zone` is owned by the caller, who frees it after `out`; NULL for UTC and after an error.
 * ERROR_INVALID names the word; a zone that can't be loaded has zone_file_load's codes.
 */
int usage_words_read_window(const struct usage_words *words, struct policy_window *out,
                            struct time_zone **zone, struct error *err)
    __attribute__((warn_unused_result));

/*
 * A time of RFC 3339; or a date, which is where that day of the window begins: at midnight of its
 * zone, or when its days start. Where the word was not given `*out_ms` stays what it is.
 * ERROR_INVALID.
 */
int usage_words_read_time(const struct usage_word *word, const struct policy_window *window,
                          int64_t *out_ms, struct error *err) __attribute__((warn_unused_result));

/* The index of the word in `words`, a list that ends with NULL; not given: `*out` stays. */
int usage_words_read_one(const struct usage_word *word, const char *const *words, unsigned *out,
                         struct error *err) __attribute__((warn_unused_result));

#endif
