/* JSON written straight into the response's buffer: no tree on the hot path. */
#include "gateway/http/json_out.h"

#include "gateway/base/clock.h"

#include <inttypes.h>
#include <string.h>

static void member(struct strbuf *out, const char *name)
{
    char last = out->len > 0 ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[')
        strbuf_addch(out, ',');
    if (name == NULL)
        return;
    strbuf_addch(out, '"');
    strbuf_addstr(out, name);
    strbuf_add(out, "\":", 2);
}

void json_out_open(struct strbuf *out, const char *name, char bracket)
{
    if (out->len > 0)
        member(out, name);
    strbuf_addch(out, bracket);
}

void json_out_close(struct strbuf *out, char bracket)
{
    strbuf_addch(out, bracket);
}

void json_out_string(struct strbuf *out, const char *name, const char *value)
{
    member(out, name);
    strbuf_add_json(out, value, strlen(value));
}

void json_out_int(struct strbuf *out, const char *name, int64_t value)
{
    member(out, name);
    strbuf_addf(out, "%" PRId64, value);
}

void json_out_literal(struct strbuf *out, const char *name, const char *json)
{
    member(out, name);
    strbuf_addstr(out, json);
}

void json_out_bool(struct strbuf *out, const char *name, bool value)
{
    json_out_literal(out, name, value ? "true" : "false");
}

void json_out_time(struct strbuf *out, const char *name, int64_t wall_ms)
{
    if (wall_ms == 0 || wall_ms == INT64_MAX) {
        json_out_literal(out, name, "null");
        return;
    }
    char text[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(wall_ms, text);
    json_out_string(out, name, text);
}
