/* The journal's head, and how an entry is put together. */
#include "gateway/ledger/ledger_journal.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/crypto.h"
#include "gateway/ledger/ledger_entry.h"

#include <string.h>

_Static_assert(LEDGER_JOURNAL_HASH_LEN == CRYPTO_SHA256_LEN, "the chain is one of SHA-256");

int ledger_journal_load(struct ledger_journal *journal, const struct ledger_backend *backend,
                        struct ledger_session *session, struct error *err)
{
    int code;

    if (journal->known)
        return 0;
    code = backend->get_journal_head(session, &journal->committed, err);
    if (code != 0)
        return code;
    journal->head = journal->committed;
    journal->known = true;
    return 0;
}

void ledger_journal_commit(struct ledger_journal *journal)
{
    journal->committed = journal->head;
}

void ledger_journal_roll_back(struct ledger_journal *journal)
{
    journal->head = journal->committed;
}

void ledger_journal_forget(struct ledger_journal *journal)
{
    journal->known = false;
}

int ledger_journal_append(struct ledger_journal *journal, const struct ledger_backend *backend,
                          struct ledger_session *session, const struct ledger_entry *entry,
                          struct error *err)
{
    /* The hash before stands in front, so that both are hashed in one go. */
    unsigned char bytes[LEDGER_JOURNAL_HASH_LEN + LEDGER_ENTRY_MAX];
    struct ledger_journal_head next = {.number = journal->head.number + 1};
    size_t len;
    int code;

    memcpy(bytes, journal->head.hash, LEDGER_JOURNAL_HASH_LEN);
    len = ledger_entry_write(next.number, entry, bytes + LEDGER_JOURNAL_HASH_LEN);
    if (crypto_sha256(bytes, LEDGER_JOURNAL_HASH_LEN + len, next.hash) != 0)
        return error_set(err, ERROR_IO, "can't hash an entry of the journal");
    code = backend->append_entry(session, &next, bytes + LEDGER_JOURNAL_HASH_LEN, len, err);
    CRASH_POINT(LEDGER_ENTRY_APPENDED);
    if (code == 0)
        journal->head = next;
    return code;
}
