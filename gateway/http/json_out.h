/* Members of JSON objects, appended to a strbuf; commas are put where they are needed. */
#ifndef LOOKOUT_HTTP_JSON_OUT_H
#define LOOKOUT_HTTP_JSON_OUT_H

#include "gateway/base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

/* `name` stands in our own source and needs no escaping; NULL for an element of an array. */
void json_out_open(struct strbuf *out, const char *name, char bracket);
void json_out_close(struct strbuf *out, char bracket);
void json_out_string(struct strbuf *out, const char *name, const char *value);
void json_out_int(struct strbuf *out, const char *name, int64_t value);
void json_out_bool(struct strbuf *out, const char *name, bool value);
/* `json` as it is: null, or a number that no int64_t is. */
void json_out_literal(struct strbuf *out, const char *name, const char *json);
/* A time in RFC 3339, or null for 0 (did not happen) and INT64_MAX (never does). */
void json_out_time(struct strbuf *out, const char *name, int64_t wall_ms);

#endif
