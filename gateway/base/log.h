/*
 * The log: one JSON object a line on standard error, written whole. Fields are named by the caller;
 * a secret is never one of them. The sink is the program's only global besides the signal flag.
 */
#ifndef LOOKOUT_BASE_LOG_H
#define LOOKOUT_BASE_LOG_H

#include "gateway/base/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

#define LOG_LINE_MAX 8192 /* a longer line is cut inside a value, and stays valid JSON */

/* One field. Made with the helpers below; a string may be NULL and is then left out. */
struct log_field {
    const char *name;
    enum { LOG_STRING, LOG_INT, LOG_BOOL } type;
    const char *string;
    int64_t number;
};

static inline struct log_field log_str(const char *name, const char *value)
{
    return (struct log_field){.name = name, .type = LOG_STRING, .string = value};
}
static inline struct log_field log_int(const char *name, int64_t value)
{
    return (struct log_field){.name = name, .type = LOG_INT, .number = value};
}
static inline struct log_field log_bool(const char *name, bool value)
{
    return (struct log_field){.name = name, .type = LOG_BOOL, .number = value};
}

/* Once, before any thread. `clock` outlives the log. Lines go to file descriptor `fd`. */
void log_init(const struct clock *clock, int fd, enum log_level least);
void log_set_level(enum log_level least);
/* "debug" | "info" | "warning" | "error"; false when it is none of them. */
bool log_level_parse(const char *name, enum log_level *out);

/*
 * Writes {"time":…,"level":…,"event":…, fields…}. `event` is a stable dotted name such as
 * "ledger.commit_failed". Use the macro; its tail is the fields.
 */
void log_write(enum log_level level, const char *event, const struct log_field *fields,
               unsigned count);

#define LOG(level, event, ...)                                                                     \
    log_write(                                                                                     \
        level, event, (const struct log_field[]){__VA_ARGS__},                                     \
        (unsigned)(sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)))

#endif
