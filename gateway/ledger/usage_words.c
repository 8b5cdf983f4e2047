/* Reads what is wanted of a usage report. */
#include "gateway/ledger/usage_words.h"

#include "gateway/base/clock.h"
#include "gateway/base/zone_file.h"

#include <stdio.h>
#include <string.h>

#define DATE_LEN 10 /* "2026-11-01" */

int usage_words_read_one(const struct usage_word *word, const char *const *words, unsigned *out,
                         struct error *err)
{
    char expected[128] = "";
    size_t len = 0;

    if (word->text == NULL)
        return 0;
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(word->text, words[i]) == 0) {
            *out = i;
            return 0;
        }
        len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s%s", i == 0 ? "" : ", ",
                                words[i]);
    }
    return error_set(err, ERROR_INVALID, "saw %s=\"%s\", expected one of %s", word->name,
                     word->text, expected);
}

/* --- the window ---------------------------------------------------------------------------- */

static int read_day_start(const struct usage_word *word, unsigned *out, struct error *err)
{
    if (word->text == NULL || policy_day_start_parse(word->text, out))
        return 0;
    return error_set(err, ERROR_INVALID, "saw %s=\"%s\", expected " POLICY_DAY_START_WORDS,
                     word->name, word->text);
}

/* A word that the period has no use for would be silently not applied. */
static int check_idle(const struct usage_word *word, bool has_use, enum policy_period period,
                      struct error *err)
{
    if (has_use || word->text == NULL)
        return 0;
    return error_set(err, ERROR_INVALID, "%s says nothing about the period \"%s\": leave it out",
                     word->name, policy_period_name(period));
}

static int read_zone(const struct usage_word *word, struct time_zone **out, struct error *err)
{
    struct error cause = {0};
    int result;

    if (word->text == NULL || strcmp(word->text, "UTC") == 0)
        return 0;
    result = zone_file_load(NULL, word->text, out, &cause);
    if (result == 0)
        return 0;
    return error_set(err, (enum error_code)result,
                     "saw %s=\"%s\", expected a name such as Europe/Berlin: %s", word->name,
                     word->text, cause.message);
}

int usage_words_read_window(const struct usage_words *words, struct policy_window *out,
                            struct time_zone **zone, struct error *err)
{
    unsigned period = POLICY_MONTH;
    int result = usage_words_read_one(&words->period, policy_period_words, &period, err);

    *out = (struct policy_window){.period = (enum policy_period)period};
    *zone = NULL;
    if (result == 0)
        result = check_idle(&words->week_starts, period == POLICY_WEEK, out->period, err);
    if (result == 0)
        result = check_idle(&words->day_starts, period != POLICY_TOTAL, out->period, err);
    if (result == 0)
        result = usage_words_read_one(&words->week_starts, policy_week_start_words,
                                      &out->week_start, err);
    if (result == 0)
        result = read_day_start(&words->day_starts, &out->day_start_minutes, err);
    if (result == 0)
        result = read_zone(&words->time_zone, zone, err);
    out->zone = *zone;
    return result;
}

/* --- times --------------------------------------------------------------------------------- */

static bool parse_date(const char *text, int64_t *day)
{
    char midnight[CLOCK_RFC3339_SIZE];
    int64_t ms;

    if (strlen(text) != DATE_LEN)
        return false;
    snprintf(midnight, sizeof(midnight), "%sT00:00:00Z", text);
    if (!clock_parse_rfc3339(midnight, &ms))
        return false;
    *day = civil_day_of_ms(ms);
    return true;
}

int usage_words_read_time(const struct usage_word *word, const struct policy_window *window,
                          int64_t *out_ms, struct error *err)
{
    int64_t day;

    if (word->text == NULL || clock_parse_rfc3339(word->text, out_ms))
        return 0;
    if (parse_date(word->text, &day)) {
        *out_ms = policy_window_find_day(window, day);
        return 0;
    }
    return error_set(err, ERROR_INVALID,
                     "saw %s=\"%s\", expected a time such as 2026-11-01T06:00:00Z, or a date such "
                     "as 2026-11-01",
                     word->name, word->text);
}
