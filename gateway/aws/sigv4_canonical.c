/* Stage 1 of Signature Version 4: one spelling for every way to write the same request. */
#include "gateway/aws/sigv4.h"

#include "gateway/base/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 3986 section 2.3; everything else is percent-encoded. */
static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* What header folding takes for a blank: also the line break of a continuation line. */
static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void add_encoded_byte(struct strbuf *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";

    if (is_unreserved(c)) {
        strbuf_addch(out, (char)c);
    } else {
        const char encoded[3] = {'%', digits[c >> 4], digits[c & 15]};
        strbuf_add(out, encoded, sizeof(encoded));
    }
}

/* Runs of unreserved bytes, which is nearly all there is, go in one piece. */
void sigv4_uri_encode(struct strbuf *out, const char *text, size_t len)
{
    size_t i = 0;

    while (i < len) {
        size_t run = i;
        while (run < len && is_unreserved((unsigned char)text[run]))
            run++;
        strbuf_add(out, text + i, run - i);
        if (run < len)
            add_encoded_byte(out, (unsigned char)text[run++]);
        i = run;
    }
}

/* Decodes %XX and encodes strictly: "%7e", "~" and "%7E" all become "~". A '%' that is not
 * followed by two hex digits stands for itself. */
static void add_reencoded(struct strbuf *out, const char *text, size_t len)
{
    size_t i = 0;

    while (i < len) {
        unsigned char c = (unsigned char)text[i];
        char hex[3] = "";
        if (c == '%' && len - i > 2)
            memcpy(hex, text + i + 1, 2);
        if (hex[0] != '\0' && crypto_unhex(hex, &c, 1))
            i += 3;
        else
            i++;
        add_encoded_byte(out, c);
    }
}

/* Takes the last "/segment" back, down to `start`, the place of the path's first slash. */
static void remove_last_segment(struct strbuf *out, size_t start)
{
    size_t len = out->len;

    if (out->failed || len == start)
        return;
    do {
        len--;
    } while (len > start && out->data[len] != '/');
    out->len = len;
    out->data[len] = '\0';
}

/* Dot segments and empty segments are removed, a slash at the end stays (as botocore does it, which
 * for a last segment of dots differs from RFC 3986 section 5.2.4). */
static void add_normalized_path(struct strbuf *out, const char *path)
{
    const size_t start = out->len;
    const char *segment = path;

    while (*segment == '/') {
        segment++;
        const size_t len = strcspn(segment, "/");
        if (len == 2 && memcmp(segment, "..", 2) == 0) {
            remove_last_segment(out, start);
        } else if (len > 1 || (len == 1 && *segment != '.')) {
            strbuf_addch(out, '/');
            sigv4_uri_encode(out, segment, len);
        }
        segment += len;
    }
    if (out->len == start || segment[-1] == '/')
        strbuf_addch(out, '/');
}

static int add_path(struct strbuf *out, const struct sigv4_request *request, struct error *err)
{
    const char *path = request->path[0] != '\0' ? request->path : "/";

    if (path[0] != '/')
        return error_set(err, ERROR_INVALID,
                         "can't sign the path \"%.64s\": expected it to begin with '/'", path);
    if (request->normalize_path) {
        add_normalized_path(out, path);
        return 0;
    }
    while (*path != '\0') {
        const size_t len = strcspn(path + 1, "/");
        strbuf_addch(out, '/');
        add_reencoded(out, path + 1, len);
        path += 1 + len;
    }
    return 0;
}

/* "name=value", encoded; it stands at `at`. */
struct parameter {
    const char *at;
    size_t name_len;
    size_t len;
};

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    const int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    if (order != 0)
        return order;
    return (a_len > b_len) - (a_len < b_len);
}

/* By encoded name, then by encoded value. */
static int compare_parameters(const void *left, const void *right)
{
    const struct parameter *a = left;
    const struct parameter *b = right;
    const int order = compare_bytes(a->at, a->name_len, b->at, b->name_len);

    if (order != 0)
        return order;
    return compare_bytes(a->at + a->name_len, a->len - a->name_len, b->at + b->name_len,
                         b->len - b->name_len);
}

/* Appends the parameters, encoded, each with a NUL behind it; `*count` receives their number. */
static int encode_parameters(struct strbuf *out, const char *query, size_t *count,
                             struct error *err)
{
    *count = 0;
    while (*query != '\0') {
        const size_t len = strcspn(query, "&");
        const char *equals = memchr(query, '=', len);
        const size_t name_len = equals != NULL ? (size_t)(equals - query) : len;

        if (len > 0) {
            if (++*count > SIGV4_MAX_PARAMETERS)
                return error_set(err, ERROR_INVALID,
                                 "can't sign the query: more than %d parameters",
                                 SIGV4_MAX_PARAMETERS);
            add_reencoded(out, query, name_len);
            strbuf_addch(out, '=');
            if (equals != NULL)
                add_reencoded(out, equals + 1, len - name_len - 1);
            strbuf_add(out, "", 1);
        }
        query += len + (query[len] == '&');
    }
    return 0;
}

static int add_query(struct strbuf *out, const char *query, struct error *err)
{
    struct parameter parameters[SIGV4_MAX_PARAMETERS];
    struct strbuf encoded;
    size_t count = 0;

    if (query == NULL || query[0] == '\0')
        return 0;
    strbuf_init(&encoded, SIGV4_MAX_CANONICAL);
    int rc = encode_parameters(&encoded, query, &count, err);
    if (rc != 0)
        goto out;
    if (!strbuf_ok(&encoded)) {
        rc = error_set(err, ERROR_INVALID, "can't sign the query: over %d bytes, or out of memory",
                       SIGV4_MAX_CANONICAL);
        goto out;
    }
    const char *at = encoded.data;
    for (size_t i = 0; i < count; i++) {
        parameters[i].at = at;
        parameters[i].name_len = strcspn(at, "=");
        parameters[i].len = strlen(at);
        at += parameters[i].len + 1;
    }
    qsort(parameters, count, sizeof(parameters[0]), compare_parameters);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_addch(out, '&');
        strbuf_add(out, parameters[i].at, parameters[i].len);
    }
out:
    strbuf_free(&encoded);
    return rc;
}

/* A name is an HTTP token (RFC 9110 section 5.6.2): nothing in it can break a line. */
static bool is_token(const char *name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (const char *c = name; *c != '\0'; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
              strchr(others, *c) != NULL))
            return false;
    return name[0] != '\0';
}

static int check_headers(const struct sigv4_request *request, struct error *err)
{
    if (request->header_count > SIGV4_MAX_HEADERS)
        return error_set(err, ERROR_INVALID, "can't sign %zu headers: expected at most %d",
                         request->header_count, SIGV4_MAX_HEADERS);
    for (size_t i = 0; i < request->header_count; i++)
        if (!is_token(request->headers[i].name))
            return error_set(err, ERROR_INVALID,
                             "can't sign the header named \"%.64s\": expected an HTTP token",
                             request->headers[i].name);
    return 0;
}

/* Insertion keeps duplicates in the order of the wire, and a request has few headers. */
static void sort_headers(const struct sigv4_header *headers, size_t count,
                         const struct sigv4_header *sorted[SIGV4_MAX_HEADERS])
{
    for (size_t i = 0; i < count; i++) {
        size_t place = i;

        while (place > 0 && strcasecmp(sorted[place - 1]->name, headers[i].name) > 0) {
            sorted[place] = sorted[place - 1];
            place--;
        }
        sorted[place] = &headers[i];
    }
}

/* "x-name:", and the name once more in the list of what is signed. */
static void add_name(struct strbuf *out, struct strbuf *signed_headers, const char *name)
{
    const size_t start = out->len;
    const size_t len = strlen(name);

    strbuf_add(out, name, len);
    if (out->failed)
        return;
    for (char *c = out->data + start; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    strbuf_add(signed_headers, out->data + start, len);
    strbuf_addch(out, ':');
}

/* Blanks around the value are removed, runs of them inside become one space. */
static void add_folded(struct strbuf *out, const char *value)
{
    while (is_blank(*value))
        value++;
    while (*value != '\0') {
        size_t word = 0;
        while (value[word] != '\0' && !is_blank(value[word]))
            word++;
        strbuf_add(out, value, word);
        value += word;
        while (is_blank(*value))
            value++;
        if (*value != '\0')
            strbuf_addch(out, ' ');
    }
}

static int add_headers(const struct sigv4_request *request, struct strbuf *out,
                       struct strbuf *signed_headers, struct error *err)
{
    const struct sigv4_header *sorted[SIGV4_MAX_HEADERS];
    const size_t count = request->header_count;
    const int rc = check_headers(request, err);

    if (rc != 0)
        return rc;
    sort_headers(request->headers, count, sorted);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcasecmp(sorted[i]->name, sorted[i - 1]->name) == 0) {
            strbuf_addch(out, ',');
        } else {
            if (i > 0) {
                strbuf_addch(out, '\n');
                strbuf_addch(signed_headers, ';');
            }
            add_name(out, signed_headers, sorted[i]->name);
        }
        add_folded(out, sorted[i]->value);
    }
    if (count > 0)
        strbuf_addch(out, '\n');
    return 0;
}

static int add_payload_hash(const struct sigv4_request *request, struct strbuf *out,
                            struct error *err)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[CRYPTO_SHA256_HEX_LEN + 1];

    if (request->payload_hash != NULL) {
        strbuf_addstr(out, request->payload_hash);
        return 0;
    }
    if (crypto_sha256(request->body_len > 0 ? request->body : "", request->body_len, digest) != 0)
        return error_set(err, ERROR_IO, "can't sign: libcrypto gave no SHA-256 of the body");
    crypto_hex(digest, sizeof(digest), hex);
    strbuf_add(out, hex, CRYPTO_SHA256_HEX_LEN);
    return 0;
}

int sigv4_canonical_request(const struct sigv4_request *request, struct strbuf *canonical,
                            struct strbuf *signed_headers, struct error *err)
{
    const size_t start = canonical->len;
    const size_t names_start = signed_headers->len;

    strbuf_addstr(canonical, request->method);
    strbuf_addch(canonical, '\n');
    int rc = add_path(canonical, request, err);
    if (rc != 0)
        return rc;
    strbuf_addch(canonical, '\n');
    rc = add_query(canonical, request->query, err);
    if (rc != 0)
        return rc;
    strbuf_addch(canonical, '\n');
    rc = add_headers(request, canonical, signed_headers, err);
    if (rc != 0)
        return rc;
    if (!strbuf_ok(canonical) || !strbuf_ok(signed_headers) ||
        canonical->len - start > SIGV4_MAX_CANONICAL)
        return error_set(err, ERROR_INVALID,
                         "can't sign: the canonical request is over %d bytes, or out of memory",
                         SIGV4_MAX_CANONICAL);
    strbuf_addch(canonical, '\n');
    strbuf_add(canonical, signed_headers->data + names_start, signed_headers->len - names_start);
    strbuf_addch(canonical, '\n');
    rc = add_payload_hash(request, canonical, err);
    if (rc != 0)
        return rc;
    if (!strbuf_ok(canonical) || canonical->len - start > SIGV4_MAX_CANONICAL)
        return error_set(err, ERROR_INVALID,
                         "can't sign: the canonical request is over %d bytes, or out of memory",
                         SIGV4_MAX_CANONICAL);
    return 0;
}
