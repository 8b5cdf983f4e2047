/* `lookout-gateway ledger ...`: to check, look into, export, back up and restore a ledger. */
#include "gateway/commands.h"

#include "gateway/base/clock.h"
#include "gateway/base/crypto.h"
#include "gateway/ledger/ledger_copy.h"
#include "gateway/ledger/ledger_file.h"
#include "gateway/ledger/ledger_show.h"
#include "gateway/ledger/ledger_verify.h"
#include "gateway/ledger/usage_report.h"
#include "gateway/ledger/usage_words.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define LINE_MAX_BYTES (64 * 1024)

static const char usage[] =
    "usage: lookout-gateway ledger verify FILE [--expect NUMBER:HASH]\n"
    "       lookout-gateway ledger show FILE [--reservation ID] [--team TEAM] [--from TIME]\n"
    "         [--until TIME] [--json]\n"
    "       lookout-gateway ledger export FILE --from TIME --until TIME [--team TEAM]\n"
    "         [--period day|week|month|total] [--time-zone ZONE] [--week-starts DAY]\n"
    "         [--day-starts HH:MM] [--format csv|json]\n"
    "       lookout-gateway ledger backup FILE NEW-FILE\n"
    "       lookout-gateway ledger restore BACKUP FILE\n"
    "A TIME is like 2026-11-25T08:00:00Z, or a date like 2026-11-25: where that day begins.\n";

static int fail_usage(const char *message)
{
    return commands_fail_usage(message, usage);
}

/* What is broken is EX_DATAERR, what is there or held EX_CANTCREAT, what can't be read EX_IOERR. */
static int fail(int code, const struct error *err)
{
    (void)fprintf(stderr, "lookout-gateway: %s\n", err->message);
    if (code == ERROR_REFUSED || code == ERROR_INVALID)
        return EX_DATAERR;
    if (code == ERROR_NOT_FOUND)
        return EX_NOINPUT;
    return code == ERROR_CONFLICT ? EX_CANTCREAT : EX_IOERR;
}

/* --- options ------------------------------------------------------------------------------- */

struct arguments {
    struct ledger_show_filter filter;
    struct usage_word from, until;
    struct usage_words words;
    bool json;
    bool has_expect;
    struct ledger_journal_head expect;
};

static bool parse_expect(const char *text, struct ledger_journal_head *out)
{
    char *end = NULL;
    const long long number = strtoll(text, &end, 10);

    out->number = number;
    return number >= 1 && *end == ':' && crypto_unhex(end + 1, out->hash, sizeof(out->hash));
}

enum {
    REPORT_TEAM = 1,
    FROM,
    UNTIL,
    RESERVATION,
    JSON,
    PERIOD,
    ZONE,
    WEEK_STARTS,
    DAY_STARTS,
    FORMAT,
    EXPECT
};

/* NULL, or what is wrong with one option's value. */
static const char *take_option(int option, const char *value, struct arguments *out)
{
    switch (option) {
    case REPORT_TEAM:
        out->filter.team = value;
        return NULL;
    case RESERVATION:
        out->filter.reservation = value;
        return NULL;
    case JSON:
        out->json = true;
        return NULL;
    case FROM:
        out->from.text = value;
        return NULL;
    case UNTIL:
        out->until.text = value;
        return NULL;
    case PERIOD:
        out->words.period.text = value;
        return NULL;
    case ZONE:
        out->words.time_zone.text = value;
        return NULL;
    case WEEK_STARTS:
        out->words.week_starts.text = value;
        return NULL;
    case DAY_STARTS:
        out->words.day_starts.text = value;
        return NULL;
    case FORMAT:
        out->json = strcmp(value, "json") == 0;
        return out->json || strcmp(value, "csv") == 0 ? NULL : "--format is csv or json";
    case EXPECT:
        out->has_expect = true;
        return parse_expect(value, &out->expect)
                   ? NULL
                   : "--expect is a number, a colon and 64 hex digits";
    }
    return "an option is unknown or lacks its value";
}

static const struct option verify_options[] = {{"expect", required_argument, NULL, EXPECT},
                                               {NULL, 0, NULL, 0}};
static const struct option show_options[] = {{"reservation", required_argument, NULL, RESERVATION},
                                             {"team", required_argument, NULL, REPORT_TEAM},
                                             {"from", required_argument, NULL, FROM},
                                             {"until", required_argument, NULL, UNTIL},
                                             {"json", no_argument, NULL, JSON},
                                             {NULL, 0, NULL, 0}};
static const struct option export_options[] = {
    {"team", required_argument, NULL, REPORT_TEAM},
    {"from", required_argument, NULL, FROM},
    {"until", required_argument, NULL, UNTIL},
    {"period", required_argument, NULL, PERIOD},
    {"time-zone", required_argument, NULL, ZONE},
    {"week-starts", required_argument, NULL, WEEK_STARTS},
    {"day-starts", required_argument, NULL, DAY_STARTS},
    {"format", required_argument, NULL, FORMAT},
    {NULL, 0, NULL, 0}};

/* Options behind the file's name. */
static const char *parse(int argc, char *const *argv, const struct option *options,
                         struct arguments *out)
{
    const char *wrong = NULL;
    int option;

    *out = (struct arguments){.from = {.name = "--from"},
                              .until = {.name = "--until"},
                              .words = {.period = {.name = "--period"},
                                        .time_zone = {.name = "--time-zone"},
                                        .week_starts = {.name = "--week-starts"},
                                        .day_starts = {.name = "--day-starts"}}};
    optind = 1; /* argv[0] is the file: getopt leaves it alone */
    opterr = 0;
    while (wrong == NULL && (option = getopt_long(argc, argv, "+", options, NULL)) != -1)
        wrong = take_option(option == '?' ? 0 : option, optarg, out);
    return wrong == NULL && optind != argc ? "there are too many arguments" : wrong;
}

static int read_times(struct arguments *arguments, const struct policy_window *window,
                      struct error *err)
{
    int code = usage_words_read_time(&arguments->from, window, &arguments->filter.from_ms, err);

    if (code != 0)
        return code;
    return usage_words_read_time(&arguments->until, window, &arguments->filter.until_ms, err);
}

/* --- commands ------------------------------------------------------------------------------ */

static void print_verified(const char *path, const struct ledger_verified *verified)
{
    char hash[2 * LEDGER_JOURNAL_HASH_LEN + 1];

    crypto_hex(verified->head.hash, sizeof(verified->head.hash), hash);
    (void)printf("%s: good: %" PRId64 " entries, %" PRId64 " reservations, %" PRId64
                 " balances, %" PRId64 " sums of unit-time\nlast entry %" PRId64 ":%s\n",
                 path, verified->entries, verified->rows, verified->balances, verified->sums,
                 verified->head.number, hash);
}

static int command_verify(int argc, char *const *argv)
{
    struct ledger_verified verified;
    struct ledger_file file;
    struct arguments arguments;
    struct error err = {0};
    const char *wrong = parse(argc, argv, verify_options, &arguments);
    int code;

    if (wrong != NULL)
        return fail_usage(wrong);
    code = ledger_file_open(argv[0], &file, &err);
    if (code != 0)
        return fail(code, &err);
    code = ledger_verify(file.backend, file.session,
                         arguments.has_expect ? &arguments.expect : NULL, &verified, &err);
    ledger_file_close(&file);
    if (code != 0)
        return fail(code, &err);
    print_verified(argv[0], &verified);
    return EX_OK;
}

struct show {
    const struct arguments *arguments;
    struct strbuf line;
};

static int print_line(struct strbuf *line, struct error *err)
{
    int code = 0;

    if (!strbuf_ok(line))
        code = error_set(err, ERROR_NOMEM, "out of memory for a line");
    else if (fwrite(line->data, 1, line->len, stdout) != line->len)
        code = error_set(err, ERROR_IO, "can't write to standard output");
    strbuf_clear(line);
    return code;
}

static int show_entry(void *context, const struct ledger_journal_head *head,
                      const unsigned char *bytes, size_t len, struct error *err)
{
    struct show *show = context;
    struct ledger_entry_view entry;

    if (!ledger_entry_read(bytes, len, &entry))
        return error_set(err, ERROR_REFUSED, "entry %" PRId64 " was altered: it is no entry",
                         head->number);
    if (!ledger_show_wants(&show->arguments->filter, &entry))
        return 0;
    if (show->arguments->json)
        ledger_show_json(&entry, head, &show->line);
    else
        ledger_show_text(&entry, &show->line);
    return print_line(&show->line, err);
}

static int command_show(int argc, char *const *argv)
{
    struct ledger_file file;
    struct arguments arguments;
    struct show show = {.arguments = &arguments};
    struct error err = {0};
    const struct policy_window utc = {0};
    const char *wrong = parse(argc, argv, show_options, &arguments);
    int code;

    if (wrong != NULL)
        return fail_usage(wrong);
    if (read_times(&arguments, &utc, &err) != 0)
        return fail_usage(err.message);
    code = ledger_file_open(argv[0], &file, &err);
    if (code != 0)
        return fail(code, &err);
    strbuf_init(&show.line, LINE_MAX_BYTES);
    code = file.backend->each_entry(file.session, 0, show_entry, &show, &err);
    strbuf_free(&show.line);
    ledger_file_close(&file);
    return code != 0 ? fail(code, &err) : EX_OK;
}

static int export_line(void *context, const struct usage_line *line, struct error *err)
{
    struct show *show = context;

    usage_write_line(show->arguments->json ? USAGE_JSON : USAGE_CSV, line, &show->line);
    return print_line(&show->line, err);
}

static int export_file(const char *path, const struct arguments *arguments,
                       const struct policy_window *window, int64_t now_ms, struct error *err)
{
    struct usage_query query = {.from_ms = arguments->filter.from_ms,
                                .until_ms = arguments->filter.until_ms,
                                .now_ms = now_ms,
                                .team = arguments->filter.team,
                                .window = *window};
    struct show show = {.arguments = arguments};
    struct ledger_file file;
    int code = ledger_file_open(path, &file, err);

    if (code != 0)
        return code;
    strbuf_init(&show.line, LINE_MAX_BYTES);
    usage_write_head(arguments->json ? USAGE_JSON : USAGE_CSV, &show.line);
    code = usage_report_on(file.backend, file.session, &query, export_line, &show, err);
    if (code == 0)
        code = print_line(&show.line, err); /* the names, where there was no line */
    strbuf_free(&show.line);
    ledger_file_close(&file);
    return code;
}

static int command_export(int argc, char *const *argv)
{
    struct policy_window window;
    struct time_zone *zone = NULL;
    struct clock *clock = NULL;
    struct arguments arguments;
    struct error err = {0};
    const char *wrong = parse(argc, argv, export_options, &arguments);
    int code;

    if (wrong == NULL && (arguments.from.text == NULL || arguments.until.text == NULL))
        wrong = "export needs --from and --until";
    if (wrong != NULL)
        return fail_usage(wrong);
    code = usage_words_read_window(&arguments.words, &window, &zone, &err);
    if (code == 0)
        code = read_times(&arguments, &window, &err);
    if (code == ERROR_INVALID) {
        time_zone_free(&zone);
        return fail_usage(err.message);
    }
    if (code == 0)
        code = clock_open(&clock, &err);
    if (code == 0)
        code = export_file(argv[0], &arguments, &window, clock_wall_ms(clock), &err);
    clock_close(&clock);
    time_zone_free(&zone);
    return code != 0 ? fail(code, &err) : EX_OK;
}

typedef int copy_fn(const char *from, const char *to, struct ledger_verified *out,
                    struct error *err);

static int command_copy(int argc, char *const *argv, copy_fn *copy)
{
    struct ledger_verified verified;
    struct error err = {0};
    int code;

    if (argc != 2)
        return fail_usage("two files are needed");
    code = copy(argv[0], argv[1], &verified, &err);
    if (code != 0)
        return fail(code, &err);
    print_verified(argv[1], &verified);
    return EX_OK;
}

int command_ledger(int argc, char *const *argv)
{
    if (commands_print_help(argc, argv, usage))
        return EX_OK;
    if (argc < 2)
        return fail_usage("ledger needs a command and a file");
    if (strcmp(argv[0], "verify") == 0)
        return command_verify(argc - 1, argv + 1);
    if (strcmp(argv[0], "show") == 0)
        return command_show(argc - 1, argv + 1);
    if (strcmp(argv[0], "export") == 0)
        return command_export(argc - 1, argv + 1);
    if (strcmp(argv[0], "backup") == 0)
        return command_copy(argc - 1, argv + 1, ledger_copy);
    if (strcmp(argv[0], "restore") == 0)
        return command_copy(argc - 1, argv + 1, ledger_restore);
    return fail_usage("there is no such command of ledger");
}
