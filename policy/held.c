/* Sums over the whole list: for few rows and few questions. */
#include "policy/held.h"
#include "policy/unit_time.h"

#include <stdlib.h>
#include <string.h>

static bool is_of_team(const struct held_view *view, const struct held *held)
{
    return strcmp(held->team, view->team) == 0;
}

static void count_held(const struct held *held, struct quota_usage *usage)
{
    switch (held->state) {
    case HELD_RUNNING:
        usage->used_units = unit_time_add(usage->used_units, held->units);
        usage->used_models++;
        return;
    case HELD_STARTING:
        usage->reserved_units = unit_time_add(usage->reserved_units, held->units);
        usage->reserved_models++;
        return;
    case HELD_ENDED:
        return;
    }
}

/* units x the part of [a, b) that lies in [from, until) */
static int64_t sum_part(int64_t units, int64_t a_ms, int64_t b_ms, int64_t from_ms,
                        int64_t until_ms)
{
    const int64_t begins = a_ms > from_ms ? a_ms : from_ms;
    const int64_t ends = b_ms < until_ms ? b_ms : until_ms;

    return ends > begins ? unit_time_multiply(units, ends - begins) : 0;
}

static int sum_unit_time(void *self, enum quota_scope scope, int64_t from_ms, int64_t until_ms,
                         struct quota_unit_time *out, struct error *err)
{
    const struct held_view *view = self;

    (void)err;
    *out = (struct quota_unit_time){0};
    for (size_t i = 0; i < view->count; i++) {
        const struct held *held = &view->list[i];
        const bool ended = held->state == HELD_ENDED;
        /* What is held runs until now at least, also past its worst end. */
        const int64_t used_until_ms = ended ? held->until_ms : view->now_ms;

        if (scope == QUOTA_SCOPE_TEAM && !is_of_team(view, held))
            continue;
        out->used = unit_time_add(
            out->used, sum_part(held->units, held->from_ms, used_until_ms, from_ms, until_ms));
        if (!ended)
            out->reserved =
                unit_time_add(out->reserved, sum_part(held->units, view->now_ms, held->until_ms,
                                                      from_ms, until_ms));
    }
    return 0;
}

static int find_held_until(void *self, enum quota_scope scope, int64_t *until_ms, struct error *err)
{
    const struct held_view *view = self;

    (void)err;
    *until_ms = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct held *held = &view->list[i];

        if (held->state != HELD_ENDED && held->until_ms > *until_ms &&
            (scope == QUOTA_SCOPE_ACCOUNT || is_of_team(view, held)))
            *until_ms = held->until_ms;
    }
    return 0;
}

void held_books(struct held_view *view, struct quota_books *out)
{
    *out = (struct quota_books){
        .unit_time = sum_unit_time, .held_until = find_held_until, .self = view};
    for (size_t i = 0; i < view->count; i++) {
        count_held(&view->list[i], &out->account);
        if (is_of_team(view, &view->list[i]))
            count_held(&view->list[i], &out->team);
    }
}

static int compare_releases(const void *a, const void *b)
{
    const struct quota_release *left = a, *right = b;

    return (left->at_ms > right->at_ms) - (left->at_ms < right->at_ms);
}

size_t held_releases(const struct held_view *view, struct quota_release *out)
{
    size_t count = 0;

    for (size_t i = 0; i < view->count; i++) {
        const struct held *held = &view->list[i];

        if (held->state != HELD_ENDED)
            out[count++] =
                (struct quota_release){held->until_ms, held->units, is_of_team(view, held)};
    }
    qsort(out, count, sizeof(*out), compare_releases);
    return count;
}
