/* A string that grows up to a named maximum and remembers whether it ever overflowed. */
#ifndef LOOKOUT_BASE_STRBUF_H
#define LOOKOUT_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * After an append that would exceed `max` bytes, or found no memory, `failed` is set and all
 * further appends do nothing: check it once, at the end, with strbuf_ok. `data` is always a C
 * string.
 */
struct strbuf {
    char *data;
    size_t len;
    size_t capacity; /* bytes allocated, the NUL's included; 0 = nothing yet */
    size_t max;      /* of `len`; below SIZE_MAX */
    bool failed;
    bool secret; /* wiped when it moves and when it is freed */
};

void strbuf_init(struct strbuf *buf, size_t max);
void strbuf_init_secret(struct strbuf *buf, size_t max);
void strbuf_free(struct strbuf *buf);
void strbuf_clear(struct strbuf *buf); /* keeps the memory, forgets content and failure */

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len);
void strbuf_addstr(struct strbuf *buf, const char *text);
void strbuf_addch(struct strbuf *buf, char c);
void strbuf_addf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes: control characters escaped, bytes that are not UTF-8 replaced. */
void strbuf_add_json(struct strbuf *buf, const char *text, size_t len);

bool strbuf_ok(const struct strbuf *buf);
/* Hands the string to the caller (free it); NULL when it failed. The buffer is empty afterwards. */
char *strbuf_detach(struct strbuf *buf);

/*
 * One character of `text` (`len` > 0) as it stands inside a JSON string. Returns the bytes put into
 * `out`, without a NUL; `*used` is how many bytes of `text` they stand for. For writers that must
 * not allocate.
 */
#define STRBUF_JSON_CHAR_MAX 6
size_t strbuf_json_char(const char *text, size_t len, char out[STRBUF_JSON_CHAR_MAX], size_t *used);

#endif
