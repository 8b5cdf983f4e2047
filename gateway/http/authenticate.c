/* Bearer tokens (RFC 6750), also behind an AWS signature that we neither need nor trust. */
#include "gateway/http/authenticate.h"

#include "gateway/base/log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REALM "Bearer realm=\"" AUTHENTICATE_REALM "\""

enum credentials { CREDENTIALS_NONE, CREDENTIALS_TOKEN, CREDENTIALS_AMBIGUOUS };

static const char *after_scheme(const char *value, const char *scheme)
{
    size_t len = strlen(scheme);
    if (strncasecmp(value, scheme, len) != 0 || value[len] != ' ')
        return NULL;
    value += len;
    return value + strspn(value, " ");
}

static enum credentials find_token(const struct exchange *exchange, const char **token)
{
    const char *value = NULL;
    struct error ignored;
    *token = NULL;
    if (request_single_field(&exchange->head, "Authorization", &value, &ignored) != PROBLEM_NONE)
        return CREDENTIALS_AMBIGUOUS;
    if (value == NULL)
        return CREDENTIALS_NONE;
    *token = after_scheme(value, "Bearer");
    if (*token == NULL && after_scheme(value, "AWS4-HMAC-SHA256") != NULL &&
        request_single_field(&exchange->head, "X-Amz-Security-Token", token, &ignored) !=
            PROBLEM_NONE)
        return CREDENTIALS_AMBIGUOUS;
    return *token != NULL ? CREDENTIALS_TOKEN : CREDENTIALS_NONE;
}

/* RFC 6750 section 3.1: who sends no credentials is told how, and no error. */
static bool refuse_none(struct exchange *exchange)
{
    exchange_add_header(exchange, "WWW-Authenticate", REALM);
    exchange_problem(exchange, PROBLEM_UNAUTHENTICATED,
                     "send Authorization: Bearer with a JWT of your team");
    return false;
}

static bool refuse_ambiguous(struct exchange *exchange)
{
    exchange_add_header(exchange, "WWW-Authenticate", REALM ", error=\"invalid_request\"");
    exchange_problem(exchange, PROBLEM_INVALID_PARAMETER,
                     "the credentials stand more than once in the request");
    return false;
}

/* The caller learns no more than RFC 6750 says; the reason is for the log. */
static bool refuse_token(struct exchange *exchange, enum jws_reason reason, const struct error *err)
{
    LOG(LOG_INFO, "http.token_refused", log_str("request_id", exchange->request_id),
        log_str("auth_reason", jws_reason_name(reason)), log_str("detail", err->message),
        log_str("remote", exchange->remote_address));
    if (reason == JWS_INTERNAL) {
        exchange_problem(exchange, PROBLEM_INTERNAL_ERROR, "the token could not be verified");
        return false;
    }
    exchange_add_header(exchange, "WWW-Authenticate", REALM ", error=\"invalid_token\"");
    exchange_problem(exchange, PROBLEM_INVALID_TOKEN,
                     "the token is expired, malformed or not of an issuer that is trusted here");
    return false;
}

bool authenticate(const struct http_context *context, struct exchange *exchange,
                  enum jws_reason *reason)
{
    const char *token = NULL;
    *reason = JWS_OK;
    enum credentials credentials = find_token(exchange, &token);
    if (credentials == CREDENTIALS_NONE)
        return refuse_none(exchange);
    if (credentials == CREDENTIALS_AMBIGUOUS)
        return refuse_ambiguous(exchange);

    struct error err = {0};
    struct authority *authority = authority_store_acquire(context->authorities);
    if (authority == NULL) {
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "no keys are loaded yet");
        return false;
    }
    *reason = authority_authenticate(authority, context->tokens, context->clock, token,
                                     strlen(token), &exchange->principal, &err);
    authority_unref(&authority);
    if (*reason != JWS_OK)
        return refuse_token(exchange, *reason, &err);
    exchange->authenticated = true;
    return true;
}

bool authenticate_require_scope(struct exchange *exchange, enum scope scope)
{
    if (principal_has_scope(&exchange->principal, scope))
        return true;
    char challenge[160], detail[80];
    snprintf(challenge, sizeof(challenge), REALM ", error=\"insufficient_scope\", scope=\"%s\"",
             scope_name(scope));
    snprintf(detail, sizeof(detail), "the token needs the scope %s", scope_name(scope));
    exchange_add_header(exchange, "WWW-Authenticate", challenge);
    exchange_problem(exchange, PROBLEM_INSUFFICIENT_SCOPE, detail);
    return false;
}
