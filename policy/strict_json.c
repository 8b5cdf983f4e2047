/* jansson behind a gate: a scan of the raw bytes first, then the parser, then typed readers. */
#include "policy/strict_json.h"
#include "policy/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- the gate ------------------------------------------------------------------------------ */

/* Where an offset is, for people: both count from 1, columns count characters (jansson counts so).
 */
struct position {
    size_t line, column;
};

static struct position position_of(const char *text, size_t offset)
{
    struct position position = {.line = 1, .column = 1};

    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            position.line++;
            position.column = 1;
        } else if (((unsigned char)text[i] & 0xC0U) != 0x80U) {
            position.column++;
        }
    }
    return position;
}

/*
 * Refuses NUL bytes and brackets nested too deeply. One pass, no stack. Up to the first byte that
 * is not JSON this agrees with any parser about what is inside a string, and after that byte the
 * parser reads no further: so no parser ever recurses deeper than what is counted here.
 */
static int scan_bytes(const char *text, size_t len, unsigned max_depth, struct error *err)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        const char c = text[i];
        struct position at;

        if (c == '\0') {
            at = position_of(text, i);
            return error_set(err, ERROR_INVALID,
                             "line %zu, column %zu: saw a NUL byte, expected JSON without any",
                             at.line, at.column);
        }
        if (in_string) {
            if (c == '\\')
                i++; /* the escaped byte can neither end the string nor open anything */
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (depth++ < max_depth)
                continue;
            at = position_of(text, i);
            return error_set(err, ERROR_INVALID,
                             "line %zu, column %zu: saw arrays and objects nested deeper than %u, "
                             "expected at most %u levels",
                             at.line, at.column, max_depth, max_depth);
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return 0;
}

/* What to tell people about each thing that jansson finds; its own words where there are none. */
static const struct {
    enum json_error_code code;
    const char *sentence;
} parser_sentences[] = {
    {json_error_premature_end_of_input, "saw the end of the text, expected the JSON to go on"},
    {json_error_end_of_input_expected,
     "saw more after the value, expected the text to end there: send one JSON value only"},
    {json_error_invalid_utf8, "saw bytes that are not UTF-8, expected UTF-8 throughout"},
    {json_error_null_character, "saw \\u0000 in a string, expected strings without NUL"},
    {json_error_null_byte_in_key, "saw \\u0000 in a name, expected names without NUL"},
    {json_error_numeric_overflow,
     "saw a number that fits into no 64-bit integer or double, expected a smaller one"},
};

static int refuse_parsed(const json_error_t *seen, struct error *err)
{
    const char *sentence = seen->text;
    const enum json_error_code code = json_error_code(seen);

    if (code == json_error_out_of_memory || seen->text[0] == '\0')
        return error_set(err, ERROR_NOMEM, "out of memory while parsing JSON");
    for (size_t i = 0; i < sizeof(parser_sentences) / sizeof(parser_sentences[0]); i++) {
        if (parser_sentences[i].code == code)
            sentence = parser_sentences[i].sentence;
    }
    return error_set(err, ERROR_INVALID, "line %d, column %d: %s%s", seen->line, seen->column,
                     sentence, code == json_error_duplicate_key ? ", expected each name once" : "");
}

int strict_json_parse(const char *text, size_t len, const struct json_limits *limits, json_t **out,
                      struct error *err)
{
    /* jansson leaves the text empty, and its code unset, where an allocation fails. */
    json_error_t seen = {.text = ""};
    int rc;

    *out = NULL;
    if (len == 0)
        return error_set(err, ERROR_INVALID, "saw nothing, expected a JSON object or array");
    if (len > limits->max_bytes)
        return error_set(err, ERROR_INVALID, "saw %zu bytes of JSON, expected at most %zu", len,
                         limits->max_bytes);
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        return error_set(
            err, ERROR_INVALID,
            "saw a byte order mark, expected JSON from the first byte: save without it");
    rc = scan_bytes(text, len, limits->max_depth, err);
    if (rc != 0)
        return rc;
    /* Without JSON_DISABLE_EOF_CHECK trailing bytes are refused; without JSON_ALLOW_NUL \u0000. */
    *out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &seen);
    return *out == NULL ? refuse_parsed(&seen, err) : 0;
}

/* --- readers ------------------------------------------------------------------------------- */

void strict_json_pointer(char out[ERROR_POINTER_MAX], const char *at, const char *name)
{
    size_t len;

    snprintf(out, ERROR_POINTER_MAX, "%s/", at);
    len = strlen(out);
    /* "~1" or a plain byte: stop where not even the longer of them would fit before the NUL. */
    for (; *name != '\0' && len + 2 < ERROR_POINTER_MAX; name++) {
        if (*name == '~' || *name == '/') {
            out[len++] = '~';
            out[len++] = *name == '~' ? '0' : '1';
        } else {
            out[len++] = *name;
        }
    }
    out[len] = '\0';
    text_drop_partial(out);
}

static const char *describe_type(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction or exponent";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        return "null";
    }
    return "an unknown type";
}

/* Says what was seen at `at`/`name` (NULL: nothing) and, in the caller's words, what was expected.
 */
static int refuse_member(const char *at, const char *name, const json_t *seen, const char *expected,
                         struct error *err)
{
    char pointer[ERROR_POINTER_MAX];

    strict_json_pointer(pointer, at, name);
    if (seen == NULL)
        return error_set_at(err, ERROR_INVALID, pointer, "\"%s\" is missing, expected %s", name,
                            expected);
    return error_set_at(err, ERROR_INVALID, pointer, "saw %s, expected %s", describe_type(seen),
                        expected);
}

int strict_json_int(const json_t *object, const char *at, const char *name, bool required,
                    int64_t min, int64_t max, int64_t *out, struct error *err)
{
    const json_t *value = json_object_get(object, name);
    char expected[96], pointer[ERROR_POINTER_MAX];

    if (value == NULL && !required)
        return 0;
    if (min == max)
        snprintf(expected, sizeof(expected), "the integer %" PRId64, min);
    else
        snprintf(expected, sizeof(expected), "an integer from %" PRId64 " to %" PRId64, min, max);
    if (!json_is_integer(value))
        return refuse_member(at, name, value, expected, err);
    if (json_integer_value(value) < min || json_integer_value(value) > max) {
        strict_json_pointer(pointer, at, name);
        return error_set_at(err, ERROR_INVALID, pointer,
                            "saw %" JSON_INTEGER_FORMAT ", expected %s", json_integer_value(value),
                            expected);
    }
    *out = json_integer_value(value);
    return 0;
}

int strict_json_bool(const json_t *object, const char *at, const char *name, bool required,
                     bool *out, struct error *err)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL && !required)
        return 0;
    if (!json_is_boolean(value))
        return refuse_member(at, name, value, "true or false", err);
    *out = json_is_true(value);
    return 0;
}

int strict_json_string(const json_t *object, const char *at, const char *name, bool required,
                       size_t min_len, size_t max_len, const char **out, struct error *err)
{
    const json_t *value = json_object_get(object, name);
    char expected[96], pointer[ERROR_POINTER_MAX];

    if (value == NULL && !required)
        return 0;
    snprintf(expected, sizeof(expected), "a string of %zu to %zu bytes", min_len, max_len);
    if (!json_is_string(value))
        return refuse_member(at, name, value, expected, err);
    if (json_string_length(value) < min_len || json_string_length(value) > max_len) {
        strict_json_pointer(pointer, at, name);
        return error_set_at(err, ERROR_INVALID, pointer, "saw a string of %zu bytes, expected %s",
                            json_string_length(value), expected);
    }
    *out = json_string_value(value);
    return 0;
}

int strict_json_container(const json_t *object, const char *at, const char *name, bool required,
                          json_type type, json_t **out, struct error *err)
{
    json_t *value = json_object_get(object, name);

    if (value == NULL && !required)
        return 0;
    if (value == NULL || json_typeof(value) != type)
        return refuse_member(at, name, value, type == JSON_ARRAY ? "an array" : "an object", err);
    *out = value;
    return 0;
}

/* "a, b, c"; cut where it is too long for a message. */
static void join_names(char *out, size_t size, const char *const *names)
{
    size_t len = 0;

    out[0] = '\0';
    for (; *names != NULL && len < size; names++) {
        const int n = snprintf(out + len, size - len, "%s%s", len == 0 ? "" : ", ", *names);

        len += n > 0 ? (size_t)n : 0;
    }
}

int strict_json_only(const json_t *object, const char *at, const char *const *allowed,
                     struct error *err)
{
    /* Iterating changes nothing, but jansson's iterators take no pointer to const. */
    json_t *members = (json_t *)(uintptr_t)object;
    char names[ERROR_MESSAGE_MAX / 2], pointer[ERROR_POINTER_MAX];

    if (!json_is_object(object))
        return error_set_at(err, ERROR_INVALID, at, "saw %s, expected an object",
                            object == NULL ? "nothing" : describe_type(object));
    for (void *it = json_object_iter(members); it != NULL;
         it = json_object_iter_next(members, it)) {
        const char *name = json_object_iter_key(it);
        const char *const *known = allowed;

        while (*known != NULL && strcmp(*known, name) != 0)
            known++;
        if (*known != NULL)
            continue;
        strict_json_pointer(pointer, at, name);
        join_names(names, sizeof(names), allowed);
        return error_set_at(err, ERROR_INVALID, pointer,
                            "saw an unknown member, expected %s%s; remove \"%s\"",
                            names[0] != '\0' ? "only: " : "none", names, name);
    }
    return 0;
}
