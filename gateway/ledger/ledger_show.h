/* The journal for people and programs: entries as lines of text or as JSON, one a line. */
#ifndef LOOKOUT_LEDGER_LEDGER_SHOW_H
#define LOOKOUT_LEDGER_LEDGER_SHOW_H

#include "gateway/base/strbuf.h"
#include "gateway/ledger/ledger_entry.h"

#include <stdbool.h>
#include <stdint.h>

/* Which entries are wanted; all zero = every one. */
struct ledger_show_filter {
    const char *reservation;   /* its id */
    const char *team;          /* whose row it is, or which it is about */
    int64_t from_ms, until_ms; /* at_ms, half-open; until 0 = no end */
};

bool ledger_show_wants(const struct ledger_show_filter *filter,
                       const struct ledger_entry_view *entry);

/* "12 2026-11-25T10:00:00.000Z update <id> team red ACTIVE ... by someone: start answered" */
void ledger_show_text(const struct ledger_entry_view *entry, struct strbuf *out);
/* Every member of the entry, under the names of ledger_journal.h, and its hash. */
void ledger_show_json(const struct ledger_entry_view *entry, const struct ledger_journal_head *head,
                      struct strbuf *out);

#endif
