/* What was parsed is an array or object within its depth, and its text is parsed again. */
#include "policy/strict_json.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define MAX_DEPTH 8
#define MAX_BYTES (64 * 1024)

static unsigned depth_of(json_t *value)
{
    unsigned deepest = 0;
    const char *name;
    json_t *member;
    size_t i;

    if (json_is_object(value)) {
        json_object_foreach(value, name, member)
        {
            unsigned depth = depth_of(member);
            deepest = depth > deepest ? depth : deepest;
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, member)
        {
            unsigned depth = depth_of(member);
            deepest = depth > deepest ? depth : deepest;
        }
    } else {
        return 0;
    }
    return deepest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits limits = {.max_bytes = MAX_BYTES, .max_depth = MAX_DEPTH};
    static const char *const names[] = {"a", "b", NULL};
    struct error err = {0};
    json_t *json = NULL;
    json_t *again = NULL;
    int64_t number = 0;
    const char *text = NULL;

    if (strict_json_parse((const char *)data, size, &limits, &json, &err) != 0) {
        MUST(json == NULL && err.message[0] != '\0');
        return 0;
    }
    MUST(json_is_object(json) || json_is_array(json));
    MUST(depth_of(json) <= MAX_DEPTH);
    MUST(strict_json_only(json, "", names, &err) != 0 || json_object_size(json) <= 2);
    if (strict_json_int(json, "", "a", true, 0, INT32_MAX, &number, &err) == 0)
        MUST(number >= 0 && number <= INT32_MAX);
    if (strict_json_string(json, "", "b", true, 1, 64, &text, &err) == 0)
        MUST(strlen(text) >= 1 && strlen(text) <= 64);
    char *dump = json_dumps(json, JSON_COMPACT);
    MUST(dump != NULL);
    /* A number may get longer as it is written out, so the second bound is wider. */
    const struct json_limits wide = {.max_bytes = SIZE_MAX, .max_depth = MAX_DEPTH};
    MUST(strict_json_parse(dump, strlen(dump), &wide, &again, &err) == 0);
    json_decref(again);
    json_decref(json);
    free(dump);
    return 0;
}
