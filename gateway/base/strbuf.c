/* A string that grows up to a named maximum and remembers whether it ever overflowed. */
#include "gateway/base/strbuf.h"

#include "gateway/base/crypto.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRBUF_FIRST_CAPACITY 128

/* What `data` points to before the first allocation; never written. */
static char no_bytes[1];

void strbuf_init(struct strbuf *buf, size_t max)
{
    *buf = (struct strbuf){.data = no_bytes, .max = max};
}

void strbuf_init_secret(struct strbuf *buf, size_t max)
{
    strbuf_init(buf, max);
    buf->secret = true;
}

void strbuf_free(struct strbuf *buf)
{
    if (buf->capacity > 0) {
        if (buf->secret)
            crypto_wipe(buf->data, buf->capacity);
        free(buf->data);
    }
    *buf = (struct strbuf){.data = no_bytes, .max = buf->max, .secret = buf->secret};
}

void strbuf_clear(struct strbuf *buf)
{
    if (buf->capacity > 0) {
        if (buf->secret)
            crypto_wipe(buf->data, buf->capacity);
        buf->data[0] = '\0';
    }
    buf->len = 0;
    buf->failed = false;
}

/* realloc may leave a copy behind, so a secret moves by hand. */
static char *move_secret(const struct strbuf *buf, size_t capacity)
{
    char *data = malloc(capacity);

    if (data == NULL || buf->capacity == 0)
        return data;
    memcpy(data, buf->data, buf->len + 1);
    crypto_wipe(buf->data, buf->capacity);
    free(buf->data);
    return data;
}

/* Makes room for `more` bytes and the NUL. */
static bool reserve(struct strbuf *buf, size_t more)
{
    size_t capacity;
    char *data;

    if (buf->failed)
        return false;
    if (more > buf->max - buf->len) {
        buf->failed = true;
        return false;
    }
    if (buf->len + more < buf->capacity)
        return true;
    capacity = buf->capacity > 0 ? buf->capacity : STRBUF_FIRST_CAPACITY;
    while (capacity <= buf->len + more)
        capacity = capacity > buf->max / 2 ? buf->max + 1 : capacity * 2;
    if (buf->secret)
        data = move_secret(buf, capacity);
    else
        data = realloc(buf->capacity > 0 ? buf->data : NULL, capacity);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len)
{
    if (len == 0 || !reserve(buf, len))
        return;
    memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void strbuf_addstr(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_addch(struct strbuf *buf, char c)
{
    strbuf_add(buf, &c, 1);
}

void strbuf_addf(struct strbuf *buf, const char *format, ...)
{
    size_t room = buf->capacity > 0 ? buf->capacity - buf->len : 0;
    va_list args;
    int len;

    if (buf->failed)
        return;
    va_start(args, format);
    len = vsnprintf(room > 0 ? buf->data + buf->len : NULL, room, format, args);
    va_end(args);
    if (len >= 0 && ((size_t)len >= room || (size_t)len > buf->max - buf->len)) {
        if (!reserve(buf, (size_t)len)) {
            if (room > 0)
                buf->data[buf->len] = '\0';
            return;
        }
        va_start(args, format);
        len = vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
        va_end(args);
    }
    if (len < 0)
        buf->failed = true;
    else
        buf->len += (size_t)len;
}

/*
 * Length of the well-formed UTF-8 sequence at `s`, or 0: no overlong forms, no surrogates, nothing
 * above U+10FFFF (RFC 3629 section 4).
 */
static size_t utf8_sequence(const unsigned char *s, size_t len)
{
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t need;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    need = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (len < need)
        return 0;
    if (s[0] == 0xE0)
        low = 0xA0;
    else if (s[0] == 0xED)
        high = 0x9F;
    else if (s[0] == 0xF0)
        low = 0x90;
    else if (s[0] == 0xF4)
        high = 0x8F;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    return need;
}

static size_t escape_ascii(char c, char out[STRBUF_JSON_CHAR_MAX])
{
    static const char digits[] = "0123456789abcdef";
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: character, its escape */

    for (size_t i = 0; named[i] != '\0'; i += 2) {
        if (c == named[i]) {
            out[0] = '\\';
            out[1] = named[i + 1];
            return 2;
        }
    }
    memcpy(out, "\\u00", 4);
    out[4] = digits[(unsigned char)c >> 4];
    out[5] = digits[(unsigned char)c & 0x0F];
    return 6;
}

/* Characters that stand for themselves, whatever comes after them. */
static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

size_t strbuf_json_char(const char *text, size_t len, char out[STRBUF_JSON_CHAR_MAX], size_t *used)
{
    size_t sequence = utf8_sequence((const unsigned char *)text, len);

    *used = sequence > 0 ? sequence : 1;
    if (sequence == 0) {
        memcpy(out, "\xEF\xBF\xBD", 3); /* U+FFFD */
        return 3;
    }
    if (sequence == 1 && !is_plain(text[0]))
        return escape_ascii(text[0], out);
    memcpy(out, text, sequence);
    return sequence;
}

void strbuf_add_json(struct strbuf *buf, const char *text, size_t len)
{
    char out[STRBUF_JSON_CHAR_MAX];
    size_t used;

    strbuf_addch(buf, '"');
    while (len > 0) {
        for (used = 0; used < len && is_plain(text[used]);)
            used++;
        if (used > 0)
            strbuf_add(buf, text, used);
        else
            strbuf_add(buf, out, strbuf_json_char(text, len, out, &used));
        text += used;
        len -= used;
    }
    strbuf_addch(buf, '"');
}

bool strbuf_ok(const struct strbuf *buf)
{
    return !buf->failed;
}

char *strbuf_detach(struct strbuf *buf)
{
    char *data = NULL;

    if (!buf->failed && reserve(buf, 0)) {
        data = buf->data;
        data[buf->len] = '\0';
        buf->capacity = 0;
    }
    strbuf_free(buf);
    return data;
}
