/* Sums by period, team, model and subject, in a table that grows. */
#include "gateway/ledger/usage_report.h"

#include "gateway/ledger/ledger_handle.h"
#include "gateway/ledger/ledger_unit_time.h"
#include "policy/unit_time.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAMES     4 /* team, project, version, subject */
#define SLOTS_MIN 256

struct sum {
    int64_t from_ms, until_ms;
    char *names; /* the four, each with its NUL; owned. NULL: the slot is free */
    size_t names_len;
    int64_t unit_ms, reservations;
    bool running;
};

struct sums {
    const struct usage_query *query;
    struct sum *slots;
    size_t size; /* a power of two, never more than half full */
    size_t count;
};

/* --- the table ----------------------------------------------------------------------------- */

static uint64_t hash(int64_t from_ms, const char *names, size_t len)
{
    uint64_t h = 14695981039346656037u ^ (uint64_t)from_ms; /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)names[i]) * 1099511628211u;
    return h ^ h >> 32;
}

/* Where the sum stands or would stand. */
static struct sum *find(const struct sums *sums, int64_t from_ms, const char *names, size_t len)
{
    for (uint64_t at = hash(from_ms, names, len);; at++) {
        struct sum *sum = &sums->slots[at & (sums->size - 1)];

        if (sum->names == NULL || (sum->from_ms == from_ms && sum->names_len == len &&
                                   memcmp(sum->names, names, len) == 0))
            return sum;
    }
}

static int grow(struct sums *sums, struct error *err)
{
    struct sums larger = {.size = sums->size == 0 ? SLOTS_MIN : 2 * sums->size};

    if (sums->count == USAGE_LINES_MAX)
        return error_set(err, ERROR_REFUSED,
                         "the report has more than %d lines: ask for a shorter interval, longer "
                         "periods or one team",
                         USAGE_LINES_MAX);
    if (2 * (sums->count + 1) <= sums->size)
        return 0;
    larger.slots = calloc(larger.size, sizeof(*larger.slots));
    if (larger.slots == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for a report of %zu lines", sums->count);
    for (size_t i = 0; i < sums->size; i++) {
        const struct sum *sum = &sums->slots[i];

        if (sum->names != NULL)
            *find(&larger, sum->from_ms, sum->names, sum->names_len) = *sum;
    }
    free(sums->slots);
    sums->slots = larger.slots;
    sums->size = larger.size;
    return 0;
}

static int add(struct sums *sums, const struct sum *part, struct error *err)
{
    struct sum *sum;
    int code = grow(sums, err);

    if (code != 0)
        return code;
    sum = find(sums, part->from_ms, part->names, part->names_len);
    if (sum->names == NULL) {
        char *names = malloc(part->names_len);

        if (names == NULL)
            return error_set(err, ERROR_NOMEM, "out of memory for a line of the report");
        memcpy(names, part->names, part->names_len);
        *sum = (struct sum){.from_ms = part->from_ms,
                            .until_ms = part->until_ms,
                            .names = names,
                            .names_len = part->names_len};
        sums->count++;
    }
    sum->unit_ms = unit_time_add(sum->unit_ms, part->unit_ms);
    sum->reservations++;
    sum->running |= part->running;
    return 0;
}

static void free_sums(struct sums *sums)
{
    for (size_t i = 0; i < sums->size; i++)
        free(sums->slots[i].names);
    free(sums->slots);
}

/* --- rows ---------------------------------------------------------------------------------- */

/* The four names one behind the other, each with its NUL. */
static size_t join_names(const struct ledger_used *row, char *out)
{
    const char *const names[NAMES] = {row->team, row->project, row->version, row->subject};
    size_t len = 0;

    for (int i = 0; i < NAMES; i++) {
        const size_t one = strlen(names[i]) + 1;

        memcpy(out + len, names[i], one);
        len += one;
    }
    return len;
}

/* One row, split at the ends of periods. */
static int add_row(void *context, const struct ledger_used *row, struct error *err)
{
    struct sums *sums = context;
    const struct usage_query *query = sums->query;
    char names[RESERVATION_TEAM_MAX + RESERVATION_PROJECT_MAX + RESERVATION_VERSION_MAX +
               RESERVATION_SUBJECT_MAX + NAMES];
    struct sum part = {.names = names, .running = row->live};
    const int64_t end_ms = row->live ? query->now_ms : row->ended_ms;
    const int64_t until_ms = end_ms < query->until_ms ? end_ms : query->until_ms;
    int64_t at_ms = row->created_ms > query->from_ms ? row->created_ms : query->from_ms;
    int code = 0;

    part.names_len = join_names(row, names);
    while (code == 0 && at_ms < until_ms) {
        int64_t begin_ms, next_ms;

        policy_window_bounds(&query->window, at_ms, &begin_ms, &next_ms);
        part.from_ms = begin_ms > query->from_ms ? begin_ms : query->from_ms;
        part.until_ms = next_ms < query->until_ms ? next_ms : query->until_ms;
        part.unit_ms = unit_time_multiply(
            row->units, ledger_unit_time_overlap(at_ms, until_ms, begin_ms, next_ms));
        code = add(sums, &part, err);
        at_ms = next_ms;
    }
    return code;
}

/* --- lines --------------------------------------------------------------------------------- */

static int compare_versions(const char *left, const char *right)
{
    const size_t left_len = strlen(left), right_len = strlen(right);

    /* Numbers without leading zeros: the longer one is the larger one. */
    return left_len != right_len ? (left_len > right_len) - (left_len < right_len)
                                 : strcmp(left, right);
}

static int compare_sums(const void *a, const void *b)
{
    const struct sum *left = a, *right = b;
    const char *l = left->names, *r = right->names;

    if (left->from_ms != right->from_ms)
        return (left->from_ms > right->from_ms) - (left->from_ms < right->from_ms);
    for (int i = 0; i < NAMES; i++) {
        const int order = i == 2 ? compare_versions(l, r) : strcmp(l, r);

        if (order != 0)
            return order;
        l += strlen(l) + 1;
        r += strlen(r) + 1;
    }
    return 0;
}

static int tell(const struct sum *sum, usage_line_fn *take, void *context, struct error *err)
{
    struct usage_line line = {.from_ms = sum->from_ms,
                              .until_ms = sum->until_ms,
                              .unit_ms = sum->unit_ms,
                              .reservations = sum->reservations,
                              .running = sum->running};

    line.team = sum->names;
    line.project = line.team + strlen(line.team) + 1;
    line.version = line.project + strlen(line.project) + 1;
    line.subject = line.version + strlen(line.version) + 1;
    return take(context, &line, err);
}

/* The slots that are in use, moved to the front and sorted. */
static void sort_sums(struct sums *sums)
{
    size_t count = 0;

    for (size_t i = 0; i < sums->size; i++) {
        const struct sum sum = sums->slots[i];

        if (sum.names == NULL)
            continue;
        sums->slots[i].names = NULL;
        sums->slots[count++] = sum;
    }
    if (count > 0)
        qsort(sums->slots, count, sizeof(*sums->slots), compare_sums);
}

int usage_report_on(const struct ledger_backend *backend, struct ledger_session *session,
                    const struct usage_query *query, usage_line_fn *take, void *context,
                    struct error *err)
{
    struct sums sums = {.query = query};
    int code;

    if (query->from_ms < 0 || query->from_ms >= query->until_ms)
        return error_set(err, ERROR_INVALID,
                         "the interval from %" PRId64 " until %" PRId64
                         " ms is empty or begins before 1970",
                         query->from_ms, query->until_ms);
    code = backend->each_used(session, query->team, query->from_ms, query->until_ms, add_row, &sums,
                              err);
    if (code == 0)
        sort_sums(&sums);
    for (size_t i = 0; code == 0 && i < sums.count; i++)
        code = tell(&sums.slots[i], take, context, err);
    free_sums(&sums);
    return code;
}

/* A report keeps its session for seconds; the reads of starts and stops must find others. */
static bool begin_report(struct ledger *ledger)
{
    bool begun;

    pthread_mutex_lock(&ledger->lock);
    begun = ledger->reports < USAGE_REPORTS_MAX;
    ledger->reports += begun;
    pthread_mutex_unlock(&ledger->lock);
    return begun;
}

static void end_report(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->reports--;
    pthread_mutex_unlock(&ledger->lock);
}

int usage_report(struct ledger *ledger, const struct usage_query *query, usage_line_fn *take,
                 void *context, struct error *err)
{
    struct ledger_session *session = NULL;
    int code;

    if (!begin_report(ledger))
        return error_set(err, ERROR_RETRY, "%d reports are being made: repeat in some seconds",
                         USAGE_REPORTS_MAX);
    code = ledger_readers_take(ledger->readers, &session, err);
    /* One statement reads all rows: that is one instant. */
    if (code == 0)
        code = ledger_finish_read(
            ledger, &session, usage_report_on(ledger->backend, session, query, take, context, err));
    end_report(ledger);
    return code;
}
