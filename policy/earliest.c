/* Moves the start along until nothing is in its way. */
#include "policy/earliest.h"
#include "policy/evaluator.h"
#include "policy/unit_hours.h"
#include "policy/unit_time.h"

#define OVERDUE_MS INT64_C(60000) /* until the end of a reservation whose worst end has passed */

/* --- what is counted at one moment --------------------------------------------------------- */

static int64_t less(int64_t held, int64_t released)
{
    return held > released ? held - released : 0;
}

/* Whether units and models fit once so many of what is held were given back. */
static bool counts_fit(const struct policy_limits *limits, const struct quota_usage *usage,
                       int64_t units, int64_t released_units, int64_t released_models)
{
    const int64_t held_units =
        less(unit_time_add(usage->used_units, usage->reserved_units), released_units);
    const int64_t held_models =
        less(unit_time_add(usage->used_models, usage->reserved_models), released_models);

    return unit_time_add(held_units, units) <= limits->concurrent_units &&
           (limits->running_models == POLICY_NO_LIMIT || held_models < limits->running_models);
}

/* The first moment at which enough has ended; INT64_MAX where that is never. */
static int64_t find_room(const struct policy *policy, const struct policy_team *team,
                         const struct quota_request *request, const struct quota_books *books,
                         const struct quota_release *releases, size_t count)
{
    int64_t units = 0, models = 0, team_units = 0, team_models = 0;
    int64_t at_ms = request->now_ms;

    for (size_t i = 0;; i++) {
        if (counts_fit(&team->limits, &books->team, request->units, team_units, team_models) &&
            counts_fit(policy_account(policy), &books->account, request->units, units, models))
            return at_ms;
        if (i == count)
            return INT64_MAX;
        units = unit_time_add(units, releases[i].units);
        models++;
        if (releases[i].of_team) {
            team_units = unit_time_add(team_units, releases[i].units);
            team_models++;
        }
        if (releases[i].at_ms > at_ms)
            at_ms = releases[i].at_ms;
        else if (at_ms == request->now_ms)
            at_ms = request->now_ms + OVERDUE_MS;
    }
}

/* --- what is counted over time ------------------------------------------------------------- */

struct search {
    const struct quota_request *request;
    const struct quota_books *books;
    int64_t horizon_ms;
};

static int move_past_windows(const struct search *search, enum quota_scope scope,
                             const struct policy_limits *limits, int64_t *at_ms, struct error *err)
{
    const int64_t length_ms = search->request->until_ms - search->request->from_ms;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < limits->window_count; i++) {
        const struct unit_hours budget = {.window = &limits->windows[i],
                                          .scope = scope,
                                          .books = search->books,
                                          .units = search->request->units};

        rc = unit_hours_find_start(&budget, length_ms, search->horizon_ms, at_ms, err);
    }
    return rc;
}

int policy_find_earliest(const struct policy *policy, const struct quota_request *request,
                         const struct quota_books *books, const struct quota_release *releases,
                         size_t count, int64_t *earliest_ms, struct error *err)
{
    const struct search search = {request, books, request->now_ms + EARLIEST_HORIZON_MS};
    const struct policy_team *team = policy_find_team(policy, request->team);
    struct quota_decision decision;
    int64_t at_ms, before_ms;
    int rc = policy_evaluate(policy, request, books, &decision, err);

    *earliest_ms = INT64_MAX;
    if (rc != 0)
        return rc;
    if (decision.verdict == QUOTA_ADMITTED)
        *earliest_ms = request->now_ms;
    if (decision.verdict != QUOTA_REFUSED_NOW || request->extension)
        return 0;
    at_ms = find_room(policy, team, request, books, releases, count);
    /* What one window asks for may be in another's way, until all agree. */
    do {
        before_ms = at_ms;
        rc = move_past_windows(&search, QUOTA_SCOPE_TEAM, &team->limits, &at_ms, err);
        if (rc == 0)
            rc = move_past_windows(&search, QUOTA_SCOPE_ACCOUNT, policy_account(policy), &at_ms,
                                   err);
    } while (rc == 0 && at_ms != before_ms);
    if (rc == 0 && at_ms <= search.horizon_ms)
        *earliest_ms = at_ms;
    return rc;
}
