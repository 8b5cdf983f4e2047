/*
 * Stops that the ledger could not take: a model is stopped also while nothing can be written down.
 * Each is kept in memory as the row that should stand in the ledger, and is written as soon as it
 * can be; until then nobody judges the row by what the ledger says. For a process that dies before
 * that, the ledger is marked as one with a gap as long as there is such a stop.
 */
#ifndef LOOKOUT_CONTROL_UNRECORDED_H
#define LOOKOUT_CONTROL_UNRECORDED_H

#include "gateway/ledger/ledger.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>

#define UNRECORDED_MAX 256

struct unrecorded;

/* `ledger` is borrowed. */
int unrecorded_create(struct ledger *ledger, struct unrecorded **out, struct error *err)
    __attribute__((warn_unused_result));
void unrecorded_free(struct unrecorded **set);

/* Any thread for all that follows. */

/* Keeps a copy of the row (STOPPING), instead of an earlier one of the same reservation. False when
 * there are too many, or memory is out. */
bool unrecorded_keep(struct unrecorded *set, const struct reservation *row);
/* The row as it was kept last. False where there is none; `row` is then as it was. */
bool unrecorded_find(struct unrecorded *set, const char *id, struct reservation *row);
/* Whether there is one of that model. */
bool unrecorded_holds(struct unrecorded *set, const char *project, const char *version);
void unrecorded_drop(struct unrecorded *set, const char *id);
/* The one after `after_id` in the order of ids ("" to begin). False beyond the last. */
bool unrecorded_next(struct unrecorded *set, const char *after_id, struct reservation *row);
size_t unrecorded_count(struct unrecorded *set);

/* Whether a former process took such stops with it: any row that it left may be of one. */
bool unrecorded_are_lost(struct unrecorded *set);
/* None of its rows is in doubt any more, and no stop of it can still arrive. */
void unrecorded_forget_lost(struct unrecorded *set);

#endif
