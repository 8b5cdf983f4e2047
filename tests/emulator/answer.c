/* Answers and errors; the table of error types is the service model's and AWS's common errors. */
#include "tests/emulator/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MESSAGE_MAX 1024

static const struct {
    const char *type;
    int status;
    int retry_after_s;
} error_types[] = {
    {"AccessDeniedException", 403, 0},
    {"ConflictException", 409, 0},
    {"ExpiredTokenException", 403, 0},
    {"IncompleteSignatureException", 403, 0},
    {"InternalServerException", 500, 1},
    {"InvalidSignatureException", 403, 0},
    {"MissingAuthenticationTokenException", 403, 0},
    {"RequestEntityTooLargeException", 413, 0},
    {"RequestTimeoutException", 408, 0},
    {"ResourceNotFoundException", 404, 0},
    {"SerializationException", 400, 0},
    {"ServiceQuotaExceededException", 402, 0},
    {"ServiceUnavailableException", 503, 1},
    {"ThrottlingException", 429, 1},
    {"UnknownOperationException", 404, 0},
    {"UnrecognizedClientException", 403, 0},
    {"ValidationException", 400, 0},
};

#define ERROR_TYPES (sizeof(error_types) / sizeof(error_types[0]))

void answer_init(struct answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    strbuf_init(&answer->body, ANSWER_BODY_MAX);
}

void answer_free(struct answer *answer)
{
    strbuf_free(&answer->body);
}

static void answer_begin(struct answer *answer, int status, const char *error_type)
{
    answer->status = status;
    answer->error_type = error_type;
    answer->retry_after_s = 0;
    strbuf_clear(&answer->body);
}

void answer_set_hosting(struct answer *answer, const char *status)
{
    answer_begin(answer, 202, NULL);
    strbuf_addf(&answer->body, "{\"Status\":\"%s\"}", status);
}

static size_t find_type(const char *error_type)
{
    size_t i = 0;

    while (i < ERROR_TYPES && strcmp(error_types[i].type, error_type) != 0)
        i++;
    return i;
}

int answer_error_status(const char *error_type, const char **literal)
{
    size_t i = find_type(error_type);

    if (i == ERROR_TYPES)
        return 0;
    if (literal)
        *literal = error_types[i].type;
    return error_types[i].status;
}

static void add_member(struct strbuf *body, const char *name, const char *value)
{
    if (!value)
        return;
    strbuf_addf(body, ",\"%s\":", name);
    strbuf_add_json(body, value, strlen(value));
}

void answer_set_error(struct answer *answer, const char *error_type,
                      const struct answer_details *details, const char *format, ...)
{
    char message[ANSWER_MESSAGE_MAX];
    size_t i = find_type(error_type);
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);

    answer_begin(answer, i < ERROR_TYPES ? error_types[i].status : 500,
                 i < ERROR_TYPES ? error_types[i].type : "InternalServerException");
    answer->retry_after_s = i < ERROR_TYPES ? error_types[i].retry_after_s : 0;
    strbuf_addstr(&answer->body, "{\"Message\":");
    strbuf_add_json(&answer->body, message, strlen(message));
    if (details) {
        add_member(&answer->body, "ResourceId", details->resource_id);
        add_member(&answer->body, "ResourceType", details->resource_type);
        add_member(&answer->body, "QuotaCode", details->quota_code);
        add_member(&answer->body, "ServiceCode", details->quota_code ? "lookoutvision" : NULL);
    }
    strbuf_addch(&answer->body, '}');
}
