/* `lookout-gateway policy check` and `policy explain`: what a policy says, and what it would say.
 */
#include "gateway/commands.h"

#include "gateway/base/clock.h"
#include "gateway/base/file.h"
#include "gateway/base/zone_file.h"
#include "gateway/explain.h"
#include "gateway/explain_state.h"
#include "policy/document.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define MINUTE_MS             INT64_C(60000)
#define DEFAULT_LEASE_MINUTES 480 /* as the option lease_minutes, where the policy says nothing */
#define DEFAULT_ALLOWANCE     15  /* minutes; as the option of serve */
#define REFUSED               1   /* the status of an explanation that says no */

static const char usage[] =
    "usage: lookout-gateway policy check FILE\n"
    "       lookout-gateway policy explain FILE --team T --project P --units N [--max-units N]\n"
    "         [--lease-minutes N] [--stop-allowance-minutes N] [--at TIME] [--state FILE]\n";

static int fail_usage(const char *message)
{
    return commands_fail_usage(message, usage);
}

static int fail_document(const char *file, const struct error *err)
{
    (void)fprintf(stderr, "lookout-gateway: %s: at \"%s\": %s\n", file, err->pointer, err->message);
    return EX_DATAERR;
}

static int read_text(const char *file, size_t max, char **text, size_t *len)
{
    struct error err = {0};
    if (file_read(file, max, text, len, &err) == 0)
        return EX_OK;
    (void)fprintf(stderr, "lookout-gateway: %s\n", err.message);
    return EX_NOINPUT;
}

/* EX_OK and a policy, or a status for the process with the reason told. */
static int load_policy(const char *file, struct policy **out)
{
    struct error err = {0};
    char *text = NULL;
    size_t len = 0;
    int status = read_text(file, POLICY_MAX_BYTES, &text, &len);
    if (status != EX_OK)
        return status;
    int result = policy_parse(text, len, zone_file_load, NULL, out, &err);
    file_free(&text, len);
    return result == 0 ? EX_OK : fail_document(file, &err);
}

/* --- check --------------------------------------------------------------------------------- */

static void print_policy(const struct policy *policy)
{
    (void)printf("account:  drift %s",
                 policy_drift(policy) == POLICY_DRIFT_STOP ? "stop" : "alert");
    explain_print_limits(stdout, policy_account(policy));
    for (size_t i = 0; i < policy_team_count(policy); i++) {
        const struct policy_team *team = policy_team_at(policy, i);
        (void)printf("team %s:", team->name);
        explain_print_limits(stdout, &team->limits);
        for (size_t p = 0; p < team->project_count; p++)
            (void)printf("  project %s\n", team->projects[p]);
    }
}

static int check_policy(const char *file)
{
    struct policy *policy = NULL;
    int status = load_policy(file, &policy);
    if (status == EX_OK)
        print_policy(policy);
    policy_free(&policy);
    return status;
}

/* --- explain ------------------------------------------------------------------------------- */

struct explain {
    const char *policy_file, *state_file;
    const char *team, *project, *at;
    int64_t units, max_units;                 /* 0: not given */
    int64_t lease_minutes, allowance_minutes; /* 0 and -1: not given */
};

static bool parse_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return errno == 0 && end != text && *end == '\0' && value >= min && value <= max;
}

/* NULL, or what is wrong with the arguments. */
static const char *parse_flags(int argc, char *const *argv, struct explain *out)
{
    enum { TEAM, PROJECT, UNITS, MAX_UNITS, LEASE, ALLOWANCE, AT, STATE };
    static const struct option flags[] = {
        {"team", required_argument, NULL, TEAM},
        {"project", required_argument, NULL, PROJECT},
        {"units", required_argument, NULL, UNITS},
        {"max-units", required_argument, NULL, MAX_UNITS},
        {"lease-minutes", required_argument, NULL, LEASE},
        {"stop-allowance-minutes", required_argument, NULL, ALLOWANCE},
        {"at", required_argument, NULL, AT},
        {"state", required_argument, NULL, STATE},
        {NULL, 0, NULL, 0},
    };
    int flag;
    opterr = 0;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        switch (flag) {
        case TEAM:
            out->team = optarg;
            break;
        case PROJECT:
            out->project = optarg;
            break;
        case UNITS:
            if (!parse_number(optarg, 1, POLICY_MAX_UNITS, &out->units))
                return "--units: expected a whole number from 1 to 1000000";
            break;
        case MAX_UNITS:
            if (!parse_number(optarg, 1, POLICY_MAX_UNITS, &out->max_units))
                return "--max-units: expected a whole number from 1 to 1000000";
            break;
        case LEASE:
            if (!parse_number(optarg, 1, POLICY_MAX_LEASE_MINUTES, &out->lease_minutes))
                return "--lease-minutes: expected a whole number from 1 to 44640";
            break;
        case ALLOWANCE:
            if (!parse_number(optarg, 0, POLICY_MAX_LEASE_MINUTES / 2, &out->allowance_minutes))
                return "--stop-allowance-minutes: expected a whole number from 0 to 22320";
            break;
        case AT:
            out->at = optarg;
            break;
        case STATE:
            out->state_file = optarg;
            break;
        default:
            return "unknown or incomplete flag";
        }
    }
    if (optind != argc - 1)
        return "expected one policy";
    out->policy_file = argv[optind];
    if (out->team == NULL || out->project == NULL || out->units == 0)
        return "team, project and units are needed";
    if (out->max_units != 0 && out->max_units < out->units)
        return "--max-units: expected at least --units";
    return NULL;
}

static int find_now(const struct explain *explain, int64_t *out_ms)
{
    struct clock *clock = NULL;
    struct error err = {0};
    if (explain->at != NULL)
        return clock_parse_rfc3339(explain->at, out_ms)
                   ? EX_OK
                   : fail_usage("--at: expected a time like 2026-11-25T08:00:00Z");
    if (clock_open(&clock, &err) != 0) {
        (void)fprintf(stderr, "lookout-gateway: %s\n", err.message);
        return EX_OSERR;
    }
    *out_ms = clock_wall_ms(clock);
    clock_close(&clock);
    return EX_OK;
}

static int64_t find_lease(const struct explain *explain, const struct policy *policy)
{
    const struct policy_team *team = policy_find_team(policy, explain->team);
    int64_t minutes, max_minutes;
    if (explain->lease_minutes != 0 || team == NULL)
        return explain->lease_minutes != 0 ? explain->lease_minutes : DEFAULT_LEASE_MINUTES;
    policy_lease(policy, team, &minutes, &max_minutes);
    if (minutes == 0)
        minutes = DEFAULT_LEASE_MINUTES < max_minutes ? DEFAULT_LEASE_MINUTES : max_minutes;
    return minutes;
}

static int load_state(const char *file, int64_t now_ms, struct held **out, size_t *count)
{
    struct error err = {0};
    char *text = NULL;
    size_t len = 0;
    int status = read_text(file, EXPLAIN_STATE_MAX_BYTES, &text, &len);
    if (status != EX_OK)
        return status;
    int result = explain_state_parse(text, len, now_ms, out, count, &err);
    file_free(&text, len);
    return result == 0 ? EX_OK : fail_document(file, &err);
}

static int print_explanation(const struct policy *policy, const struct quota_request *request,
                             const struct held *list, size_t count)
{
    struct held_view view = {
        .team = request->team, .now_ms = request->now_ms, .list = list, .count = count};
    struct quota_release *releases = calloc(count + 1, sizeof(*releases));
    struct quota_books books;
    struct error err = {0};
    bool admitted = false;
    if (releases == NULL) {
        (void)fprintf(stderr, "lookout-gateway: out of memory\n");
        return EX_OSERR;
    }
    held_books(&view, &books);
    int result = explain_print(stdout, policy, request, &books, releases,
                               held_releases(&view, releases), &admitted, &err);
    free(releases);
    if (result != 0) {
        (void)fprintf(stderr, "lookout-gateway: %s\n", err.message);
        return EX_DATAERR;
    }
    return admitted ? EX_OK : REFUSED;
}

static int explain_policy(int argc, char *const *argv)
{
    struct explain explain = {.allowance_minutes = -1};
    struct quota_request request = {.look_ahead = true};
    struct policy *policy = NULL;
    struct held *list = NULL;
    size_t count = 0;
    const char *wrong = parse_flags(argc, argv, &explain);
    if (wrong != NULL)
        return fail_usage(wrong);
    int status = find_now(&explain, &request.now_ms);
    if (status == EX_OK)
        status = load_policy(explain.policy_file, &policy);
    if (status == EX_OK && explain.state_file != NULL)
        status = load_state(explain.state_file, request.now_ms, &list, &count);
    if (status == EX_OK) {
        request.team = explain.team;
        request.project = explain.project;
        request.units = explain.max_units != 0 ? explain.max_units : explain.units;
        request.lease_ms = find_lease(&explain, policy) * MINUTE_MS;
        request.from_ms = request.now_ms;
        request.until_ms =
            request.now_ms + request.lease_ms +
            (explain.allowance_minutes >= 0 ? explain.allowance_minutes : DEFAULT_ALLOWANCE) *
                MINUTE_MS;
        status = print_explanation(policy, &request, list, count);
    }
    free(list);
    policy_free(&policy);
    return status;
}

int command_policy(int argc, char *const *argv)
{
    if (commands_print_help(argc, argv, usage))
        return EX_OK;
    if (argc == 2 && strcmp(argv[0], "check") == 0)
        return check_policy(argv[1]);
    if (argc >= 1 && strcmp(argv[0], "explain") == 0)
        return explain_policy(argc, argv);
    return fail_usage("expected check or explain");
}
