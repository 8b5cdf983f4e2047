/* Fills struct error; a text that is too long ends at a whole UTF-8 character. */
#include "policy/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The longest prefix of `text` that fits into `size` bytes with its NUL and splits no character. */
static void copy_cut(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size);

    if (len == size) {
        len = size - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xC0U) == 0x80U)
            len--;
    }
    memmove(out, text, len);
    out[len] = '\0';
}

/* Formats beside the old message before it replaces it: the arguments may point into it. */
static void set_message(struct error *err, enum error_code code, const char *pointer,
                        const char *format, va_list args)
{
    /* One byte more than a message holds, so that copy_cut sees where the cut falls. */
    char text[ERROR_MESSAGE_MAX + 1];

    if (vsnprintf(text, sizeof(text), format, args) < 0)
        copy_cut(text, sizeof(text), format);
    err->code = code;
    copy_cut(err->pointer, sizeof(err->pointer), pointer);
    copy_cut(err->message, sizeof(err->message), text);
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return code;
    va_start(args, format);
    set_message(err, code, "", format, args);
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
    set_message(err, code, pointer, format, args);
    va_end(args);
    return code;
}

void error_prefix(struct error *err, const char *format, ...)
{
    char text[2 * ERROR_MESSAGE_MAX + 2];
    const size_t prefix_size = ERROR_MESSAGE_MAX + 1; /* as in set_message */
    size_t len;
    va_list args;

    if (err == NULL)
        return;
    va_start(args, format);
    if (vsnprintf(text, prefix_size, format, args) < 0)
        copy_cut(text, prefix_size, format);
    va_end(args);
    len = strlen(text);
    snprintf(text + len, sizeof(text) - len, ": %s", err->message);
    copy_cut(err->message, sizeof(err->message), text);
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
