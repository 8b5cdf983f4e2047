/*
 * How many durable reservations a second: bench_ledger FOLDER [CALLERS [SECONDS [ROWS [settle]]]].
 * Each caller reserves a new model with a new key, again and again; with "settle" it also makes it
 * ACTIVE, as a start does. ROWS closed ones are there before. Prints one line; its CPU times are
 * per start, those of the writer's thread and those of the whole process, callers included.
 */
#include "gateway/base/crypto.h"
#include "gateway/ledger/ledger.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define CALLERS_MAX  256
#define SAMPLES_MAX  (1 << 20) /* of one caller; the rest is counted but not in the percentiles */
#define FILL_CALLERS 64
#define TEAMS        20
#define NOW_MS       1700000000000

struct caller {
    pthread_t thread;
    unsigned number;
    struct ledger *ledger;
    const atomic_bool *stop;
    int64_t most; /* 0 = until `stop` */
    bool settle, close;
    int64_t done;
    uint32_t *samples_us;
    size_t samples;
};

static int admit(void *context, const struct quota_books *books, bool *admitted, struct error *err)
{
    (void)context;
    (void)books;
    (void)err;
    *admitted = true;
    return 0;
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void fill_row(struct reservation *row, unsigned caller, int64_t n)
{
    memset(row, 0, sizeof(*row));
    if (crypto_uuid7(NOW_MS + now_us() / 1000, row->id) != 0 ||
        crypto_uuid4(row->client_token) != 0)
        abort();
    row->state = RESERVATION_PENDING;
    snprintf(row->team, sizeof(row->team), "team-%u", caller % TEAMS);
    snprintf(row->subject, sizeof(row->subject), "someone@example.com");
    snprintf(row->project, sizeof(row->project), "project-%.13s", row->client_token);
    snprintf(row->version, sizeof(row->version), "%d", (int)(n % 1000) + 1);
    row->min_units = row->units = 1;
    row->body_len = (size_t)snprintf(row->body, sizeof(row->body), "{\"MinInferenceUnits\":1}");
    row->created_ms = row->first_send_ms = NOW_MS + n;
    row->lease_from_ms = row->created_ms;
    row->lease_end_ms = NOW_MS + n + 8 * 3600 * 1000;
    row->worst_end_ms = row->lease_end_ms + 900000;
}

static int start_one(struct caller *caller)
{
    /* As long as what a request of the gateway has. */
    const struct ledger_cause cause = {
        .at_ms = NOW_MS + caller->done,
        .actor = "someone@example.com",
        .request_id = "0123456789abcdef0123456789abcdef0123",
        .policy = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        .why = "start"};
    struct ledger_reserve request = {
        .now_ms = NOW_MS + caller->done, .quiet_ms = 900000, .decide = admit, .cause = cause};
    struct ledger_reserve_result result;
    struct error err = {0};
    char key[37];
    int code;

    fill_row(&request.row, caller->number, caller->done);
    if (crypto_uuid4(key) != 0)
        abort();
    request.key = key;
    code = ledger_reserve(caller->ledger, &request, &result, &err);
    if (code == 0 && (caller->settle || caller->close)) {
        result.row.state = RESERVATION_ACTIVE;
        result.row.last_send_ms = result.row.accepted_ms = NOW_MS + caller->done;
        snprintf(result.row.status, sizeof(result.row.status), "STARTING_HOSTING");
        code = ledger_settle(caller->ledger, &result.row, &cause, &err);
    }
    if (code == 0 && caller->close) {
        result.row.state = RESERVATION_CLOSED;
        result.row.closed_ms = NOW_MS;
        code = ledger_update(caller->ledger, &result.row, &cause, &err);
    }
    if (code != 0)
        fprintf(stderr, "%s\n", err.message);
    return code;
}

static void *call(void *context)
{
    struct caller *caller = context;

    while (caller->most != 0 ? caller->done < caller->most : !atomic_load(caller->stop)) {
        const int64_t before_us = now_us();

        if (start_one(caller) != 0)
            exit(1);
        caller->done++;
        if (caller->samples_us != NULL && caller->samples < SAMPLES_MAX)
            caller->samples_us[caller->samples++] = (uint32_t)(now_us() - before_us);
    }
    return NULL;
}

static void run_callers(struct caller *callers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (pthread_create(&callers[i].thread, NULL, call, &callers[i]) != 0)
            abort();
    }
}

static int64_t join_callers(struct caller *callers, unsigned count)
{
    int64_t done = 0;

    for (unsigned i = 0; i < count; i++) {
        pthread_join(callers[i].thread, NULL);
        done += callers[i].done;
    }
    return done;
}

static int compare_us(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

/* Point reads by one thread, in microseconds each. */
static double read_cost_us(struct ledger *ledger)
{
    const int reads = 20000;
    struct reservation row, found;
    struct error err;
    struct ledger_filter filter = {.team = NULL};
    size_t count = 0;
    int64_t before_us;

    if (ledger_list_live(ledger, &filter, "", &row, 1, &count, &err) != 0 || count != 1)
        return 0;
    before_us = now_us();
    for (int i = 0; i < reads; i++) {
        if (ledger_find_live(ledger, row.project, row.version, &found, &err) != 0)
            return 0;
    }
    return (double)(now_us() - before_us) / reads;
}

/* What was spent since the process began. */
struct spent {
    int64_t wall_us, writer_us, process_us;
    int64_t commits, changes;
};

/* CPU time of the thread that calls itself so, by the scheduler's own account (proc(5)); 0 = none.
 */
static int64_t thread_cpu_us(const char *name)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    int64_t ns = 0;

    while (tasks != NULL && ns == 0 && (task = readdir(tasks)) != NULL) {
        char path[PATH_MAX], comm[32] = "";
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
        file = fopen(path, "r");
        if (file == NULL)
            continue;
        if (fgets(comm, sizeof(comm), file) != NULL)
            comm[strcspn(comm, "\n")] = '\0';
        fclose(file);
        snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", task->d_name);
        file = strcmp(comm, name) == 0 ? fopen(path, "r") : NULL;
        if (file == NULL)
            continue;
        if (fscanf(file, "%" SCNd64, &ns) != 1)
            ns = 0;
        fclose(file);
    }
    if (tasks != NULL)
        closedir(tasks);
    return ns / 1000;
}

static struct spent spent_until_now(const struct ledger *ledger)
{
    struct spent spent = {.wall_us = now_us(), .writer_us = thread_cpu_us("ledger-writer")};
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    spent.process_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    ledger_counters(ledger, &spent.commits, &spent.changes);
    return spent;
}

static void report(struct ledger *ledger, struct caller *callers, unsigned count, int64_t done,
                   const struct spent *before, const struct spent *after)
{
    const double seconds = (double)(after->wall_us - before->wall_us) / 1e6;
    const double starts = done > 0 ? (double)done : 1;
    const int64_t commits = after->commits - before->commits;
    const int64_t changes = after->changes - before->changes;
    uint32_t *all = calloc((size_t)done + 1, sizeof(*all));
    size_t samples = 0;

    if (all == NULL)
        abort();
    for (unsigned i = 0; i < count; i++) {
        memcpy(all + samples, callers[i].samples_us, callers[i].samples * sizeof(*all));
        samples += callers[i].samples;
    }
    qsort(all, samples, sizeof(*all), compare_us);
    printf("callers=%u starts/s=%.0f changes/s=%.0f group=%.1f p50_us=%u p99_us=%u max_us=%u "
           "read_us=%.1f writer_cpu_us=%.1f process_cpu_us=%.1f\n",
           count, (double)done / seconds, (double)changes / seconds,
           commits > 0 ? (double)changes / (double)commits : 0, all[samples / 2],
           all[samples * 99 / 100], all[samples > 0 ? samples - 1 : 0], read_cost_us(ledger),
           (double)(after->writer_us - before->writer_us) / starts,
           (double)(after->process_us - before->process_us) / starts);
    free(all);
}

int main(int argc, char **argv)
{
    static struct caller callers[CALLERS_MAX];
    const unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : FILL_CALLERS;
    const long seconds = argc > 3 ? strtol(argv[3], NULL, 10) : 5;
    const int64_t rows = argc > 4 ? strtoll(argv[4], NULL, 10) : 0;
    char path[PATH_MAX];
    struct ledger_settings settings = {.path = path, .endpoint = "bench", .region = "bench"};
    struct ledger *ledger = NULL;
    struct error err = {0};
    struct timespec duration = {.tv_sec = seconds};
    struct spent before, after;
    int64_t done;
    atomic_bool stop = false;

    if (argc < 2 || count == 0 || count > CALLERS_MAX || seconds < 1) {
        fprintf(stderr, "usage: bench_ledger FOLDER [CALLERS [SECONDS [ROWS [settle]]]]\n");
        return 64;
    }
    snprintf(path, sizeof(path), "%s/bench.ledger", argv[1]);
    if (ledger_open(&settings, &ledger, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (unsigned i = 0; rows > 0 && i < FILL_CALLERS; i++)
        callers[i] = (struct caller){
            .number = i, .ledger = ledger, .most = rows / FILL_CALLERS, .close = true};
    if (rows >= FILL_CALLERS) {
        run_callers(callers, FILL_CALLERS);
        join_callers(callers, FILL_CALLERS);
        /* As a day later: a million rows are years of work, their keys are long forgotten. */
        if (ledger_forget_keys(ledger, NOW_MS + 1, NULL, &err) != 0) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    }

    for (unsigned i = 0; i < count; i++)
        callers[i] = (struct caller){.number = i,
                                     .ledger = ledger,
                                     .stop = &stop,
                                     .settle = argc > 5 && strcmp(argv[5], "settle") == 0,
                                     .samples_us = calloc(SAMPLES_MAX, sizeof(uint32_t))};
    before = spent_until_now(ledger);
    run_callers(callers, count);
    nanosleep(&duration, NULL);
    atomic_store(&stop, true);
    done = join_callers(callers, count);
    after = spent_until_now(ledger);
    report(ledger, callers, count, done, &before, &after);
    for (unsigned i = 0; i < count; i++)
        free(callers[i].samples_us);
    ledger_close(&ledger);
    return 0;
}
