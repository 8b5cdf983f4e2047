/* `lookout-gateway policy check FILE`: is it good, and what does it say? */
#include "gateway/commands.h"

#include "gateway/base/file.h"
#include "gateway/base/zone_file.h"
#include "policy/document.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static void print_limit(const char *name, int64_t limit)
{
    if (limit != POLICY_NO_LIMIT)
        (void)printf("  %s %" PRId64, name, limit);
}

static void print_limits(const struct policy_limits *limits)
{
    print_limit("concurrent_units", limits->concurrent_units);
    print_limit("running_models", limits->running_models);
    print_limit("units_per_model", limits->units_per_model);
    (void)printf("\n");
}

static void print_policy(const struct policy *policy)
{
    (void)printf("account:");
    print_limits(policy_account(policy));
    for (size_t i = 0; i < policy_team_count(policy); i++) {
        const struct policy_team *team = policy_team_at(policy, i);
        (void)printf("team %s:", team->name);
        print_limits(&team->limits);
        for (size_t p = 0; p < team->project_count; p++)
            (void)printf("  project %s\n", team->projects[p]);
    }
}

static int check_policy(const char *file)
{
    struct policy *policy = NULL;
    struct error err = {0};
    char *text = NULL;
    size_t len = 0;
    if (file_read(file, POLICY_MAX_BYTES, &text, &len, &err) != 0) {
        (void)fprintf(stderr, "lookout-gateway: %s\n", err.message);
        return EX_NOINPUT;
    }
    int result = policy_parse(text, len, zone_file_load, NULL, &policy, &err);
    file_free(&text, len);
    if (result != 0) {
        (void)fprintf(stderr, "lookout-gateway: %s: at \"%s\": %s\n", file, err.pointer,
                      err.message);
        return EX_DATAERR;
    }
    print_policy(policy);
    policy_free(&policy);
    return EX_OK;
}

int command_policy(int argc, char *const *argv)
{
    if (argc == 2 && strcmp(argv[0], "check") == 0)
        return check_policy(argv[1]);
    (void)fprintf(stderr, "usage: lookout-gateway policy check FILE\n");
    return EX_USAGE;
}
