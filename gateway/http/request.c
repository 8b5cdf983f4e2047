/* Strict reading of request heads and targets; the guards that STACK.md's findings on framing need.
 */
#include "gateway/http/request.h"

#include "gateway/base/crypto.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static int refuse(struct error *err, const char *what)
{
    return error_set(err, ERROR_INVALID, "%s", what);
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++)
        if (!is_token_char(*text))
            return false;
    return true;
}

/* --- the bytes of the head ----------------------------------------------------------------- */

/*
 * The parser wrote a NUL over everything that it took for a separator, so a separator of the right
 * length leaves the next word exactly where it must be. Returns the start of the first field, or
 * NULL where the request line was not "METHOD SP TARGET SP HTTP/x.y CR LF".
 */
static const char *walk_request_line(const struct request_head *head)
{
    const char *at = head->bytes;
    if (head->method != at) {
        /* RFC 9112 section 2.2: one empty line before the request is to be ignored. */
        if (at[0] != '\r' || at[1] != '\n' || head->method != at + 2)
            return NULL;
    }
    if (head->path != head->method + strlen(head->method) + 1)
        return NULL;
    const char *target_end = head->path + strlen(head->path);
    if (head->query != NULL) {
        if (head->query != target_end + 1)
            return NULL;
        target_end = head->query + strlen(head->query);
    }
    const char *version_end = head->version + strlen(head->version);
    if (head->version != target_end + 1 + strlen("HTTP/"))
        return NULL;
    return version_end + 2;
}

/*
 * Where the next field must begin, or NULL where this one is not "name ':' SP* value": a line that
 * ended with a bare LF puts its successor one byte before that.
 */
static const char *walk_field(const struct request_field *field, const char *at)
{
    if (field->name != at || !is_token(field->name))
        return NULL;
    for (at = field->name + strlen(field->name) + 1; at < field->value; at++)
        if (*at != ' ')
            return NULL;
    if (field->value != at)
        return NULL;
    return at + strlen(at) + 2;
}

static bool bytes_are_what_was_parsed(const struct request_head *head)
{
    const char *end = head->bytes + head->len;
    const char *at = walk_request_line(head);
    for (size_t i = 0; at != NULL && i < head->field_count; i++)
        at = walk_field(&head->fields[i], at);
    /* The empty line; the parser ends the head with a NUL over its last LF. */
    return at != NULL && at + 2 == end && at[0] == (head->field_count > 0 ? '\r' : '\0') &&
           at[1] == '\0';
}

/* --- the fields that frame the message ----------------------------------------------------- */

static enum problem_type check_content_length(const struct request_head *head, struct error *err)
{
    const char *value = NULL;
    enum problem_type problem = request_single_field(head, "Content-Length", &value, err);
    if (problem != PROBLEM_NONE)
        return PROBLEM_MALFORMED_REQUEST;
    if (value == NULL)
        return PROBLEM_NONE;
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || value[digits] != '\0' || digits > 18) {
        refuse(err, "Content-Length must be one number of up to 18 decimal digits");
        return PROBLEM_MALFORMED_REQUEST;
    }
    return PROBLEM_NONE;
}

static enum problem_type check_transfer_encoding(const struct request_head *head, struct error *err)
{
    if (request_field(head, "Transfer-Encoding") == NULL)
        return PROBLEM_NONE;
    if (request_field(head, "Content-Length") != NULL) {
        refuse(err, "Content-Length and Transfer-Encoding exclude each other");
        return PROBLEM_MALFORMED_REQUEST;
    }
    refuse(err, "send the body with Content-Length: Transfer-Encoding is not accepted");
    return PROBLEM_LENGTH_REQUIRED;
}

static bool is_host_char(char c)
{
    return isalnum((unsigned char)c) || strchr("-._~%!$&'()*+,;=:[]", c) != NULL;
}

static enum problem_type check_host(const struct request_head *head, struct error *err)
{
    const char *value = NULL;
    if (request_single_field(head, "Host", &value, err) != PROBLEM_NONE)
        return PROBLEM_MALFORMED_REQUEST;
    if (value == NULL && strcmp(head->version, "1.1") == 0) {
        refuse(err, "HTTP/1.1 needs a Host field");
        return PROBLEM_MALFORMED_REQUEST;
    }
    for (const char *c = value != NULL ? value : ""; *c != '\0'; c++) {
        if (!is_host_char(*c)) {
            refuse(err, "the Host field holds a character that no host name has");
            return PROBLEM_MALFORMED_REQUEST;
        }
    }
    return PROBLEM_NONE;
}

enum problem_type request_check_head(const struct request_head *head, struct error *err)
{
    if (strcmp(head->version, "1.1") != 0 && strcmp(head->version, "1.0") != 0) {
        refuse(err, "HTTP/1.0 and HTTP/1.1 are spoken here");
        return PROBLEM_VERSION_NOT_SUPPORTED;
    }
    if (!bytes_are_what_was_parsed(head)) {
        refuse(err, "lines end with CR LF, names are followed by ':' at once, no line is folded, "
                    "and there are at most 64 fields");
        return PROBLEM_MALFORMED_REQUEST;
    }
    enum problem_type problem = check_host(head, err);
    if (problem == PROBLEM_NONE)
        problem = check_transfer_encoding(head, err);
    if (problem == PROBLEM_NONE)
        problem = check_content_length(head, err);
    return problem;
}

const char *request_field(const struct request_head *head, const char *name)
{
    for (size_t i = 0; i < head->field_count; i++)
        if (strcasecmp(head->fields[i].name, name) == 0)
            return head->fields[i].value;
    return NULL;
}

enum problem_type request_single_field(const struct request_head *head, const char *name,
                                       const char **value, struct error *err)
{
    *value = NULL;
    for (size_t i = 0; i < head->field_count; i++) {
        if (strcasecmp(head->fields[i].name, name) != 0)
            continue;
        if (*value != NULL) {
            error_set(err, ERROR_INVALID, "the field %s stands more than once", name);
            return PROBLEM_INVALID_PARAMETER;
        }
        *value = head->fields[i].value;
    }
    return PROBLEM_NONE;
}

/* --- the target ---------------------------------------------------------------------------- */

/* RFC 3986: unreserved, sub-delims, ':' and '@'. */
static bool is_raw_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:@", c) != NULL);
}

/*
 * Decodes up to the first character of `stops` or the end; `*text` moves behind what was read and
 * `*out` behind the decoded string and its NUL. False for anything that is not well-formed.
 */
static bool decode(const char **text, const char *stops, bool slash_allowed, char **out)
{
    const char *in = *text;
    char *to = *out;
    for (; *in != '\0' && strchr(stops, *in) == NULL; in++) {
        char c = *in;
        if (c == '%') {
            int high = crypto_hex_digit(in[1]);
            int low = high < 0 ? -1 : crypto_hex_digit(in[2]);
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            if ((unsigned char)c < 0x20 || c == 0x7f || (c == '/' && !slash_allowed))
                return false;
            in += 2;
        } else if (!is_raw_char(c) && !(slash_allowed && (c == '/' || c == '?'))) {
            return false;
        }
        *to++ = c;
    }
    *to++ = '\0';
    *text = in;
    *out = to;
    return true;
}

static enum problem_type parse_path(const char *path, struct request_target *out, char **to,
                                    struct error *err)
{
    if (*path != '/') {
        refuse(err, "the target must begin with '/'");
        return PROBLEM_INVALID_TARGET;
    }
    while (*path == '/') {
        path++;
        if (out->segment_count == REQUEST_MAX_SEGMENTS) {
            error_set(err, ERROR_NOT_FOUND, "no path here has more than %d segments",
                      REQUEST_MAX_SEGMENTS);
            return PROBLEM_NOT_FOUND;
        }
        out->segments[out->segment_count++] = *to;
        if (!decode(&path, "/", false, to)) {
            refuse(err, "the path holds a malformed '%', an encoded '/' or control character, or a "
                        "character that must be encoded");
            return PROBLEM_INVALID_TARGET;
        }
    }
    return PROBLEM_NONE;
}

static enum problem_type parse_parameter(const char **query, struct request_target *out, char **to,
                                         struct error *err)
{
    if (out->parameter_count == REQUEST_MAX_PARAMETERS) {
        error_set(err, ERROR_INVALID, "more than %d parameters", REQUEST_MAX_PARAMETERS);
        return PROBLEM_INVALID_TARGET;
    }
    struct request_field *parameter = &out->parameters[out->parameter_count];
    parameter->name = *to;
    bool good = decode(query, "=&", true, to) && *parameter->name != '\0' && **query == '=';
    if (good) {
        (*query)++;
        parameter->value = *to;
        good = decode(query, "&", true, to);
    }
    if (!good) {
        refuse(err, "the query must be name=value pairs with '&' between them, well-formed and "
                    "percent-encoded");
        return PROBLEM_INVALID_TARGET;
    }
    if (request_parameter(out, parameter->name) != NULL) {
        refuse(err, "a parameter of the query stands more than once");
        return PROBLEM_INVALID_TARGET;
    }
    out->parameter_count++;
    return PROBLEM_NONE;
}

enum problem_type request_parse_target(const struct request_head *head, struct request_target *out,
                                       struct error *err)
{
    out->segment_count = 0;
    out->parameter_count = 0;
    size_t query_len = head->query != NULL ? strlen(head->query) : 0;
    if (strlen(head->path) + query_len > REQUEST_MAX_TARGET) {
        error_set(err, ERROR_INVALID, "path and query may have %d bytes", REQUEST_MAX_TARGET);
        return PROBLEM_TARGET_TOO_LONG;
    }
    char *to = out->text;
    enum problem_type problem = parse_path(head->path, out, &to, err);
    const char *query = head->query != NULL ? head->query : "";
    while (problem == PROBLEM_NONE && *query != '\0') {
        problem = parse_parameter(&query, out, &to, err);
        if (problem == PROBLEM_NONE && *query == '&' && *++query == '\0') {
            refuse(err, "the query ends with '&'");
            problem = PROBLEM_INVALID_TARGET;
        }
    }
    return problem;
}

const char *request_parameter(const struct request_target *target, const char *name)
{
    for (size_t i = 0; i < target->parameter_count; i++)
        if (strcmp(target->parameters[i].name, name) == 0)
            return target->parameters[i].value;
    return NULL;
}

/* --- single values ------------------------------------------------------------------------- */

bool request_id_is_valid(const char *id)
{
    size_t len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len >= 1 && len <= REQUEST_ID_MAX && id[len] == '\0';
}

bool request_is_json_type(const char *content_type)
{
    static const char json[] = "application/json";
    if (strncasecmp(content_type, json, sizeof(json) - 1) != 0)
        return false;
    const char *rest = content_type + sizeof(json) - 1;
    rest += strspn(rest, " ");
    if (*rest == '\0')
        return true;
    if (*rest++ != ';')
        return false;
    rest += strspn(rest, " ");
    return strcasecmp(rest, "charset=utf-8") == 0 || strcasecmp(rest, "charset=\"utf-8\"") == 0;
}
