/* The rules of money, one by one: each test is a rule that money is lost by breaking. */
#include "gateway/control/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE ((int64_t)60 * 1000)
#define BEGAN  ((int64_t)1000 * MINUTE) /* when the rows of these tests were made */

static struct control_settings settings;

static int set_up(void **state)
{
    (void)state;
    control_settings_default(&settings);
    return 0;
}

static struct reservation make_row(enum reservation_state state)
{
    struct reservation row = {.state = state,
                              .created_ms = BEGAN,
                              .lease_from_ms = BEGAN,
                              .first_send_ms = BEGAN,
                              .last_send_ms = BEGAN,
                              .lease_end_ms = BEGAN + 8 * 60 * MINUTE,
                              .units = 1};
    if (state == RESERVATION_ACTIVE || state == RESERVATION_STOPPING)
        row.accepted_ms = BEGAN;
    return row;
}

/* An observation `minutes` after BEGAN, applied at once. */
static bool see(struct reservation *row, enum model_status status, int64_t minutes)
{
    struct upstream_answer answer = {
        .fate = UPSTREAM_ACCEPTED, .http_status = 200, .status = status};
    struct observation observation = rules_observe(&answer, BEGAN + minutes * MINUTE);
    return rules_apply(&settings, &observation, BEGAN + minutes * MINUTE, row);
}

static bool see_absent(struct reservation *row, int64_t minutes)
{
    struct upstream_answer answer = {.fate = UPSTREAM_REFUSED, .http_status = 404};
    (void)snprintf(answer.error_type, sizeof(answer.error_type), "ResourceNotFoundException");
    struct observation observation = rules_observe(&answer, BEGAN + minutes * MINUTE);
    return rules_apply(&settings, &observation, BEGAN + minutes * MINUTE, row);
}

/* --- rule 1 -------------------------------------------------------------------------------- */

struct settle_case {
    const char *what;
    enum reservation_state from;
    struct start_fate before; /* what came before the last answer */
    enum upstream_fate last;
    int http_status;
    bool our_fault;
    enum reservation_state to;
    enum reservation_end end;
};

static const struct settle_case settle_cases[] = {
    {"accepted",
     RESERVATION_PENDING,
     {0},
     UPSTREAM_ACCEPTED,
     202,
     false,
     RESERVATION_ACTIVE,
     RESERVATION_END_NONE},
    {"accepted after doubt",
     RESERVATION_UNCERTAIN,
     {.doubt = true},
     UPSTREAM_ACCEPTED,
     202,
     false,
     RESERVATION_ACTIVE,
     RESERVATION_END_NONE},
    {"the sole send refused",
     RESERVATION_PENDING,
     {0},
     UPSTREAM_REFUSED,
     400,
     false,
     RESERVATION_VOID,
     RESERVATION_END_REFUSED},
    {"refused after throttling, which applies nothing",
     RESERVATION_PENDING,
     {.throttled = true},
     UPSTREAM_REFUSED,
     402,
     false,
     RESERVATION_VOID,
     RESERVATION_END_REFUSED},
    {"refused after doubt",
     RESERVATION_PENDING,
     {.doubt = true},
     UPSTREAM_REFUSED,
     400,
     false,
     RESERVATION_UNCERTAIN,
     RESERVATION_END_NONE},
    {"the gateway's own credentials refused",
     RESERVATION_PENDING,
     {0},
     UPSTREAM_REFUSED,
     403,
     true,
     RESERVATION_VOID,
     RESERVATION_END_OUR_FAULT},
    {"throttled throughout",
     RESERVATION_PENDING,
     {.throttled = true},
     UPSTREAM_THROTTLED,
     429,
     false,
     RESERVATION_VOID,
     RESERVATION_END_THROTTLED},
    {"throttled after doubt",
     RESERVATION_PENDING,
     {.doubt = true, .throttled = true},
     UPSTREAM_THROTTLED,
     429,
     false,
     RESERVATION_UNCERTAIN,
     RESERVATION_END_NONE},
    {"never sent",
     RESERVATION_PENDING,
     {0},
     UPSTREAM_NOT_SENT,
     0,
     false,
     RESERVATION_VOID,
     RESERVATION_END_NOT_SENT},
    {"not sent after doubt",
     RESERVATION_PENDING,
     {.doubt = true},
     UPSTREAM_NOT_SENT,
     0,
     false,
     RESERVATION_UNCERTAIN,
     RESERVATION_END_NONE},
    {"lost",
     RESERVATION_PENDING,
     {.doubt = true},
     UPSTREAM_DOUBT,
     0,
     false,
     RESERVATION_UNCERTAIN,
     RESERVATION_END_NONE},
    {"accepted when a stop had been asked",
     RESERVATION_STOPPING,
     {0},
     UPSTREAM_ACCEPTED,
     202,
     false,
     RESERVATION_STOPPING,
     RESERVATION_END_NONE},
    {"refused when a stop had been asked",
     RESERVATION_STOPPING,
     {0},
     UPSTREAM_REFUSED,
     400,
     false,
     RESERVATION_CLOSED,
     RESERVATION_END_NONE},
    {"lost when a stop had been asked",
     RESERVATION_STOPPING,
     {.doubt = true},
     UPSTREAM_DOUBT,
     0,
     false,
     RESERVATION_STOPPING,
     RESERVATION_END_NONE},
    {"accepted too late (rule 6)",
     RESERVATION_CLOSED,
     {.doubt = true},
     UPSTREAM_ACCEPTED,
     202,
     false,
     RESERVATION_STOPPING,
     RESERVATION_END_NONE},
};

static void a_refusal_is_definite_only_without_doubt(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(settle_cases) / sizeof(settle_cases[0]); i++) {
        const struct settle_case *c = &settle_cases[i];
        struct reservation row = make_row(c->from);
        struct upstream_answer answer = {.fate = c->last,
                                         .http_status = c->http_status,
                                         .our_fault = c->our_fault,
                                         .status = MODEL_STARTING_HOSTING};
        rules_settle_start(&c->before, &answer, BEGAN + MINUTE, &row);
        if (row.state != c->to || row.end != c->end)
            fail_msg("%s: saw %s %s, expected %s %s", c->what, reservation_state_name(row.state),
                     reservation_end_name(row.end), reservation_state_name(c->to),
                     reservation_end_name(c->end));
    }
}

static void answers_add_up_to_a_fate(void **state)
{
    (void)state;
    struct start_fate fate = {0};
    struct upstream_answer answer = {.fate = UPSTREAM_THROTTLED, .http_status = 429};
    assert_false(rules_add_answer(&fate, &answer));
    assert_true(fate.throttled);
    assert_false(fate.doubt);
    answer = (struct upstream_answer){.fate = UPSTREAM_DOUBT, .http_status = 500};
    assert_false(rules_add_answer(&fate, &answer));
    assert_true(fate.doubt);
    answer.http_status = 409;
    assert_true(rules_add_answer(&fate, &answer));
    answer = (struct upstream_answer){.fate = UPSTREAM_REFUSED, .http_status = 400};
    assert_true(rules_add_answer(&fate, &answer));
}

/* --- rule 2 -------------------------------------------------------------------------------- */

static void a_start_is_sent_again_only_within_its_window(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_UNCERTAIN);
    assert_true(rules_may_resend(&settings, BEGAN + 29 * MINUTE, &row));
    assert_false(rules_may_resend(&settings, BEGAN + 30 * MINUTE, &row));
    /* The clock was set back since the first send: nobody knows how long ago that was. */
    assert_false(rules_may_resend(&settings, row.first_send_ms - 1, &row));
    row.lease_end_ms = BEGAN + 10 * MINUTE;
    assert_false(rules_may_resend(&settings, BEGAN + 10 * MINUTE, &row));
    assert_true(rules_may_resend(&settings, BEGAN + 9 * MINUTE, &row));
    row.refusal_status = 400;
    assert_false(rules_may_resend(&settings, BEGAN + 9 * MINUTE, &row));
    row = make_row(RESERVATION_STOPPING);
    assert_false(rules_may_resend(&settings, BEGAN + MINUTE, &row));
}

/* --- rule 3 -------------------------------------------------------------------------------- */

static void watch(struct reservation *row, int64_t from_minute, int64_t to_minute)
{
    for (int64_t minute = from_minute; minute <= to_minute; minute++)
        assert_true(see(row, MODEL_TRAINED, minute));
}

static void doubt_ends_after_quiet_and_two_looks(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_UNCERTAIN);
    watch(&row, 1, 14);
    assert_int_equal(row.not_running_ms, 0);
    watch(&row, 15, 15);
    assert_int_equal(row.state, RESERVATION_UNCERTAIN);
    watch(&row, 16, 16);
    assert_int_equal(row.state, RESERVATION_VOID);
    assert_int_equal(row.end, RESERVATION_END_NEVER_STARTED);
}

static void two_looks_have_a_minute_between_them(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_UNCERTAIN);
    struct upstream_answer answer = {.fate = UPSTREAM_ACCEPTED, .status = MODEL_TRAINED};
    for (int64_t second = 0; second < 60; second++) {
        int64_t at = BEGAN + 15 * MINUTE + second * 1000;
        struct observation observation = rules_observe(&answer, at);
        (void)rules_apply(&settings, &observation, at, &row);
        assert_int_equal(row.state, RESERVATION_UNCERTAIN);
    }
}

static void what_nobody_could_watch_is_charged(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_UNCERTAIN);
    watch(&row, 1, 3);
    watch(&row, 16, 17); /* 13 minutes without a look */
    assert_int_equal(row.state, RESERVATION_CLOSED);
    assert_int_equal(row.ended_ms, BEGAN + 16 * MINUTE);
}

/* A 404 before QUIET frees nothing, but somebody looked. */
static void a_404_is_a_look_all_the_same(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_UNCERTAIN);
    for (int64_t minute = 1; minute <= 16; minute++)
        (void)see_absent(&row, minute);
    assert_int_equal(row.state, RESERVATION_VOID);
    assert_int_equal(row.end, RESERVATION_END_NEVER_STARTED);
}

static void doubt_about_a_failed_hosting_is_stopped_first(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_UNCERTAIN);
    for (int64_t minute = 1; minute <= 14; minute++)
        (void)see(&row, MODEL_HOSTING_FAILED, minute);
    assert_int_equal(row.state, RESERVATION_UNCERTAIN);
    assert_true(see(&row, MODEL_HOSTING_FAILED, 15));
    assert_int_equal(row.state, RESERVATION_STOPPING);
    assert_int_equal(row.end, RESERVATION_END_HOSTING_FAILED);
    (void)see(&row, MODEL_HOSTING_FAILED, 16);
    (void)see(&row, MODEL_HOSTING_FAILED, 18);
    assert_int_equal(row.state, RESERVATION_STOPPING);
    row.stop_sent_ms = BEGAN + 18 * MINUTE;
    (void)see(&row, MODEL_HOSTING_FAILED, 19);
    (void)see(&row, MODEL_HOSTING_FAILED, 20);
    assert_int_equal(row.state, RESERVATION_CLOSED);
    assert_int_equal(row.end, RESERVATION_END_HOSTING_FAILED);
}

static void a_sighting_ends_doubt_at_once(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_UNCERTAIN);
    assert_true(see(&row, MODEL_STARTING_HOSTING, 0));
    assert_int_equal(row.state, RESERVATION_ACTIVE);
    assert_int_not_equal(row.seen_running_ms, 0);
}

/* --- rule 4 -------------------------------------------------------------------------------- */

static void one_stale_look_changes_nothing(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_ACTIVE);
    (void)see(&row, MODEL_HOSTED, 1);
    (void)see(&row, MODEL_TRAINED, 2);
    (void)see(&row, MODEL_HOSTED, 3);
    (void)see(&row, MODEL_TRAINED, 4);
    assert_int_equal(row.state, RESERVATION_ACTIVE);
    (void)see(&row, MODEL_TRAINED, 5);
    assert_int_equal(row.state, RESERVATION_CLOSED);
    assert_int_equal(row.end, RESERVATION_END_VANISHED);
    assert_int_equal(row.ended_ms, BEGAN + 4 * MINUTE);
}

/* The model may have run until just before it was described, which is later than when that was
 * asked: charged is until the answer. */
static void a_look_charges_until_its_answer(void **state)
{
    (void)state;
    static const enum reservation_state states[] = {RESERVATION_UNCERTAIN, RESERVATION_ACTIVE,
                                                    RESERVATION_STOPPING};
    const int64_t call_ms = 700;
    struct upstream_answer answer = {.fate = UPSTREAM_ACCEPTED, .status = MODEL_TRAINED};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct reservation row = make_row(states[i]);
        row.seen_running_ms = BEGAN;
        for (int64_t minute = 20; minute <= 22; minute++) {
            struct observation observation = rules_observe(&answer, BEGAN + minute * MINUTE);
            (void)rules_apply(&settings, &observation, BEGAN + minute * MINUTE + call_ms, &row);
        }
        assert_int_equal(row.state, RESERVATION_CLOSED);
        assert_int_equal(row.ended_ms, BEGAN + 20 * MINUTE + call_ms);
    }
}

static void a_describe_that_lags_is_not_believed_before_quiet(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_ACTIVE);
    for (int64_t minute = 1; minute < 15; minute++)
        (void)see(&row, MODEL_TRAINED, minute);
    assert_int_equal(row.state, RESERVATION_ACTIVE);
    (void)see(&row, MODEL_TRAINED, 15);
    assert_int_equal(row.state, RESERVATION_CLOSED);
}

/* A look may lag behind the start by less than lies between two looks; it must not end the charge.
 */
static void a_look_within_a_minute_of_the_start_ends_no_charge(void **state)
{
    (void)state;
    static const enum reservation_state states[] = {RESERVATION_ACTIVE, RESERVATION_STOPPING};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct reservation row = make_row(states[i]);
        (void)see(&row, MODEL_TRAINED, 0);
        assert_int_equal(row.not_running_ms, 0);
        (void)see(&row, MODEL_TRAINED, 2);
        (void)see(&row, MODEL_TRAINED, 15);
        assert_int_equal(row.state, RESERVATION_CLOSED);
        assert_int_equal(row.ended_ms, BEGAN + 2 * MINUTE);
    }
}

static void unknown_words_and_updates_count_as_running(void **state)
{
    (void)state;
    static const enum model_status running[] = {MODEL_STATUS_UNKNOWN, MODEL_STARTING_HOSTING,
                                                MODEL_HOSTED, MODEL_STOPPING_HOSTING,
                                                MODEL_SYSTEM_UPDATING};
    for (size_t i = 0; i < sizeof(running) / sizeof(running[0]); i++) {
        struct reservation row = make_row(RESERVATION_ACTIVE);
        row.not_running_ms = BEGAN + 30 * MINUTE;
        (void)see(&row, running[i], 60);
        assert_int_equal(row.state, RESERVATION_ACTIVE);
        assert_int_equal(row.not_running_ms, 0);
    }
}

static void absence_frees_only_after_quiet(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_ACTIVE);
    (void)see(&row, MODEL_HOSTED, 1);
    assert_false(see_absent(&row, 2));
    assert_false(see_absent(&row, 14));
    assert_int_equal(row.not_running_ms, 0);
    assert_true(see_absent(&row, 15));
    assert_true(see_absent(&row, 16));
    assert_int_equal(row.state, RESERVATION_CLOSED);
}

static void a_403_never_frees(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_ACTIVE);
    (void)see(&row, MODEL_HOSTED, 1);
    struct upstream_answer answer = {.fate = UPSTREAM_REFUSED, .http_status = 403};
    (void)snprintf(answer.error_type, sizeof(answer.error_type), "AccessDeniedException");
    for (int64_t minute = 20; minute < 60; minute++) {
        struct observation observation = rules_observe(&answer, BEGAN + minute * MINUTE);
        assert_false(rules_apply(&settings, &observation, BEGAN + minute * MINUTE, &row));
    }
    assert_int_equal(row.state, RESERVATION_ACTIVE);
}

static void hosting_failed_wants_one_stop(void **state)
{
    (void)state;
    struct observation none = {.kind = OBSERVED_NOTHING};
    struct reservation row = make_row(RESERVATION_ACTIVE);
    (void)see(&row, MODEL_HOSTED, 1);
    (void)see(&row, MODEL_HOSTING_FAILED, 2);
    assert_int_equal(row.state, RESERVATION_STOPPING);
    assert_int_equal(row.end, RESERVATION_END_HOSTING_FAILED);
    (void)see(&row, MODEL_HOSTING_FAILED, 3);
    (void)see(&row, MODEL_HOSTING_FAILED, 5);
    assert_int_equal(row.state, RESERVATION_STOPPING);
    assert_true(rules_stop_due(&settings, &none, BEGAN + 5 * MINUTE, &row));
    row.stop_sent_ms = BEGAN + 5 * MINUTE;
    (void)see(&row, MODEL_HOSTING_FAILED, 6);
    (void)see(&row, MODEL_HOSTING_FAILED, 7);
    assert_int_equal(row.state, RESERVATION_CLOSED);
    assert_int_equal(row.end, RESERVATION_END_HOSTING_FAILED);
}

/* --- rule 5 and 6 -------------------------------------------------------------------------- */

static void a_stop_is_repeated_until_it_is_observed(void **state)
{
    (void)state;
    struct observation nothing = {.kind = OBSERVED_NOTHING};
    struct observation running = {.kind = OBSERVED_RUNNING};
    struct observation trained = {.kind = OBSERVED_NOT_RUNNING};
    struct reservation row = make_row(RESERVATION_STOPPING);
    assert_true(rules_stop_due(&settings, &nothing, BEGAN, &row));
    assert_true(rules_stop_needs_token(&settings, BEGAN, &row));

    (void)snprintf(row.stop_token, sizeof(row.stop_token), "t");
    row.stop_sent_ms = BEGAN;
    assert_true(rules_stop_due(&settings, &running, BEGAN + MINUTE, &row));
    assert_true(rules_stop_due(&settings, &nothing, BEGAN + MINUTE, &row));
    assert_false(rules_stop_due(&settings, &trained, BEGAN + MINUTE, &row));
    assert_false(rules_stop_needs_token(&settings, BEGAN + MINUTE, &row));

    row.stop_accepted_ms = BEGAN + MINUTE;
    assert_false(rules_stop_due(&settings, &running, BEGAN + 10 * MINUTE, &row));
    assert_false(rules_stop_due(&settings, &nothing, BEGAN + 11 * MINUTE, &row));
    assert_true(rules_stop_due(&settings, &running, BEGAN + 11 * MINUTE, &row));
    assert_true(rules_stop_needs_token(&settings, BEGAN + 11 * MINUTE, &row));
}

static void settle_stop(struct reservation *row, enum upstream_fate fate, int http_status,
                        int64_t earlier_doubt_ms)
{
    struct upstream_answer answer = {
        .fate = fate, .http_status = http_status, .status = MODEL_STOPPING_HOSTING};
    (void)snprintf(row->stop_token, sizeof(row->stop_token), "t");
    row->stop_doubt_ms = BEGAN;
    rules_settle_stop(&answer, earlier_doubt_ms, BEGAN + MINUTE, row);
}

static void the_fate_of_a_stop_is_kept(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_STOPPING);
    settle_stop(&row, UPSTREAM_DOUBT, 0, 0);
    assert_int_equal(row.stop_doubt_ms, BEGAN + MINUTE);
    assert_string_equal(row.stop_token, "t");

    settle_stop(&row, UPSTREAM_ACCEPTED, 202, BEGAN);
    assert_int_equal(row.stop_doubt_ms, 0);
    assert_int_equal(row.stop_accepted_ms, BEGAN + MINUTE);

    row = make_row(RESERVATION_STOPPING);
    settle_stop(&row, UPSTREAM_DOUBT, 409, 0);
    assert_int_equal(row.stop_doubt_ms, 0);
    assert_string_equal(row.stop_token, "");

    settle_stop(&row, UPSTREAM_REFUSED, 400, BEGAN - MINUTE);
    assert_int_equal(row.stop_doubt_ms, BEGAN - MINUTE);
    assert_string_equal(row.stop_token, "t");

    row = make_row(RESERVATION_STOPPING);
    settle_stop(&row, UPSTREAM_NOT_SENT, 0, 0);
    assert_int_equal(row.stop_sent_ms, 0);
}

static void stopping_closes_after_two_looks_and_a_sighting_or_quiet(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_STOPPING);
    row.stop_sent_ms = BEGAN;
    row.end = RESERVATION_END_STOPPED;
    (void)see(&row, MODEL_TRAINED, 1);
    (void)see(&row, MODEL_TRAINED, 3);
    assert_int_equal(row.state, RESERVATION_STOPPING); /* may still be the state before the start */
    (void)see(&row, MODEL_STOPPING_HOSTING, 4);
    (void)see(&row, MODEL_TRAINED, 5);
    assert_int_equal(row.state, RESERVATION_STOPPING);
    (void)see(&row, MODEL_TRAINED, 6);
    assert_int_equal(row.state, RESERVATION_CLOSED);
    assert_int_equal(row.ended_ms, BEGAN + 5 * MINUTE);
    assert_int_equal(row.end, RESERVATION_END_STOPPED);
}

/* Stopped while its start was in doubt: that may be applied late, and run, until QUIET. */
static void stopping_in_doubt_is_charged_until_a_look_after_quiet(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_STOPPING);
    row.accepted_ms = 0;
    row.stop_sent_ms = BEGAN;
    (void)see(&row, MODEL_TRAINED, 1);
    assert_int_equal(row.not_running_ms, 0);
    (void)see(&row, MODEL_TRAINED, 16);
    assert_int_equal(row.state, RESERVATION_STOPPING);
    (void)see(&row, MODEL_TRAINED, 17);
    assert_int_equal(row.state, RESERVATION_CLOSED);
    assert_int_equal(row.ended_ms, BEGAN + 16 * MINUTE);
}

/* --- recovery ------------------------------------------------------------------------------ */

static void recovery_begins_every_doubt_anew(void **state)
{
    (void)state;
    int64_t boot = BEGAN + 60 * MINUTE;
    struct reservation row = make_row(RESERVATION_PENDING);
    assert_true(rules_recover(false, boot, &row));
    assert_int_equal(row.state, RESERVATION_UNCERTAIN);
    assert_int_equal(row.first_send_ms, BEGAN);
    assert_int_equal(row.last_send_ms, boot);

    row = make_row(RESERVATION_STOPPING);
    row.accepted_ms = 0;
    row.stop_doubt_ms = BEGAN + MINUTE;
    row.not_running_ms = BEGAN + 2 * MINUTE;
    assert_true(rules_recover(false, boot, &row));
    assert_int_equal(row.stop_doubt_ms, boot);
    assert_int_equal(row.last_send_ms, boot);
    assert_int_equal(row.not_running_ms, 0);

    row = make_row(RESERVATION_ACTIVE);
    assert_false(rules_recover(false, boot, &row));
    row.not_running_ms = BEGAN + MINUTE; /* of a time that may have been another */
    assert_true(rules_recover(false, boot, &row));
    assert_int_equal(row.not_running_ms, 0);
    assert_int_equal(row.state, RESERVATION_ACTIVE);
}

/* A stop that nobody wrote down may have ended a run before anybody looked: no longer free. */
static void doubt_is_charged_where_stops_were_lost(void **state)
{
    (void)state;
    static const enum reservation_state in_doubt[] = {RESERVATION_PENDING, RESERVATION_UNCERTAIN};
    for (size_t i = 0; i < sizeof(in_doubt) / sizeof(in_doubt[0]); i++) {
        struct reservation row = make_row(in_doubt[i]);
        assert_true(rules_lacks_lost_stop(&row));
        assert_true(rules_recover(true, BEGAN, &row));
        assert_false(rules_lacks_lost_stop(&row));
        watch(&row, 1, 16);
        assert_int_equal(row.state, RESERVATION_CLOSED);
        assert_int_equal(row.end, RESERVATION_END_NEVER_STARTED);
        assert_int_equal(row.ended_ms, BEGAN + 15 * MINUTE);
    }
    struct reservation active = make_row(RESERVATION_ACTIVE); /* is charged anyway */
    assert_false(rules_lacks_lost_stop(&active));
    assert_false(rules_recover(true, BEGAN, &active));
}

/* --- a ledger that can't be written -------------------------------------------------------- */

static void a_stop_that_was_not_recorded_is_recorded_later(void **state)
{
    (void)state;
    static const enum reservation_state live[] = {RESERVATION_PENDING, RESERVATION_UNCERTAIN,
                                                  RESERVATION_ACTIVE, RESERVATION_STOPPING};
    struct reservation kept = make_row(RESERVATION_STOPPING);
    kept.end = RESERVATION_END_LEASE;
    kept.stop_asked_ms = BEGAN + 5 * MINUTE;
    kept.stop_sent_ms = kept.stop_doubt_ms = BEGAN + 6 * MINUTE;
    (void)snprintf(kept.stop_token, sizeof(kept.stop_token), "token");
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++) {
        struct reservation row = make_row(live[i]);
        row.not_running_ms = BEGAN + MINUTE;
        rules_record_stop(&kept, &row);
        assert_int_equal(row.state, RESERVATION_STOPPING);
        if (live[i] != RESERVATION_STOPPING) {
            assert_int_equal(row.end, RESERVATION_END_LEASE);
            assert_int_equal(row.stop_asked_ms, BEGAN + 5 * MINUTE);
        }
        assert_int_equal(row.stop_sent_ms, BEGAN + 6 * MINUTE);
        assert_int_equal(row.stop_doubt_ms, BEGAN + 6 * MINUTE);
        assert_int_equal(row.not_running_ms, 0);
        assert_string_equal(row.stop_token, "token");
    }
    struct reservation row = make_row(RESERVATION_CLOSED);
    row.stop_doubt_ms = BEGAN;
    rules_record_stop(&kept, &row);
    assert_int_equal(row.state, RESERVATION_CLOSED);
    assert_int_equal(row.stop_doubt_ms, BEGAN + 6 * MINUTE); /* rule 6: the fence holds */
}

static void what_vanished_soon_after_a_boot_is_fenced(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_CLOSED);
    row.end = RESERVATION_END_VANISHED;
    rules_fence_lost_stop(&settings, false, BEGAN, BEGAN + 14 * MINUTE, &row);
    assert_int_equal(row.stop_doubt_ms, BEGAN);
    row.stop_doubt_ms = BEGAN + MINUTE;
    rules_fence_lost_stop(&settings, false, BEGAN, BEGAN + 14 * MINUTE, &row);
    assert_int_equal(row.stop_doubt_ms, BEGAN + MINUTE);

    struct reservation later = make_row(RESERVATION_CLOSED);
    later.end = RESERVATION_END_VANISHED;
    rules_fence_lost_stop(&settings, false, BEGAN, BEGAN + 15 * MINUTE, &later);
    assert_int_equal(later.stop_doubt_ms, 0);
    later.end = RESERVATION_END_STOPPED;
    rules_fence_lost_stop(&settings, false, BEGAN, BEGAN + MINUTE, &later);
    assert_int_equal(later.stop_doubt_ms, 0);
    rules_fence_lost_stop(&settings, true, BEGAN, BEGAN + 15 * MINUTE, &later);
    assert_int_equal(later.stop_doubt_ms, 0);
    rules_fence_lost_stop(&settings, true, BEGAN, BEGAN + 14 * MINUTE, &later);
    assert_int_equal(later.stop_doubt_ms, BEGAN);
    struct reservation live = make_row(RESERVATION_STOPPING);
    rules_fence_lost_stop(&settings, true, BEGAN, BEGAN + MINUTE, &live);
    assert_int_equal(live.stop_doubt_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_is_definite_only_without_doubt),
        cmocka_unit_test(answers_add_up_to_a_fate),
        cmocka_unit_test(a_start_is_sent_again_only_within_its_window),
        cmocka_unit_test(doubt_ends_after_quiet_and_two_looks),
        cmocka_unit_test(two_looks_have_a_minute_between_them),
        cmocka_unit_test(what_nobody_could_watch_is_charged),
        cmocka_unit_test(a_404_is_a_look_all_the_same),
        cmocka_unit_test(doubt_about_a_failed_hosting_is_stopped_first),
        cmocka_unit_test(a_sighting_ends_doubt_at_once),
        cmocka_unit_test(one_stale_look_changes_nothing),
        cmocka_unit_test(a_look_charges_until_its_answer),
        cmocka_unit_test(a_describe_that_lags_is_not_believed_before_quiet),
        cmocka_unit_test(a_look_within_a_minute_of_the_start_ends_no_charge),
        cmocka_unit_test(unknown_words_and_updates_count_as_running),
        cmocka_unit_test(absence_frees_only_after_quiet),
        cmocka_unit_test(a_403_never_frees),
        cmocka_unit_test(hosting_failed_wants_one_stop),
        cmocka_unit_test(a_stop_is_repeated_until_it_is_observed),
        cmocka_unit_test(the_fate_of_a_stop_is_kept),
        cmocka_unit_test(stopping_closes_after_two_looks_and_a_sighting_or_quiet),
        cmocka_unit_test(stopping_in_doubt_is_charged_until_a_look_after_quiet),
        cmocka_unit_test(recovery_begins_every_doubt_anew),
        cmocka_unit_test(doubt_is_charged_where_stops_were_lost),
        cmocka_unit_test(a_stop_that_was_not_recorded_is_recorded_later),
        cmocka_unit_test(what_vanished_soon_after_a_boot_is_fenced),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
