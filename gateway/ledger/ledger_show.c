/* An entry in words. */
#include "gateway/ledger/ledger_show.h"

#include "gateway/base/clock.h"
#include "gateway/base/crypto.h"

#include <inttypes.h>
#include <string.h>

bool ledger_show_wants(const struct ledger_show_filter *filter,
                       const struct ledger_entry_view *entry)
{
    if (filter->reservation != NULL && !ledger_text_equals(entry->id, filter->reservation))
        return false;
    if (filter->team != NULL &&
        !ledger_text_equals(entry->has_row ? entry->team : entry->about, filter->team))
        return false;
    return entry->at_ms >= filter->from_ms &&
           (filter->until_ms == 0 || entry->at_ms < filter->until_ms);
}

/* A person's reason may have a line's end or a terminal's escape in it: shown as a JSON string. */
static void add_text(struct strbuf *out, const char *before, struct ledger_text text)
{
    if (text.len == 0)
        return;
    strbuf_addstr(out, before);
    strbuf_add_json(out, text.data, text.len);
}

static void add_time(struct strbuf *out, const char *before, int64_t at_ms)
{
    char text[CLOCK_RFC3339_SIZE];

    if (at_ms == 0 || at_ms == INT64_MAX)
        return;
    clock_format_rfc3339(at_ms, text);
    strbuf_addf(out, "%s%s", before, text);
}

void ledger_show_text(const struct ledger_entry_view *entry, struct strbuf *out)
{
    strbuf_addf(out, "%" PRId64, entry->number);
    add_time(out, " ", entry->at_ms);
    add_text(out, " ", entry->event);
    add_text(out, " of ", entry->about);
    add_text(out, " reservation ", entry->id);
    if (entry->has_row) {
        strbuf_addf(out, " version %" PRId64 " units %" PRId64, entry->row_version, entry->units);
        add_text(out, " state ", entry->state);
        add_text(out, " end ", entry->end);
        add_text(out, " team ", entry->team);
        add_time(out, " lease-end ", entry->lease_end_ms);
        add_time(out, " ended ", entry->ended_ms);
    }
    add_text(out, " model ", entry->project);
    add_text(out, "/", entry->version);
    add_text(out, " by ", entry->actor);
    add_text(out, " request ", entry->request_id);
    add_text(out, " policy ", entry->policy);
    add_text(out, ": ", entry->why);
    strbuf_addch(out, '\n');
}

static void add_member(struct strbuf *out, const char *name, struct ledger_text text)
{
    strbuf_addf(out, ",\"%s\":", name);
    strbuf_add_json(out, text.data, text.len);
}

static void add_number(struct strbuf *out, const char *name, int64_t number)
{
    strbuf_addf(out, ",\"%s\":%" PRId64, name, number);
}

static void add_row(struct strbuf *out, const struct ledger_entry_view *entry)
{
    add_member(out, "id", entry->id);
    add_number(out, "row_version", entry->row_version);
    add_number(out, "units", entry->units);
    add_number(out, "created_ms", entry->created_ms);
    add_number(out, "lease_end_ms", entry->lease_end_ms);
    add_number(out, "worst_end_ms", entry->worst_end_ms);
    add_number(out, "ended_ms", entry->ended_ms);
    add_member(out, "state", entry->state);
    add_member(out, "end", entry->end);
    add_member(out, "team", entry->team);
}

static void add_identity(struct strbuf *out, const struct ledger_entry_view *entry)
{
    add_member(out, "subject", entry->subject);
    add_member(out, "project", entry->project);
    add_member(out, "version", entry->version);
    add_member(out, "origin", entry->origin);
    add_member(out, "client_token", entry->client_token);
    add_number(out, "min_units", entry->min_units);
    add_number(out, "max_units", entry->max_units);
}

void ledger_show_json(const struct ledger_entry_view *entry, const struct ledger_journal_head *head,
                      struct strbuf *out)
{
    char hash[2 * LEDGER_JOURNAL_HASH_LEN + 1];

    crypto_hex(head->hash, sizeof(head->hash), hash);
    strbuf_addf(out, "{\"number\":%" PRId64, entry->number);
    add_number(out, "at_ms", entry->at_ms);
    add_member(out, "event", entry->event);
    add_member(out, "about", entry->about);
    if (entry->has_row)
        add_row(out, entry);
    if (entry->has_identity)
        add_identity(out, entry);
    add_member(out, "actor", entry->actor);
    add_member(out, "request_id", entry->request_id);
    add_member(out, "policy", entry->policy);
    add_member(out, "why", entry->why);
    strbuf_addf(out, ",\"hash\":\"%s\"}\n", hash);
}
