/* RFC 7519 section 4.1 and the claims that say team, subject and scopes. */
#include "gateway/auth/claims.h"

#include <inttypes.h>
#include <string.h>

#define NO_DATE INT64_MIN /* of a claim that is absent */

/* --- finding a claim ----------------------------------------------------------------------- */

/* The longest beginning of `path` that ends at a '.' or its end and is a member of `object`. */
static const json_t *longest_member(const json_t *object, const char **path)
{
    char name[AUTHORITY_MAX_CLAIM + 1];
    size_t len = strlen(*path);

    memcpy(name, *path, len + 1);
    for (;;) {
        const json_t *member = json_object_get(object, name);
        char *dot = strrchr(name, '.');

        if (member != NULL) {
            *path += strlen(name);
            return member;
        }
        if (dot == NULL)
            return NULL;
        *dot = '\0';
    }
}

const json_t *claims_find(const json_t *payload, const char *path)
{
    const json_t *at = payload;

    if (strlen(path) > AUTHORITY_MAX_CLAIM)
        return NULL;
    /* Each round eats at least one character of the path. */
    while (at != NULL) {
        at = longest_member(at, &path);
        if (*path == '\0')
            return at;
        if (*path == '.')
            path++;
    }
    return NULL;
}

/* --- dates --------------------------------------------------------------------------------- */

/* A NumericDate, which may have a fraction (RFC 7519 section 2), in milliseconds. */
static enum jws_reason read_date(const json_t *payload, const char *name, int64_t *out_ms,
                                 struct error *err)
{
    const json_t *value = json_object_get(payload, name);
    double seconds;

    if (value == NULL)
        return JWS_OK;
    if (!json_is_number(value)) {
        error_set(err, ERROR_REFUSED, "saw a claim %s that is not a number", name);
        return JWS_CLAIM_INVALID;
    }
    /* Up to the bound below a double holds whole milliseconds exactly. */
    seconds = json_number_value(value);
    if (!(seconds >= 0) || seconds > (double)CLAIMS_MAX_DATE_SECONDS) {
        error_set(err, ERROR_REFUSED, "saw %s %g, expected seconds since 1970, up to the year 9999",
                  name, seconds);
        return JWS_CLAIM_INVALID;
    }
    *out_ms = (int64_t)(seconds * 1000);
    return JWS_OK;
}

static enum jws_reason check_lifetime(int64_t issued_ms, int64_t expires_ms, int64_t max_seconds,
                                      struct error *err)
{
    if (max_seconds == 0)
        return JWS_OK;
    if (issued_ms == NO_DATE) {
        error_set(err, ERROR_REFUSED, "saw no iat, which is needed to bound a token's lifetime");
        return JWS_CLAIM_INVALID;
    }
    /* Both are 0 to the year 9999, so neither side overflows. */
    if ((expires_ms - issued_ms) / 1000 > max_seconds) {
        error_set(err, ERROR_REFUSED,
                  "saw a lifetime of %" PRId64 " s, expected at most %" PRId64 " s",
                  (expires_ms - issued_ms) / 1000, max_seconds);
        return JWS_CLAIM_INVALID;
    }
    return JWS_OK;
}

static enum jws_reason check_dates(const json_t *payload, const struct issuer_settings *settings,
                                   int64_t now_ms, int64_t *expires_ms, struct error *err)
{
    const int64_t leeway_ms = settings->leeway_seconds * 1000;
    int64_t not_before_ms = NO_DATE;
    int64_t issued_ms = NO_DATE;
    enum jws_reason reason;

    *expires_ms = NO_DATE;
    reason = read_date(payload, "exp", expires_ms, err);
    if (reason == JWS_OK)
        reason = read_date(payload, "nbf", &not_before_ms, err);
    if (reason == JWS_OK)
        reason = read_date(payload, "iat", &issued_ms, err);
    if (reason != JWS_OK)
        return reason;
    if (*expires_ms == NO_DATE) {
        error_set(err, ERROR_REFUSED, "saw no exp: a token must end");
        return JWS_CLAIM_INVALID;
    }
    if (now_ms >= *expires_ms + leeway_ms) {
        error_set(err, ERROR_REFUSED, "exp was %" PRId64 " s ago, leeway %" PRId64 " s",
                  (now_ms - *expires_ms) / 1000, settings->leeway_seconds);
        return JWS_EXPIRED;
    }
    if (now_ms + leeway_ms < not_before_ms || now_ms + leeway_ms < issued_ms) {
        const bool issued = now_ms + leeway_ms < issued_ms;

        error_set(err, ERROR_REFUSED, "%s is in %" PRId64 " s, leeway %" PRId64 " s",
                  issued ? "iat" : "nbf", ((issued ? issued_ms : not_before_ms) - now_ms) / 1000,
                  settings->leeway_seconds);
        return JWS_NOT_YET_VALID;
    }
    return check_lifetime(issued_ms, *expires_ms, settings->max_lifetime_seconds, err);
}

/* --- a string, or an array of strings ------------------------------------------------------ */

/* How many strings `value` holds, or -1 where it is anything else. */
static long string_count(const json_t *value)
{
    const size_t count = json_array_size(value);

    if (json_is_string(value))
        return 1;
    if (!json_is_array(value))
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (!json_is_string(json_array_get(value, i)))
            return -1;
    }
    return (long)count;
}

static const char *string_at(const json_t *value, long index)
{
    if (json_is_array(value))
        value = json_array_get(value, (size_t)index);
    return json_string_value(value);
}

static enum jws_reason not_strings(const char *claim, struct error *err)
{
    error_set(err, ERROR_REFUSED, "saw a claim %s that is neither a string nor an array of strings",
              claim);
    return JWS_CLAIM_INVALID;
}

static enum jws_reason check_audience(const json_t *payload, const struct issuer_settings *settings,
                                      struct error *err)
{
    const json_t *value = json_object_get(payload, "aud");
    const long count = value != NULL ? string_count(value) : 0;

    if (count < 0)
        return not_strings("aud", err);
    for (long i = 0; i < count; i++) {
        for (size_t k = 0; k < settings->audience_count; k++) {
            if (strcmp(string_at(value, i), settings->audiences[k]) == 0)
                return JWS_OK;
        }
    }
    error_set(err, ERROR_REFUSED, "saw %ld values in aud, the first \"%s\", expected \"%s\"%s",
              count, count > 0 ? string_at(value, 0) : "", settings->audiences[0],
              settings->audience_count > 1 ? " or another that is configured" : "");
    return JWS_AUDIENCE_REFUSED;
}

/* --- who ----------------------------------------------------------------------------------- */

/* Names end up in log lines, listings and terminals. */
static bool has_control_characters(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return true;
    }
    return false;
}

/* Copies a name of 1 to `max` bytes. */
static enum jws_reason copy_name(const char *claim, const char *text, size_t max, char *out,
                                 struct error *err)
{
    const size_t len = strlen(text);

    if (len == 0 || len > max || has_control_characters(text)) {
        error_set(err, ERROR_REFUSED,
                  "saw %zu bytes in claim %s, expected 1 to %zu without control characters", len,
                  claim, max);
        return JWS_CLAIM_INVALID;
    }
    memcpy(out, text, len + 1);
    return JWS_OK;
}

static enum jws_reason read_subject(const json_t *payload, const char *claim, char *out,
                                    struct error *err)
{
    const json_t *value = claims_find(payload, claim);

    if (!json_is_string(value)) {
        error_set(err, ERROR_REFUSED, "saw %s claim %s, expected a string that says the subject",
                  value == NULL ? "no" : "a wrong type in", claim);
        return JWS_CLAIM_INVALID;
    }
    return copy_name(claim, json_string_value(value), PRINCIPAL_MAX_SUBJECT, out, err);
}

/* Bits of enum scope in a space-separated list; names that we don't know are ignored. */
static unsigned parse_scopes(const char *text)
{
    unsigned scopes = 0;

    while (*text != '\0') {
        const size_t len = strcspn(text, " ");

        for (unsigned bit = SCOPE_MODELS_START; bit <= SCOPE_GATEWAY_ADMIN; bit <<= 1) {
            const char *name = scope_name((enum scope)bit);

            if (strlen(name) == len && memcmp(name, text, len) == 0)
                scopes |= bit;
        }
        text += len + (text[len] == ' ');
    }
    return scopes;
}

static enum jws_reason read_scopes(const json_t *payload, const char *claim, unsigned *out,
                                   struct error *err)
{
    const json_t *value = claims_find(payload, claim);
    const long count = value != NULL ? string_count(value) : 0;

    *out = 0;
    if (count < 0)
        return not_strings(claim, err);
    for (long i = 0; i < count; i++)
        *out |= parse_scopes(string_at(value, i));
    return JWS_OK;
}

static enum jws_reason add_team(const char *claim, const char *team, struct principal *out,
                                struct error *err)
{
    enum jws_reason reason;

    /* Names that begin so are the gateway's own (what runs for nobody): no token is of them. */
    if (*team == '_' || principal_in_team(out, team))
        return JWS_OK;
    if (out->team_count == PRINCIPAL_MAX_TEAMS) {
        error_set(err, ERROR_REFUSED, "saw more than %d teams in claim %s", PRINCIPAL_MAX_TEAMS,
                  claim);
        return JWS_CLAIM_INVALID;
    }
    reason = copy_name(claim, team, PRINCIPAL_MAX_TEAM, out->teams[out->team_count], err);
    if (reason == JWS_OK)
        out->team_count++;
    return reason;
}

static enum jws_reason read_teams(const json_t *payload, const char *claim, struct principal *out,
                                  struct error *err)
{
    const json_t *value = claims_find(payload, claim);
    const long count = value != NULL ? string_count(value) : 0;

    out->team_count = 0;
    if (count < 0)
        return not_strings(claim, err);
    for (long i = 0; i < count; i++) {
        enum jws_reason reason = add_team(claim, string_at(value, i), out, err);

        if (reason != JWS_OK)
            return reason;
    }
    if (out->team_count == 0 && !principal_has_scope(out, SCOPE_GATEWAY_ADMIN)) {
        error_set(err, ERROR_REFUSED, "saw no team in claim %s, expected at least one", claim);
        return JWS_CLAIM_INVALID;
    }
    return JWS_OK;
}

enum jws_reason claims_check(const json_t *payload, const struct issuer_settings *settings,
                             int64_t now_wall_ms, struct principal *out, struct error *err)
{
    enum jws_reason reason = check_audience(payload, settings, err);

    if (reason == JWS_OK)
        reason = check_dates(payload, settings, now_wall_ms, &out->expires_wall_ms, err);
    if (reason == JWS_OK)
        reason = read_subject(payload, settings->subject_claim, out->subject, err);
    if (reason == JWS_OK)
        reason = read_scopes(payload, settings->scope_claim, &out->scopes, err);
    if (reason == JWS_OK)
        reason = read_teams(payload, settings->team_claim, out, err);
    return reason;
}
