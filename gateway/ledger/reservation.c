/* The states of a reservation, the edges between them, and their stable names. */
#include "gateway/ledger/reservation.h"

#include <string.h>

const char *reservation_state_name(enum reservation_state state)
{
    switch (state) {
    case RESERVATION_PENDING:
        return "PENDING";
    case RESERVATION_UNCERTAIN:
        return "UNCERTAIN";
    case RESERVATION_ACTIVE:
        return "ACTIVE";
    case RESERVATION_STOPPING:
        return "STOPPING";
    case RESERVATION_CLOSED:
        return "CLOSED";
    case RESERVATION_VOID:
        return "VOID";
    }
    return "?";
}

bool reservation_state_parse(const char *name, enum reservation_state *out)
{
    for (int i = 0; i < RESERVATION_STATES; i++) {
        if (strcmp(name, reservation_state_name((enum reservation_state)i)) == 0) {
            *out = (enum reservation_state)i;
            return true;
        }
    }
    return false;
}

bool reservation_state_is_live(enum reservation_state state)
{
    switch (state) {
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
    case RESERVATION_ACTIVE:
    case RESERVATION_STOPPING:
        return true;
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        return false;
    }
    return true; /* doubt frees nothing */
}

bool reservation_state_is_used(enum reservation_state state)
{
    switch (state) {
    case RESERVATION_ACTIVE:
    case RESERVATION_STOPPING:
        return true;
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        return false;
    }
    return false;
}

#define BIT(state) (1U << (unsigned)(state))

/*
 * STOPPING never becomes VOID: a stop that overtook a start which then was refused ends as CLOSED,
 * with nothing charged. CLOSED and VOID -> STOPPING: a 202 that arrives late (rule 6).
 */
static unsigned next_states(enum reservation_state from)
{
    switch (from) {
    case RESERVATION_PENDING:
        return BIT(RESERVATION_UNCERTAIN) | BIT(RESERVATION_ACTIVE) | BIT(RESERVATION_STOPPING) |
               BIT(RESERVATION_VOID);
    case RESERVATION_UNCERTAIN:
        return BIT(RESERVATION_ACTIVE) | BIT(RESERVATION_STOPPING) | BIT(RESERVATION_CLOSED) |
               BIT(RESERVATION_VOID);
    case RESERVATION_ACTIVE:
        return BIT(RESERVATION_STOPPING) | BIT(RESERVATION_CLOSED);
    case RESERVATION_STOPPING:
        return BIT(RESERVATION_CLOSED);
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        return BIT(RESERVATION_STOPPING);
    }
    return 0;
}

bool reservation_state_may_become(enum reservation_state from, enum reservation_state to)
{
    return from == to || (next_states(from) & BIT(to)) != 0;
}

const char *reservation_origin_name(enum reservation_origin origin)
{
    switch (origin) {
    case RESERVATION_ORIGIN_START:
        return "start";
    case RESERVATION_ORIGIN_DRIFT:
        return "drift";
    }
    return "?";
}

bool reservation_origin_parse(const char *name, enum reservation_origin *out)
{
    for (int i = RESERVATION_ORIGIN_START; i <= RESERVATION_ORIGIN_DRIFT; i++) {
        if (strcmp(name, reservation_origin_name((enum reservation_origin)i)) == 0) {
            *out = (enum reservation_origin)i;
            return true;
        }
    }
    return false;
}

const char *reservation_end_name(enum reservation_end end)
{
    switch (end) {
    case RESERVATION_END_NONE:
        return "";
    case RESERVATION_END_STOPPED:
        return "stopped";
    case RESERVATION_END_LEASE:
        return "lease-ended";
    case RESERVATION_END_HOSTING_FAILED:
        return "hosting-failed";
    case RESERVATION_END_VANISHED:
        return "vanished";
    case RESERVATION_END_NOT_SENT:
        return "not-sent";
    case RESERVATION_END_THROTTLED:
        return "throttled";
    case RESERVATION_END_OUR_FAULT:
        return "credentials-refused";
    case RESERVATION_END_REFUSED:
        return "refused";
    case RESERVATION_END_NEVER_STARTED:
        return "never-started";
    case RESERVATION_END_BY_HAND:
        return "settled-by-hand";
    case RESERVATION_END_DRIFT:
        return "drift-stopped";
    }
    return "?";
}

bool reservation_end_parse(const char *name, enum reservation_end *out)
{
    for (int i = RESERVATION_END_NONE; i <= RESERVATION_END_DRIFT; i++) {
        if (strcmp(name, reservation_end_name((enum reservation_end)i)) == 0) {
            *out = (enum reservation_end)i;
            return true;
        }
    }
    return false;
}

bool reservation_end_rearms(enum reservation_end end)
{
    switch (end) {
    case RESERVATION_END_NOT_SENT:
    case RESERVATION_END_THROTTLED:
    case RESERVATION_END_OUR_FAULT:
        return true;
    case RESERVATION_END_NONE:
    case RESERVATION_END_STOPPED:
    case RESERVATION_END_LEASE:
    case RESERVATION_END_HOSTING_FAILED:
    case RESERVATION_END_VANISHED:
    case RESERVATION_END_REFUSED:
    case RESERVATION_END_NEVER_STARTED:
    case RESERVATION_END_BY_HAND:
    case RESERVATION_END_DRIFT:
        return false;
    }
    return false;
}

uint64_t reservation_hash_model(const char *project, const char *version)
{
    uint64_t hash = 14695981039346656037u;

    for (; *project != '\0'; project++)
        hash = (hash ^ (unsigned char)*project) * 1099511628211u;
    hash = (hash ^ '/') * 1099511628211u;
    for (; *version != '\0'; version++)
        hash = (hash ^ (unsigned char)*version) * 1099511628211u;
    return hash;
}

uint64_t reservation_hash_id(const char *id)
{
    uint64_t digits = 0;

    if (strnlen(id, RESERVATION_ID_LEN) == RESERVATION_ID_LEN)
        memcpy(&digits, id + RESERVATION_ID_LEN - sizeof(digits), sizeof(digits));
    return (digits * UINT64_C(0x9E3779B97F4A7C15)) >> 32;
}
