/* The balances of the open transaction, kept in memory until its end. */
#include "gateway/ledger/ledger_balances.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void ledger_balances_begin(struct ledger_balances *balances)
{
    if (balances->count > LEDGER_SCOPES_KEPT)
        balances->count = 0;
}

void ledger_balances_forget(struct ledger_balances *balances)
{
    balances->count = 0;
}

/* NULL = not read yet. There are few teams, so a walk is quicker than a hash. */
static struct ledger_balance *find(struct ledger_balances *balances, const char *team)
{
    for (size_t i = 1; i < balances->count; i++) {
        if (strcmp(balances->of[i].scope, team) == 0)
            return &balances->of[i];
    }
    return NULL;
}

static void remember(struct ledger_balance *balance, const char *scope,
                     const struct quota_usage *stored)
{
    snprintf(balance->scope, sizeof(balance->scope), "%s", scope);
    balance->stored = balance->now = *stored;
}

/* The team's balance; the account's is read with the first. */
static int load(struct ledger_balances *balances, const struct ledger_backend *backend,
                struct ledger_session *session, const char *team, struct ledger_balance **out,
                struct error *err)
{
    struct quota_usage account, of_team;
    int code;

    *out = find(balances, team);
    if (*out != NULL)
        return 0;
    if (balances->count == LEDGER_SCOPES_MAX)
        return error_set(err, ERROR_NOMEM, "more than %d teams in one transaction",
                         LEDGER_SCOPES_MAX - 1);
    code = backend->get_usage(session, team, &account, &of_team, err);
    if (code != 0)
        return code;
    if (balances->count == 0)
        remember(&balances->of[balances->count++], LEDGER_ACCOUNT_SCOPE, &account);
    *out = &balances->of[balances->count++];
    remember(*out, team, &of_team);
    return 0;
}

int ledger_balances_get(struct ledger_balances *balances, const struct ledger_backend *backend,
                        struct ledger_session *session, const char *team,
                        struct quota_usage *account, struct quota_usage *of_team, struct error *err)
{
    struct ledger_balance *balance;
    const int code = load(balances, backend, session, team, &balance, err);

    if (code != 0)
        return code;
    *account = balances->of[0].now;
    *of_team = balance->now;
    return 0;
}

static bool add(struct quota_usage *usage, const struct quota_usage *delta)
{
    usage->used_units += delta->used_units;
    usage->reserved_units += delta->reserved_units;
    usage->used_models += delta->used_models;
    usage->reserved_models += delta->reserved_models;
    return usage->used_units >= 0 && usage->reserved_units >= 0 && usage->used_models >= 0 &&
           usage->reserved_models >= 0;
}

int ledger_balances_add(struct ledger_balances *balances, const struct ledger_backend *backend,
                        struct ledger_session *session, const char *team,
                        const struct quota_usage *delta, struct error *err)
{
    struct quota_usage account, of_team;
    struct ledger_balance *balance;
    const int code = load(balances, backend, session, team, &balance, err);

    if (code != 0)
        return code;
    account = balances->of[0].now;
    of_team = balance->now;
    if (!add(&account, delta) || !add(&of_team, delta))
        return error_set(err, ERROR_INVALID,
                         "the balance of the account or of team %s would fall below zero: the "
                         "ledger was changed by another program, restore a backup",
                         team);
    balances->of[0].now = account;
    balance->now = of_team;
    return 0;
}

int ledger_balances_write(struct ledger_balances *balances, const struct ledger_backend *backend,
                          struct ledger_session *session, struct error *err)
{
    for (size_t i = 0; i < balances->count; i++) {
        struct ledger_balance *balance = &balances->of[i];
        const struct quota_usage delta = {
            .used_units = balance->now.used_units - balance->stored.used_units,
            .reserved_units = balance->now.reserved_units - balance->stored.reserved_units,
            .used_models = balance->now.used_models - balance->stored.used_models,
            .reserved_models = balance->now.reserved_models - balance->stored.reserved_models};
        int code;

        if (memcmp(&balance->now, &balance->stored, sizeof(balance->now)) == 0)
            continue;
        code = backend->add_usage(session, balance->scope, &delta, err);
        if (code != 0)
            return code;
        balance->stored = balance->now;
    }
    return 0;
}
