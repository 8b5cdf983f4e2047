/*
 * The world of the API's tests: control and ledger played by functions that record what they were
 * asked and answer what the test says; keys, tokens and policy are real.
 */
#ifndef LOOKOUT_TESTS_UNIT_API_WORLD_H
#define LOOKOUT_TESTS_UNIT_API_WORLD_H

#include "gateway/control/admin.h"
#include "gateway/control/admission.h"
#include "gateway/http/api.h"
#include "gateway/ledger/usage_report.h"

#define WORLD_MAX_TOKEN 4096

/* What the last call to admission asked for, its strings copied. */
struct world_seen {
    int starts, stops, describes, leases, settles, assigns, freezes;
    char team[128], subject[128], project[300], version[32], key[128];
    bool has_team, has_key, dry_run, force, on;
    int64_t min_units, max_units, ended_ms, lease_minutes;
    char id[64], reason[300];
};

#define WORLD_NOW_MS INT64_C(1795449600000) /* control's time: 2026-11-23T16:00:00Z */

struct world {
    struct clock *clock;
    struct metrics *metrics;
    struct http_context context;
    struct api *api;
    struct world_seen seen;
    /* Answers. */
    struct start_result start;
    struct stop_result stop;
    struct model_view view;
    struct lease_result lease;
    struct quota_view quota; /* but for its snapshot */
    struct admin_settled settled;
    struct admin_assigned assigned;
    enum admin_outcome frozen;
    struct ledger_freeze freeze; /* the only one of the ledger, where since_ms is not 0 */
    struct drift_scan_state scan;
    struct control_readiness readiness;
    struct reservation rows[60]; /* of the ledger, in the order of their ids */
    size_t row_count;
    int ledger_result; /* 0, or what every call to the ledger returns */
    /* Of the report: this line, so often; and what it was asked. */
    struct usage_line line;
    size_t line_count;
    struct usage_query query;
    char query_zone[TIME_ZONE_MAX_NAME + 1];
};

extern struct world world;

int world_open(void); /* 0, or -1 with the error on standard error */
void world_close(void);

/* A token for these teams (comma-separated, may be "") and scopes. */
void world_token(const char *teams, const char *scopes, char out[WORLD_MAX_TOKEN]);

/* A live row to put into answers and the ledger. `number` makes its id. */
struct reservation world_row(unsigned number, const char *team);

#endif
