/* Walks over the periods that an interval touches. */
#include "policy/unit_hours.h"
#include "policy/earliest.h"
#include "policy/unit_time.h"

#include <stdio.h>
#include <string.h>

/* One period of a window, and what the books have in it. */
struct period {
    int64_t from_ms, until_ms;
    struct quota_unit_time held;
    int64_t left_unit_ms; /* 0 where more is held than the amount */
};

static int read_period(const struct unit_hours *budget, int64_t at_ms, struct period *out,
                       struct error *err)
{
    int64_t held;
    int rc = 0;

    policy_window_bounds(budget->window, at_ms, &out->from_ms, &out->until_ms);
    out->held = (struct quota_unit_time){0};
    if (budget->books != NULL)
        rc = budget->books->unit_time(budget->books->self, budget->scope, out->from_ms,
                                      out->until_ms, &out->held, err);
    if (rc != 0)
        return rc;
    /* The ledger keeps them at 0 or more; if it ever does not, that must free nothing. */
    out->held.used = out->held.used > 0 ? out->held.used : 0;
    out->held.reserved = out->held.reserved > 0 ? out->held.reserved : 0;
    held = unit_time_add(out->held.used, out->held.reserved);
    out->left_unit_ms =
        held < budget->window->amount_unit_ms ? budget->window->amount_unit_ms - held : 0;
    return 0;
}

/* How much of [from, until) lies in the period. */
static int64_t overlap(const struct period *period, int64_t from_ms, int64_t until_ms)
{
    const int64_t begins = from_ms > period->from_ms ? from_ms : period->from_ms;
    const int64_t ends = until_ms < period->until_ms ? until_ms : period->until_ms;

    return ends > begins ? ends - begins : 0;
}

static void show_period(const struct unit_hours *budget, const struct period *period,
                        struct quota_rule *rule)
{
    const struct policy_window *window = budget->window;

    rule->limit = window->amount_unit_ms;
    rule->used = period->held.used;
    rule->reserved = period->held.reserved;
    rule->period = window->period;
    rule->period_from_ms = period->from_ms;
    rule->resets_ms = period->until_ms;
    rule->resets_local_ms = policy_window_to_local(window, period->until_ms);
    snprintf(rule->time_zone, sizeof(rule->time_zone), "%s", policy_window_zone_name(window));
}

/* --- judging ------------------------------------------------------------------------------- */

/* One of the periods that are touched: it is shown where it is the first, or narrower. */
static void judge_period(const struct unit_hours *budget, const struct quota_request *request,
                         const struct period *period, struct quota_rule *rule)
{
    const int64_t part_ms = overlap(period, request->from_ms, request->until_ms);
    const int64_t needed = unit_time_multiply(budget->units, part_ms);
    const int64_t fits = part_ms > 0 ? period->left_unit_ms / part_ms : POLICY_NO_LIMIT;
    const bool is_first = rule->limit == 0;

    if (needed > period->left_unit_ms)
        rule->admits = false;
    /*
     * What was used comes back by no end and, in this period, by no reset. Who adds nothing needs
     * nothing of it, also where more was used than the amount.
     */
    if (needed > 0 && unit_time_add(period->held.used, needed) > budget->window->amount_unit_ms)
        rule->ever_admits = false;
    if (!is_first && fits >= rule->fits_now)
        return;
    show_period(budget, period, rule);
    rule->requested = needed;
    rule->fits_now = fits;
}

/* Whether a start could ever fit: at a better moment, in periods in which nothing was used. */
static int find_ever(const struct unit_hours *budget, const struct quota_request *request,
                     bool *out, struct error *err)
{
    const int64_t length_ms = request->until_ms - request->from_ms;
    const int64_t horizon_ms = request->from_ms + EARLIEST_HORIZON_MS;
    struct unit_hours empty = *budget;
    int64_t at_ms = request->from_ms;
    int rc;

    empty.books = NULL;
    rc = unit_hours_find_start(&empty, length_ms, horizon_ms, &at_ms, err);
    *out = rc == 0 && at_ms <= horizon_ms;
    return rc;
}

int unit_hours_judge(const struct unit_hours *budget, const struct quota_request *request,
                     int64_t look_until_ms, struct quota_rule *rule, int64_t *latest_until_ms,
                     struct error *err)
{
    int64_t at_ms = request->from_ms;
    bool limited = false; /* the latest end is known */
    int rc = 0;

    rule->limit = 0;
    rule->admits = rule->ever_admits = true;
    do {
        struct period period;
        int64_t room_ms;

        rc = read_period(budget, at_ms, &period, err);
        if (rc != 0)
            return rc;
        if (at_ms == request->from_ms || at_ms < request->until_ms)
            judge_period(budget, request, &period, rule);
        room_ms = period.left_unit_ms / budget->units;
        if (!limited && room_ms < period.until_ms - at_ms) {
            limited = true;
            if (at_ms + room_ms < look_until_ms && at_ms + room_ms < *latest_until_ms)
                *latest_until_ms = at_ms + room_ms;
        }
        at_ms = period.until_ms;
    } while (at_ms < request->until_ms || (!limited && at_ms < look_until_ms));
    if (rule->ever_admits || request->extension || budget->window->period == POLICY_TOTAL)
        return 0;
    return find_ever(budget, request, &rule->ever_admits, err);
}

/* --- what is held -------------------------------------------------------------------------- */

static int64_t find_excess(const struct unit_hours *budget, const struct period *period)
{
    const int64_t held = unit_time_add(period->held.used, period->held.reserved);

    return held > budget->window->amount_unit_ms ? held - budget->window->amount_unit_ms : 0;
}

int unit_hours_survey(const struct unit_hours *budget, int64_t now_ms, int64_t until_ms,
                      struct quota_rule *rule, struct error *err)
{
    struct period worst, period;
    int rc = read_period(budget, now_ms, &worst, err);

    period = worst;
    while (rc == 0 && period.until_ms < until_ms) {
        rc = read_period(budget, period.until_ms, &period, err);
        if (rc == 0 && find_excess(budget, &period) > find_excess(budget, &worst))
            worst = period;
    }
    if (rc != 0)
        return rc;
    show_period(budget, &worst, rule);
    rule->fits_now = worst.left_unit_ms;
    rule->admits = worst.left_unit_ms > 0;
    rule->ever_admits = true;
    return 0;
}

/* --- looking for a moment ------------------------------------------------------------------ */

/*
 * Where the interval takes more of a period than is left there, nothing earlier fits than one that
 * begins so late that its part of the period fits: a later one takes less of it. So each step is
 * the longest that skips nothing, and a period that was stepped over is never in the way again.
 */
int unit_hours_find_start(const struct unit_hours *budget, int64_t length_ms, int64_t horizon_ms,
                          int64_t *at_ms, struct error *err)
{
    int64_t look_at_ms = *at_ms;

    while (*at_ms <= horizon_ms && look_at_ms < *at_ms + length_ms) {
        struct period period;
        int64_t room_ms;
        int rc = read_period(budget, look_at_ms, &period, err);

        if (rc != 0)
            return rc;
        room_ms = period.left_unit_ms / budget->units;
        if (overlap(&period, *at_ms, *at_ms + length_ms) > room_ms) {
            *at_ms = period.until_ms == INT64_MAX ? INT64_MAX : period.until_ms - room_ms;
            look_at_ms = *at_ms;
        } else {
            look_at_ms = period.until_ms;
        }
    }
    return 0;
}
