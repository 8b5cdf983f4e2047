/* AWS's errors: where their type stands, and which of them is a definite no. */
#include "gateway/upstream/aws_answer.h"

#include "policy/civil.h"
#include "policy/strict_json.h"
#include "policy/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_BODY_MAX   (64 * 1024)
#define ERROR_DEPTH_MAX  16
#define RETRY_AFTER_MAX  (INT64_C(24) * 3600 * 1000)
#define EXCEPTION_SUFFIX "Exception"

enum verdict {
    VERDICT_UNKNOWN,
    VERDICT_REFUSED,   /* AWS judged the request */
    VERDICT_OUR_FAULT, /* AWS judged the gateway's signature or credentials */
    VERDICT_THROTTLED
};

/*
 * The types that we know, without the "Exception" that some services append and others don't.
 * Sources: the service's model (botocore, lookoutvision 2020-11-20), "Common Errors" of AWS's API
 * references, "Troubleshoot Signature Version 4" of the IAM User Guide, and for throttling the list
 * of the SDKs' retry documentation.
 *
 * Not in it on purpose: Conflict (the outcome of an earlier send may hide behind it),
 * TransactionInProgress and PriorRequestNotComplete (retried by SDKs, but they say that something
 * is under way), and LimitExceeded (a throttle for some services and a quota for others; this
 * service doesn't declare it).
 */
static const struct {
    const char *type;
    enum verdict verdict;
} known_types[] = {
    {"AccessDenied", VERDICT_REFUSED},
    {"NotAuthorized", VERDICT_REFUSED},
    {"RequestEntityTooLarge", VERDICT_REFUSED},
    {"ResourceNotFound", VERDICT_REFUSED},
    {"ServiceQuotaExceeded", VERDICT_REFUSED},
    {"UnknownOperation", VERDICT_REFUSED},
    {"Validation", VERDICT_REFUSED},
    {"ValidationError", VERDICT_REFUSED},

    {"AuthFailure", VERDICT_OUR_FAULT},
    {"ExpiredToken", VERDICT_OUR_FAULT},
    {"IncompleteSignature", VERDICT_OUR_FAULT},
    {"InvalidClientTokenId", VERDICT_OUR_FAULT},
    {"InvalidSignature", VERDICT_OUR_FAULT},
    {"MissingAuthenticationToken", VERDICT_OUR_FAULT},
    {"OptInRequired", VERDICT_OUR_FAULT},
    {"RequestExpired", VERDICT_OUR_FAULT},
    {"RequestInTheFuture", VERDICT_OUR_FAULT},
    {"RequestTimeTooSkewed", VERDICT_OUR_FAULT},
    {"SignatureDoesNotMatch", VERDICT_OUR_FAULT},
    {"UnrecognizedClient", VERDICT_OUR_FAULT},

    {"ProvisionedThroughputExceeded", VERDICT_THROTTLED},
    {"RequestLimitExceeded", VERDICT_THROTTLED},
    {"RequestThrottled", VERDICT_THROTTLED},
    {"SlowDown", VERDICT_THROTTLED},
    {"Throttled", VERDICT_THROTTLED},
    {"Throttling", VERDICT_THROTTLED},
    {"TooManyRequests", VERDICT_THROTTLED},
};

/* Compares without the suffix "Exception" of `type`. */
static bool is_type(const char *type, const char *stem)
{
    const size_t len = strlen(stem);

    return strncmp(type, stem, len) == 0 &&
           (type[len] == '\0' || strcmp(type + len, EXCEPTION_SUFFIX) == 0);
}

static enum verdict verdict_of(const char *type)
{
    for (size_t i = 0; i < sizeof(known_types) / sizeof(known_types[0]); i++)
        if (is_type(type, known_types[i].type))
            return known_types[i].verdict;
    return VERDICT_UNKNOWN;
}

/*
 * A status without a known type is doubt, 429 too: a proxy on the way may have sent it, after the
 * service had got the request. Doubt costs little, as a start is repeated with the same token.
 */
static enum upstream_fate fate_of(int status, enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_REFUSED:
    case VERDICT_OUR_FAULT:
        if (status >= 400 && status <= 499 && status != 408 && status != 409)
            return UPSTREAM_REFUSED;
        return UPSTREAM_DOUBT;
    case VERDICT_THROTTLED:
        if (status == 400 || status == 429 || status == 503)
            return UPSTREAM_THROTTLED;
        return UPSTREAM_DOUBT;
    case VERDICT_UNKNOWN:
        return UPSTREAM_DOUBT;
    }
    return UPSTREAM_DOUBT;
}

/* For logs and people: one line, cut to whole characters. */
static void copy_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
    text_drop_partial(out);
    for (char *c = out; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c))
            *c = ' ';
}

/* "aws.protocols#FooException:http://…" to "FooException" (restJson1: cut at the first ':', then
 * what follows the first '#'). "" when it is too long or no name. */
static void copy_type(char out[UPSTREAM_TYPE_MAX], const char *text)
{
    size_t len = strcspn(text, ":");
    const char *hash = memchr(text, '#', len);

    if (hash != NULL) {
        len -= (size_t)(hash + 1 - text);
        text = hash + 1;
    }
    out[0] = '\0';
    if (len >= UPSTREAM_TYPE_MAX)
        return;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '.' && text[i] != '_')
            return;
    memcpy(out, text, len);
    out[len] = '\0';
}

/* The text of the first of two members that is a string, or NULL. */
static const char *member(const json_t *object, const char *name, const char *other)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL || other == NULL ? text : json_string_value(json_object_get(object, other));
}

static void read_members(const json_t *body, struct upstream_answer *answer)
{
    const struct {
        const char *name;
        char *out;
        size_t size;
    } members[] = {
        {"ResourceId", answer->resource_id, sizeof(answer->resource_id)},
        {"ResourceType", answer->resource_type, sizeof(answer->resource_type)},
        {"QuotaCode", answer->quota_code, sizeof(answer->quota_code)},
        {"ServiceCode", answer->service_code, sizeof(answer->service_code)},
    };

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const char *text = member(body, members[i].name, NULL);
        if (text != NULL)
            copy_text(members[i].out, members[i].size, text);
    }
}

static void read_message(const json_t *body, const char *session_token,
                         struct upstream_answer *answer)
{
    const char *text = member(body, "Message", "message");
    const char *secret = NULL;

    if (text == NULL) {
        (void)snprintf(answer->message, sizeof(answer->message),
                       "the upstream answered %d and no message", answer->http_status);
        return;
    }
    if (session_token != NULL && session_token[0] != '\0')
        secret = strstr(text, session_token);
    copy_text(answer->message, sizeof(answer->message), text);
    if (secret != NULL && (size_t)(secret - text) < sizeof(answer->message))
        (void)snprintf(answer->message + (secret - text),
                       sizeof(answer->message) - (size_t)(secret - text), "***");
}

void aws_answer_judge_error(const struct http_response *response, const char *session_token,
                            struct upstream_answer *answer)
{
    const struct json_limits limits = {.max_bytes = ERROR_BODY_MAX, .max_depth = ERROR_DEPTH_MAX};
    const char *type = http_response_header(response, "x-amzn-errortype");
    json_t *body = NULL;

    /* An unreadable body leaves NULL, which has no members. */
    if (strict_json_parse(response->body, response->body_len, &limits, &body, NULL) != 0)
        body = NULL;
    if (type == NULL || type[0] == '\0')
        type = member(body, "__type", "code");
    copy_type(answer->error_type, type != NULL ? type : "");
    read_message(body, session_token, answer);
    read_members(body, answer);
    json_decref(body);

    const enum verdict verdict = verdict_of(answer->error_type);
    answer->fate = fate_of(answer->http_status, verdict);
    answer->our_fault = answer->fate == UPSTREAM_REFUSED && verdict == VERDICT_OUR_FAULT;
}

bool aws_answer_blames_clock(const struct upstream_answer *answer)
{
    if (!answer->our_fault)
        return false;
    return is_type(answer->error_type, "RequestTimeTooSkewed") ||
           is_type(answer->error_type, "RequestExpired") ||
           is_type(answer->error_type, "RequestInTheFuture") ||
           strstr(answer->message, "Signature expired") != NULL ||
           strstr(answer->message, "Signature not yet current") != NULL;
}

/* Which of the names, of three letters each, `text` begins with; -1 = none of them. */
static int find_name(const char *names, const char *text)
{
    for (int i = 0; names[3 * i] != '\0'; i++)
        if (memcmp(names + (size_t)3 * (size_t)i, text, 3) == 0)
            return i;
    return -1;
}

/* Every answer has one, and strptime took 4 % of a forwarded read. */
int64_t aws_answer_parse_date(const char *text)
{
    static const char form[] = "???, 00 ??? 0000 00:00:00 GMT"; /* ?: a name, 0: a digit */
    int at[sizeof(form)] = {0};                                 /* the digits */

    if (strnlen(text, sizeof(form)) != sizeof(form) - 1)
        return 0;
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : form[i] != '?' && text[i] != form[i])
            return 0;
        at[i] = text[i] - '0';
    }
    const int month = find_name("JanFebMarAprMayJunJulAugSepOctNovDec", text + 8) + 1;
    const int year = 1000 * at[12] + 100 * at[13] + 10 * at[14] + at[15];
    const int day = 10 * at[5] + at[6];
    const int hour = 10 * at[17] + at[18], minute = 10 * at[20] + at[21];
    const int second = 10 * at[23] + at[24]; /* 60: a leap second */
    if (find_name("MonTueWedThuFriSatSun", text) < 0 || month == 0 || year < 1970 || day == 0 ||
        day > civil_days_in_month(year, month) || hour > 23 || minute > 59 || second > 60)
        return 0;
    return civil_to_day(year, month, day) * CIVIL_DAY_MS +
           (((int64_t)hour * 60 + minute) * 60 + second) * 1000;
}

/* Whole digits times `unit_ms`, at most a day; 0 when it is no number. */
static int64_t parse_wait(const char *text, int64_t unit_ms)
{
    int64_t value = 0;

    if (text == NULL)
        return 0;
    for (; *text >= '0' && *text <= '9' && value < RETRY_AFTER_MAX; text++)
        value = value * 10 + (*text - '0');
    if (*text != '\0' && (*text < '0' || *text > '9'))
        return 0;
    return value < RETRY_AFTER_MAX / unit_ms ? value * unit_ms : RETRY_AFTER_MAX;
}

void aws_answer_read_head(const struct http_response *response, struct upstream_answer *answer)
{
    const char *request_id = http_response_header(response, "x-amzn-requestid");
    const char *date = http_response_header(response, "date");

    answer->http_status = response->status;
    if (request_id != NULL)
        copy_text(answer->request_id, sizeof(answer->request_id), request_id);
    if (date != NULL)
        answer->date_wall_ms = aws_answer_parse_date(date);
    /* The newer header has milliseconds; AWS's SDKs of 2026 read it first. */
    answer->retry_after_ms = parse_wait(http_response_header(response, "x-amz-retry-after"), 1);
    if (answer->retry_after_ms == 0)
        answer->retry_after_ms = parse_wait(http_response_header(response, "retry-after"), 1000);
}
