/* The log: one JSON object a line, built in a fixed buffer and written with one write(2). */
#include "gateway/base/log.h"

#include "gateway/base/strbuf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Ends every line; a line that was cut says so. */
#define TAIL     "}\n"
#define TAIL_CUT ",\"cut\":true}\n"

static struct {
    const struct clock *clock;
    int fd;
    _Atomic int least; /* enum log_level */
} sink = {.fd = -1, .least = LOG_INFO};

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};

struct line {
    char text[LOG_LINE_MAX];
    size_t len;
    bool cut;
};

void log_init(const struct clock *clock, int fd, enum log_level least)
{
    sink.clock = clock;
    sink.fd = fd;
    log_set_level(least);
}

void log_set_level(enum log_level least)
{
    atomic_store_explicit(&sink.least, (int)least, memory_order_relaxed);
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Keeps space for the closing quote of a value that is cut, and for the tail. */
static size_t room(const struct line *line)
{
    size_t limit = sizeof(line->text) - sizeof(TAIL_CUT);

    return line->len < limit ? limit - line->len : 0;
}

static bool put(struct line *line, const char *bytes, size_t len)
{
    if (len > room(line)) {
        line->cut = true;
        return false;
    }
    memcpy(line->text + line->len, bytes, len);
    line->len += len;
    return true;
}

/* Cut between two characters when it does not fit. */
static void put_string(struct line *line, const char *value)
{
    size_t left = strlen(value);
    char out[STRBUF_JSON_CHAR_MAX];
    size_t used;

    if (!put(line, "\"", 1))
        return;
    while (left > 0 && put(line, out, strbuf_json_char(value, left, out, &used))) {
        value += used;
        left -= used;
    }
    line->text[line->len++] = '"';
}

static void put_field(struct line *line, const struct log_field *field)
{
    size_t before = line->len;
    char number[24];
    size_t name_len = strlen(field->name);
    bool named = put(line, line->len == 0 ? "{\"" : ",\"", 2) && put(line, field->name, name_len) &&
                 put(line, "\":", 2);
    bool whole = named;

    if (named && field->type == LOG_STRING) {
        whole = room(line) > 0;
        put_string(line, field->string);
    } else if (named && field->type == LOG_BOOL) {
        whole = field->number != 0 ? put(line, "true", 4) : put(line, "false", 5);
    } else if (named) {
        snprintf(number, sizeof(number), "%" PRId64, field->number);
        whole = put(line, number, strlen(number));
    }
    if (!whole) /* a name without its value would not be JSON */
        line->len = before;
}

static void write_whole(const char *text, size_t len)
{
    ssize_t written;

    do
        written = write(sink.fd, text, len);
    while (written < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               unsigned count)
{
    int saved_errno = errno;
    char time[CLOCK_RFC3339_SIZE];
    struct line line;

    if (sink.fd < 0 || (int)level < atomic_load_explicit(&sink.least, memory_order_relaxed))
        return;
    line.len = 0;
    line.cut = false;
    clock_format_rfc3339(clock_wall_ms(sink.clock), time);
    put_field(&line, &(struct log_field){.name = "time", .type = LOG_STRING, .string = time});
    put_field(&line, &(struct log_field){
                         .name = "level", .type = LOG_STRING, .string = level_names[level]});
    put_field(&line, &(struct log_field){.name = "event", .type = LOG_STRING, .string = event});
    for (unsigned i = 0; i < count && !line.cut; i++) {
        if (fields[i].type != LOG_STRING || fields[i].string != NULL)
            put_field(&line, &fields[i]);
    }
    memcpy(line.text + line.len, line.cut ? TAIL_CUT : TAIL,
           line.cut ? strlen(TAIL_CUT) : strlen(TAIL));
    line.len += line.cut ? strlen(TAIL_CUT) : strlen(TAIL);
    write_whole(line.text, line.len);
    errno = saved_errno;
}
