/* What the routes work with: everything below them, wired once by the program. */
#ifndef LOOKOUT_HTTP_CONTEXT_H
#define LOOKOUT_HTTP_CONTEXT_H

#include "gateway/auth/principal.h"
#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/control/control.h"
#include "gateway/control/policy_store.h"
#include "gateway/http/authority_store.h"
#include "gateway/ledger/ledger.h"

#include <stdint.h>

/* All pointers are borrowed and outlive the server; none may be NULL but `tokens`. */
struct http_context {
    struct control *control;
    struct ledger *ledger; /* for reading rows; changes go through `control` */
    struct policy_store *policies;
    struct authority_store *authorities;
    struct token_cache *tokens; /* NULL: none */
    struct metrics *metrics;
    const struct clock *clock;
    int64_t request_deadline_ms; /* by then a start, a stop or a status has its answer; 30 s */
};

#endif
