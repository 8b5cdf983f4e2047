/*
 * Who used how much: unit-time by period, team, model and subject, from the rows themselves; and
 * how a line of it is written as CSV (RFC 4180) or as JSON, one object a line.
 *
 * A row that has ended counts from its creation to its end, one that lives to now. A row that
 * crosses the end of a period is split there, so that the lines of an interval sum up to exactly
 * what the ledger's budgets counted.
 */
#ifndef LOOKOUT_LEDGER_USAGE_REPORT_H
#define LOOKOUT_LEDGER_USAGE_REPORT_H

#include "gateway/base/strbuf.h"
#include "gateway/ledger/ledger_backend.h"
#include "policy/error.h"
#include "policy/window.h"

#include <stdbool.h>
#include <stdint.h>

#define USAGE_LINES_MAX   100000
#define USAGE_REPORTS_MAX 2 /* made at the same time on one ledger */

struct usage_query {
    int64_t from_ms, until_ms;   /* wall, half-open */
    int64_t now_ms;              /* wall: up to here what lives has been used */
    const char *team;            /* NULL = all */
    struct policy_window window; /* its periods; of POLICY_TOTAL the whole interval is one */
};

/* Strings are borrowed for the time of the call. */
struct usage_line {
    int64_t from_ms, until_ms; /* the period, cut to the interval */
    const char *team, *project, *version, *subject;
    int64_t unit_ms;      /* in that period */
    int64_t reservations; /* that contributed */
    bool running;         /* one of them lives: the line will grow */
};
typedef int usage_line_fn(void *context, const struct usage_line *line, struct error *err);

/*
 * Calls `take` for each line, in the order of period, team, project, version and subject, until one
 * call fails: with its code. ERROR_INVALID: the interval is empty or before the epoch;
 * ERROR_REFUSED: more than USAGE_LINES_MAX lines; ERROR_RETRY: USAGE_REPORTS_MAX others are being
 * made, and it would take a session from those who read one row.
 */
int usage_report(struct ledger *ledger, const struct usage_query *query, usage_line_fn *take,
                 void *context, struct error *err) __attribute__((warn_unused_result));
/* The same on one session, within a snapshot. */
int usage_report_on(const struct ledger_backend *backend, struct ledger_session *session,
                    const struct usage_query *query, usage_line_fn *take, void *context,
                    struct error *err) __attribute__((warn_unused_result));

enum usage_format { USAGE_CSV, USAGE_JSON };
/* The line of names that CSV begins with; nothing for JSON. */
void usage_write_head(enum usage_format format, struct strbuf *out);
/*
 * PeriodFrom, PeriodUntil (RFC 3339, UTC), Team, ProjectName, ModelVersion, Subject, UnitHours
 * (three decimals), UnitMilliseconds (exact), Reservations, Running. CSV lines end with CR LF,
 * and a text in them that begins like a formula (= + - @ or a control) has an apostrophe in front.
 */
void usage_write_line(enum usage_format format, const struct usage_line *line, struct strbuf *out);

#endif
