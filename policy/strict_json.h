/*
 * JSON from strangers: bounded, of bounded depth, without duplicate members, and nothing ignored.
 *
 * jansson's parser recurses and the workers' stacks are small, so the depth is checked by a scan
 * over the bytes before any parser sees them.
 */
#ifndef LOOKOUT_POLICY_STRICT_JSON_H
#define LOOKOUT_POLICY_STRICT_JSON_H

#include "policy/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_limits {
    size_t max_bytes;
    unsigned max_depth; /* of nested arrays and objects; the outermost value is depth 1 */
};

/*
 * Parses one JSON object or array (RFC 8259) that fills `text` entirely.
 * ERROR_INVALID with line and column in the message for: too long, too deep, not UTF-8, a NUL
 * (raw or \u0000), a duplicate member, a number beyond 64 bits, anything after the value. A message
 * quotes names and at most 20 bytes of the text, never a whole value. `*out` is owned by the caller
 * (json_decref), and NULL after an error. ERROR_NOMEM where jansson says so: it tells some failed
 * allocations as bad syntax, and then so do we.
 */
int strict_json_parse(const char *text, size_t len, const struct json_limits *limits, json_t **out,
                      struct error *err) __attribute__((warn_unused_result));

/*
 * Readers for one member of an object that stands at `at` (its JSON pointer, "" for the top).
 * An error carries the pointer of the member, and says what was seen and what was expected.
 * A member that is absent leaves `*out` alone, unless `required`. JSON null counts as present,
 * and as the wrong type.
 */
int strict_json_int(const json_t *object, const char *at, const char *name, bool required,
                    int64_t min, int64_t max, int64_t *out, struct error *err)
    __attribute__((warn_unused_result));
int strict_json_bool(const json_t *object, const char *at, const char *name, bool required,
                     bool *out, struct error *err) __attribute__((warn_unused_result));
/* A string of min_len to max_len bytes; `*out` is borrowed from `object`. */
int strict_json_string(const json_t *object, const char *at, const char *name, bool required,
                       size_t min_len, size_t max_len, const char **out, struct error *err)
    __attribute__((warn_unused_result));
/* Any array or object; `*out` is borrowed from `object`. `type` is JSON_ARRAY or JSON_OBJECT. */
int strict_json_container(const json_t *object, const char *at, const char *name, bool required,
                          json_type type, json_t **out, struct error *err)
    __attribute__((warn_unused_result));

/*
 * ERROR_INVALID for the first member whose name is not in `allowed` (ends with NULL): an unknown
 * member is never silently not applied. The message lists what is allowed. Also ERROR_INVALID where
 * `object` is not an object: so it comes before the readers, and stands for the check of the type.
 */
int strict_json_only(const json_t *object, const char *at, const char *const *allowed,
                     struct error *err) __attribute__((warn_unused_result));

/*
 * Appends "/name" to the pointer `at`, with '~' and '/' escaped (RFC 6901 section 3). Cut, never
 * overrun, when it is longer than ERROR_POINTER_MAX.
 */
void strict_json_pointer(char out[ERROR_POINTER_MAX], const char *at, const char *name);

#endif
