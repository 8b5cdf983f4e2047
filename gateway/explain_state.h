/* What is held and what was used, from a small document: for decisions away from the ledger. */
#ifndef LOOKOUT_EXPLAIN_STATE_H
#define LOOKOUT_EXPLAIN_STATE_H

#include "policy/held.h"

#define EXPLAIN_STATE_MAX_BYTES (2 * 1024 * 1024)

/*
 * Parses
 *   { "version": 1, "reservations": [
 *       { "team": "assembly-line", "units": 2, "state": "ACTIVE",
 *         "from": "2026-11-25T08:00:00Z", "until": "2026-11-25T12:15:00Z" } ] }
 * strictly: all members are needed and no others are taken. `state` is one of the ledger's;
 * PENDING, UNCERTAIN, ACTIVE and STOPPING hold units until `until`, their worst end, and CLOSED
 * used them until then. Nothing may begin after `now_ms`, and nothing that is CLOSED may end after
 * it. `*out` has `*count` entries and is freed with free().
 */
int explain_state_parse(const char *text, size_t len, int64_t now_ms, struct held **out,
                        size_t *count, struct error *err) __attribute__((warn_unused_result));

#endif
