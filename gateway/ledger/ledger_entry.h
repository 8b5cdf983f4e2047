/* The bytes of a journal's entry, written and read; ledger_journal.h tells what they are. */
#ifndef LOOKOUT_LEDGER_LEDGER_ENTRY_H
#define LOOKOUT_LEDGER_LEDGER_ENTRY_H

#include "gateway/ledger/ledger.h"
#include "gateway/ledger/ledger_journal.h"
#include "gateway/ledger/reservation.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `out` holds LEDGER_ENTRY_MAX bytes; returns how many were written. */
size_t ledger_entry_write(int64_t number, const struct ledger_entry *entry, unsigned char *out);

#endif
