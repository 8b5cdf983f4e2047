/*
 * A request as the HTTP server parsed it, checked again with a stricter eye before anything routes
 * on it: whatever two HTTP implementations could read differently is refused (RFC 9112
 * section 11.2).
 */
#ifndef LOOKOUT_HTTP_REQUEST_H
#define LOOKOUT_HTTP_REQUEST_H

#include "gateway/http/problem.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_MAX_FIELDS     64   /* CivetWeb's own bound; a 65th is seen and refused */
#define REQUEST_MAX_TARGET     4096 /* bytes of path and query together */
#define REQUEST_MAX_SEGMENTS   8
#define REQUEST_MAX_PARAMETERS 8
#define REQUEST_ID_MAX         64

struct request_field {
    const char *name, *value;
};

/*
 * What the parser left: the head's bytes, in which it wrote NULs, and pointers into them. `path`
 * lost its query, which stands behind the NUL that was a '?'. `version` is "1.1".
 */
struct request_head {
    const char *bytes;                           /* start of the head in the connection's buffer */
    size_t len;                                  /* of the head, with its empty line */
    const char *method, *path, *query, *version; /* query NULL where absent */
    struct request_field fields[REQUEST_MAX_FIELDS];
    size_t field_count;
};

/* All the functions below return PROBLEM_NONE, or the problem with its sentence in `err`. */

/*
 * Walks over the bytes of the head and compares them with what was parsed: single spaces in the
 * request line, CR LF after every line, no space before a colon, names made of token characters,
 * no folded line, nothing between the last parsed field and the empty line. Then the fields that
 * frame the message: HTTP/1.0 or 1.1, exactly one Host where 1.1 wants it, at most one
 * Content-Length of digits only, no Transfer-Encoding.
 */
enum problem_type request_check_head(const struct request_head *head, struct error *err)
    __attribute__((warn_unused_result));

/* The path's segments and the query's parameters, decoded strictly. */
struct request_target {
    char text[REQUEST_MAX_TARGET + 2]; /* holds all decoded strings */
    const char *segments[REQUEST_MAX_SEGMENTS];
    size_t segment_count;
    struct request_field parameters[REQUEST_MAX_PARAMETERS];
    size_t parameter_count;
};

/*
 * Origin form only ("/a/b?c=d"). Each '%' is followed by two hex digits; a decoded control
 * character, NUL or (in a path) '/' is refused; raw bytes are those of RFC 3986 only. "/" has one
 * empty segment. A parameter that stands twice is refused; '+' is a plus.
 */
enum problem_type request_parse_target(const struct request_head *head, struct request_target *out,
                                       struct error *err) __attribute__((warn_unused_result));

/* The value of a parameter, or NULL. */
const char *request_parameter(const struct request_target *target, const char *name);

/* The first field of that name (case ignored), or NULL. */
const char *request_field(const struct request_head *head, const char *name);

/* The same for a field that may stand only once: INVALID_PARAMETER for a second one. */
enum problem_type request_single_field(const struct request_head *head, const char *name,
                                       const char **value, struct error *err)
    __attribute__((warn_unused_result));

/* 1 to REQUEST_ID_MAX of [A-Za-z0-9._-]: an id that may go into logs and answers. */
bool request_id_is_valid(const char *id);

/* "application/json", with nothing behind it but charset=utf-8. */
bool request_is_json_type(const char *content_type);

#endif
