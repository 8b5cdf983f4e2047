/* A line of the report as CSV or JSON. */
#include "gateway/ledger/usage_report.h"

#include "gateway/base/clock.h"
#include "policy/unit_time.h"

#include <inttypes.h>
#include <string.h>

void usage_write_head(enum usage_format format, struct strbuf *out)
{
    if (format == USAGE_CSV)
        strbuf_addstr(out, "PeriodFrom,PeriodUntil,Team,ProjectName,ModelVersion,Subject,UnitHours,"
                           "UnitMilliseconds,Reservations,Running\r\n");
}

/*
 * RFC 4180: quoted where it has to be, quotes doubled. What a spreadsheet would take for a formula
 * gets an apostrophe in front: subjects are not ours.
 */
static void add_csv(struct strbuf *out, const char *text)
{
    const bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    const bool quoted = strpbrk(text, ",\"\r\n") != NULL;

    if (quoted)
        strbuf_addch(out, '"');
    if (formula)
        strbuf_addch(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            strbuf_addch(out, '"');
        strbuf_addch(out, *text);
    }
    strbuf_addstr(out, quoted ? "\"," : ",");
}

static void add_json(struct strbuf *out, const char *name, const char *text)
{
    strbuf_addf(out, "\"%s\":", name);
    strbuf_add_json(out, text, strlen(text));
    strbuf_addch(out, ',');
}

void usage_write_line(enum usage_format format, const struct usage_line *line, struct strbuf *out)
{
    char from[CLOCK_RFC3339_SIZE], until[CLOCK_RFC3339_SIZE], hours[UNIT_TIME_TEXT_SIZE];
    const char *const names[] = {"PeriodFrom",  "PeriodUntil",  "Team",
                                 "ProjectName", "ModelVersion", "Subject"};
    const char *const texts[] = {from,          until,         line->team,
                                 line->project, line->version, line->subject};

    clock_format_rfc3339(line->from_ms, from);
    clock_format_rfc3339(line->until_ms, until);
    unit_time_format(line->unit_ms, hours);
    if (format == USAGE_JSON)
        strbuf_addch(out, '{');
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (format == USAGE_CSV)
            add_csv(out, texts[i]);
        else
            add_json(out, names[i], texts[i]);
    }
    strbuf_addf(out,
                format == USAGE_CSV ? "%s,%" PRId64 ",%" PRId64 ",%s\r\n"
                                    : "\"UnitHours\":%s,\"UnitMilliseconds\":%" PRId64
                                      ",\"Reservations\":%" PRId64 ",\"Running\":%s}\n",
                hours, line->unit_ms, line->reservations, line->running ? "true" : "false");
}
