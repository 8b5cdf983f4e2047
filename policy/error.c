/* Fills struct error; nothing here can fail, and what is too long is cut at a whole character. */
#include "policy/error.h"
#include "policy/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Everything is formatted beside `err` before it replaces what is there: the arguments, and
 * `pointer`, may point into it. */
static void fill(struct error *err, enum error_code code, const char *pointer, const char *format,
                 va_list args)
{
    struct error new = {.code = code};

    if (vsnprintf(new.message, sizeof(new.message), format, args) < 0)
        snprintf(new.message, sizeof(new.message), "%s", format);
    snprintf(new.pointer, sizeof(new.pointer), "%s", pointer);
    text_drop_partial(new.message);
    text_drop_partial(new.pointer);
    *err = new;
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return code;
    va_start(args, format);
    fill(err, code, "", format, args);
    va_end(args);
    return code;
}

int error_set_at(struct error *err, enum error_code code, const char *pointer, const char *format,
                 ...)
{
    va_list args;

    if (err == NULL)
        return code;
    va_start(args, format);
    fill(err, code, pointer, format, args);
    va_end(args);
    return code;
}

void error_prefix(struct error *err, const char *format, ...)
{
    struct error prefix;
    size_t len, room;
    va_list args;

    if (err == NULL)
        return;
    va_start(args, format);
    fill(&prefix, err->code, err->pointer, format, args);
    va_end(args);
    len = strlen(prefix.message);
    room = sizeof(prefix.message) - len;
    snprintf(prefix.message + len, room, ": %s", err->message);
    text_drop_partial(prefix.message);
    *err = prefix;
}

const char *error_code_name(enum error_code code)
{
    switch (code) {
    case ERROR_INVALID:
        return "invalid";
    case ERROR_REFUSED:
        return "refused";
    case ERROR_RETRY:
        return "retry";
    case ERROR_UNCERTAIN:
        return "uncertain";
    case ERROR_NOT_FOUND:
        return "not_found";
    case ERROR_CONFLICT:
        return "conflict";
    case ERROR_IO:
        return "io";
    case ERROR_NOMEM:
        return "out_of_memory";
    }
    return "unknown";
}
