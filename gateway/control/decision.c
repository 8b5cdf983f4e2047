/* Policy and ledger, asked about one request. */
#include "gateway/control/decision.h"

#include "gateway/base/log.h"
#include "policy/earliest.h"
#include "policy/evaluator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS ((int64_t)60 * 1000)

int64_t decision_default_lease_ms(const struct policy *policy,
                                  const struct control_settings *settings, const char *team)
{
    const struct policy_team *known = policy_find_team(policy, team);
    int64_t preset = 0, most = POLICY_MAX_LEASE_MINUTES;
    if (known != NULL)
        policy_lease(policy, known, &preset, &most);
    if (preset != 0)
        return preset * MINUTE_MS;
    return settings->lease_ms < most * MINUTE_MS ? settings->lease_ms : most * MINUTE_MS;
}

int decision_make(void *context, const struct quota_books *books, bool *admitted, struct error *err)
{
    struct decision *decision = context;
    int result =
        policy_evaluate(decision->policy, &decision->request, books, &decision->answer, err);
    decision->made = result == 0;
    *admitted = decision->made && decision->answer.verdict == QUOTA_ADMITTED;
    return result;
}

static int preview(void *context, const struct quota_books *books, struct error *err)
{
    bool admitted = false;
    return decision_make(context, books, &admitted, err);
}

bool decision_preview(struct control *control, struct decision *decision)
{
    struct error err = {0};
    return ledger_with_books(control->ledger, decision->request.team, decision->request.now_ms,
                             preview, decision, &err) == 0;
}

struct search {
    struct decision *decision;
    const struct quota_release *releases;
    size_t count;
};

static int search(void *context, const struct quota_books *books, struct error *err)
{
    const struct search *search = context;
    struct decision *decision = search->decision;
    return policy_find_earliest(decision->policy, &decision->request, books, search->releases,
                                search->count, &decision->answer.earliest_ms, err);
}

static void find_earliest(struct control *control, struct decision *decision)
{
    struct search context = {.decision = decision};
    struct quota_release *releases = calloc(LEDGER_RELEASES_MAX, sizeof(*releases));
    struct error err = {0};
    int result = ERROR_NOMEM;
    context.releases = releases;
    if (releases != NULL)
        result = ledger_list_releases(control->ledger, decision->request.team, releases,
                                      LEDGER_RELEASES_MAX, &context.count, &err);
    if (result == 0)
        result = ledger_with_books(control->ledger, decision->request.team,
                                   decision->request.now_ms, search, &context, &err);
    if (result != 0) {
        decision->answer.earliest_ms = 0;
        LOG(LOG_WARNING, "decision.no_earliest", log_str("message", err.message));
    }
    free(releases);
}

static int64_t look_ahead(struct control *control, struct decision *decision)
{
    int64_t now_ms = decision->request.now_ms;
    if (!decision->made)
        return 0;
    switch (decision->answer.verdict) {
    case QUOTA_ADMITTED:
        decision->answer.earliest_ms = now_ms;
        return 0;
    case QUOTA_REFUSED_EVER:
        decision->answer.earliest_ms = INT64_MAX;
        return 0;
    case QUOTA_REFUSED_NOW:
        find_earliest(control, decision);
        break;
    }
    int64_t earliest_ms = decision->answer.earliest_ms;
    return earliest_ms == INT64_MAX || earliest_ms <= now_ms ? 0 : earliest_ms - now_ms;
}

static void explain(const struct decision *decision, char *out, size_t size)
{
    char when[CLOCK_RFC3339_SIZE];
    policy_explain(&decision->answer, &decision->request, out, size);
    size_t len = strlen(out);
    int64_t earliest_ms = decision->answer.earliest_ms;
    if (decision->answer.verdict != QUOTA_REFUSED_NOW || earliest_ms == 0 ||
        earliest_ms == INT64_MAX)
        return;
    clock_format_rfc3339(earliest_ms, when);
    (void)snprintf(out + len, size - len, "; it would fit at %s", when);
}

int64_t decision_tell(struct control *control, struct decision *decision, char *out, size_t size)
{
    int64_t wait_ms = 0;
    if (decision->answer.verdict != QUOTA_ADMITTED || decision->request.look_ahead)
        wait_ms = look_ahead(control, decision);
    explain(decision, out, size);
    return wait_ms;
}
