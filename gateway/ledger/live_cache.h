/*
 * The live rows that readers ask for again and again, in memory: a hundred dashboards look at the
 * same few models. Also remembers that a model has no live row. What is changed is forgotten, so
 * that whoever changed a row reads it changed.
 */
#ifndef LOOKOUT_LEDGER_LIVE_CACHE_H
#define LOOKOUT_LEDGER_LIVE_CACHE_H

#include "gateway/ledger/reservation.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Each model has one place, which it may share with others: the last that was read has it. */
#define LIVE_CACHE_PLACES 512

struct live_cache; /* any thread */

int live_cache_create(struct live_cache **out, struct error *err)
    __attribute__((warn_unused_result));
void live_cache_free(struct live_cache **cache);

/*
 * True where the cache knows: `*found` says whether there is a live row, and `*row` is it. Where it
 * does not, `*ticket` is for live_cache_put.
 */
bool live_cache_get(struct live_cache *cache, const char *project, const char *version,
                    struct reservation *row, bool *found, uint64_t *ticket);

/*
 * Keeps what was read after the ticket was given (`row` NULL: there is none), unless the model was
 * changed in between: then what was read may be old.
 */
void live_cache_put(struct live_cache *cache, const char *project, const char *version,
                    uint64_t ticket, const struct reservation *row);

/* After every change of a model's rows, whether it is known to have taken effect or not. */
void live_cache_forget(struct live_cache *cache, const char *project, const char *version);

#endif
