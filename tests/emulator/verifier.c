/* The checks in the order in which AWS makes them: header, credential, date, scope, signature. */
#include "tests/emulator/verifier.h"

#include "gateway/base/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ALGORITHM         "AWS4-HMAC-SHA256"
#define SERVICE           "lookoutvision"
#define TERMINATOR        "aws4_request"
#define AUTHORIZATION_MAX 8192
#define SIGNATURE_HEX_LEN 64
#define DAY_LEN           8
#define DATE_LEN          (SIGV4_DATE_SIZE - 1)
#define CREDENTIAL_PARTS  5
#define WRONG_SIGNATURE                                                                            \
    "The request signature we calculated does not match the signature you provided. Check your "   \
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
#define WRONG_TOKEN "The security token included in the request is invalid."

struct verifier {
    char *region;
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL for none */
    struct sigv4_key_cache *cache;
};

/* The parts of the Authorization header, cut out of one copy of it. */
struct authorization {
    char text[AUTHORIZATION_MAX];
    const char *access_key_id;
    const char *day;
    const char *region;
    const char *service;
    const char *terminator;
    const char *signed_headers;
    const char *signature;
};

/* One check after the other works on this. */
struct check {
    const struct verifier *verifier;
    const struct verifier_request *request;
    struct answer *answer;
    struct authorization authorization;
    const char *date; /* value of x-amz-date */
    struct sigv4_header signed_list[SIGV4_MAX_HEADERS];
    size_t signed_count;
};

int verifier_create(struct verifier **out, const struct verifier_config *config, struct error *err)
{
    struct verifier *verifier = calloc(1, sizeof(*verifier));
    int rc;

    if (!verifier)
        return error_set(err, ERROR_NOMEM, "no memory for the verifier");
    verifier->region = strdup(config->region);
    verifier->access_key_id = strdup(config->access_key_id);
    verifier->secret_access_key = strdup(config->secret_access_key);
    if (config->session_token)
        verifier->session_token = strdup(config->session_token);
    if (!verifier->region || !verifier->access_key_id || !verifier->secret_access_key ||
        (config->session_token && !verifier->session_token)) {
        verifier_free(&verifier);
        return error_set(err, ERROR_NOMEM, "no memory for the verifier");
    }
    rc = sigv4_key_cache_create(&verifier->cache, err);
    if (rc != 0) {
        verifier_free(&verifier);
        return rc;
    }
    *out = verifier;
    return 0;
}

static void free_secret(char *text)
{
    if (!text)
        return;
    crypto_wipe(text, strlen(text));
    free(text);
}

void verifier_free(struct verifier **verifier)
{
    if (!*verifier)
        return;
    free((*verifier)->region);
    free((*verifier)->access_key_id);
    free_secret((*verifier)->secret_access_key);
    free_secret((*verifier)->session_token);
    sigv4_key_cache_free(&(*verifier)->cache);
    free(*verifier);
    *verifier = NULL;
}

static bool refuse(struct check *check, const char *type, const char *message)
{
    answer_set_error(check->answer, type, NULL, "%s", message);
    return false;
}

/* The value of the first header of that name; `*count` is how many there are. */
static const char *header_value(const struct verifier_request *request, const char *name,
                                size_t *count)
{
    const char *value = NULL;

    *count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) != 0)
            continue;
        if (!value)
            value = request->headers[i].value;
        (*count)++;
    }
    return value;
}

/* "Name=" of the comma-separated parameters; cuts the value out of the text. */
static const char *take_parameter(char *text, const char *name)
{
    char *found = strstr(text, name);

    if (!found || (found != text && found[-1] != ' ' && found[-1] != ','))
        return NULL;
    return found + strlen(name);
}

static bool missing_parameters(struct check *check)
{
    const struct authorization *a = &check->authorization;

    answer_set_error(
        check->answer, "IncompleteSignatureException", NULL, "%s%s%s",
        a->access_key_id ? "" : "Authorization header requires 'Credential' parameter. ",
        a->signature ? "" : "Authorization header requires 'Signature' parameter. ",
        a->signed_headers ? "" : "Authorization header requires 'SignedHeaders' parameter. ");
    return false;
}

static void end_value(const char *value)
{
    char *end;

    if (!value)
        return;
    end = (char *)(uintptr_t)value + strcspn(value, ", ");
    *end = '\0';
}

/* KEY/day/region/service/aws4_request: an access key id holds no slash. */
static bool split_credential(struct check *check)
{
    struct authorization *a = &check->authorization;
    const char **parts[CREDENTIAL_PARTS] = {&a->access_key_id, &a->day, &a->region, &a->service,
                                            &a->terminator};
    char *rest = (char *)(uintptr_t)a->access_key_id;
    size_t n = 0;

    while (rest && n < CREDENTIAL_PARTS)
        *parts[n++] = strsep(&rest, "/");
    if (n == CREDENTIAL_PARTS && !rest)
        return true;
    answer_set_error(check->answer, "IncompleteSignatureException", NULL,
                     "Credential must have exactly 5 slash-delimited elements, e.g. "
                     "keyid/date/region/service/term, got %s%zu.",
                     rest ? "more than " : "", n);
    return false;
}

static bool read_authorization(struct check *check)
{
    struct authorization *a = &check->authorization;
    size_t algorithm_len = strlen(ALGORITHM);
    size_t count;
    const char *value = header_value(check->request, "authorization", &count);

    if (!value)
        return refuse(check, "MissingAuthenticationTokenException", "Missing Authentication Token");
    if (count > 1 || strlen(value) >= sizeof(a->text))
        return refuse(check, "IncompleteSignatureException",
                      "Authorization header must stand there once and in a sensible length.");
    if (strncmp(value, ALGORITHM " ", algorithm_len + 1) != 0)
        return refuse(check, "MissingAuthenticationTokenException", "Missing Authentication Token");
    snprintf(a->text, sizeof(a->text), "%s", value + algorithm_len + 1);
    a->access_key_id = take_parameter(a->text, "Credential=");
    a->signed_headers = take_parameter(a->text, "SignedHeaders=");
    a->signature = take_parameter(a->text, "Signature=");
    if (!a->access_key_id || !a->signed_headers || !a->signature)
        return missing_parameters(check);
    end_value(a->access_key_id);
    end_value(a->signed_headers);
    end_value(a->signature);
    return split_credential(check);
}

static bool check_credential(struct check *check)
{
    const struct verifier *verifier = check->verifier;
    size_t count;
    const char *token = header_value(check->request, "x-amz-security-token", &count);
    bool ok;

    if (strcmp(check->authorization.access_key_id, verifier->access_key_id) != 0)
        return refuse(check, "UnrecognizedClientException", WRONG_TOKEN);
    if (token && verifier->session_token)
        ok = count == 1 && strcmp(token, verifier->session_token) == 0;
    else
        ok = !token && !verifier->session_token;
    return ok || refuse(check, "UnrecognizedClientException", WRONG_TOKEN);
}

/* Milliseconds of "20150830T123600Z"; false when it is not written so. */
static bool parse_date(const char *date, int64_t *out_ms)
{
    struct tm tm = {0};
    char again[SIGV4_DATE_SIZE];
    const char *end;

    if (strlen(date) != DATE_LEN)
        return false;
    end = strptime(date, "%Y%m%dT%H%M%SZ", &tm);
    if (!end || *end != '\0')
        return false;
    *out_ms = (int64_t)timegm(&tm) * 1000;
    sigv4_format_date(*out_ms, again);
    return strcmp(date, again) == 0;
}

static bool check_window(struct check *check, int64_t date_ms, int64_t now_ms)
{
    char now[SIGV4_DATE_SIZE];
    char edge[SIGV4_DATE_SIZE];
    bool expired = date_ms < now_ms - VERIFIER_WINDOW_MS;

    if (!expired && date_ms <= now_ms + VERIFIER_WINDOW_MS)
        return true;
    sigv4_format_date(now_ms, now);
    sigv4_format_date(expired ? now_ms - VERIFIER_WINDOW_MS : now_ms + VERIFIER_WINDOW_MS, edge);
    answer_set_error(check->answer, "InvalidSignatureException", NULL,
                     expired ? "Signature expired: %s is now earlier than %s (%s - 5 min.)"
                             : "Signature not yet current: %s is still later than %s (%s + 5 min.)",
                     check->date, edge, now);
    return false;
}

static bool check_date(struct check *check, int64_t now_ms)
{
    const char *day = check->authorization.day;
    int64_t date_ms;
    size_t count;

    check->date = header_value(check->request, "x-amz-date", &count);
    if (!check->date)
        return refuse(check, "IncompleteSignatureException",
                      "Authorization header requires existence of either a 'X-Amz-Date' or a "
                      "'Date' header.");
    if (count != 1 || !parse_date(check->date, &date_ms)) {
        answer_set_error(check->answer, "IncompleteSignatureException", NULL,
                         "Date must be in ISO-8601 'basic format'. Got '%s'.", check->date);
        return false;
    }
    if (strlen(day) != DAY_LEN || strncmp(day, check->date, DAY_LEN) != 0) {
        answer_set_error(check->answer, "InvalidSignatureException", NULL,
                         "Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
                         "of date from HTTP: '%s' != '%.8s', from '%s'.",
                         day, check->date, check->date);
        return false;
    }
    return check_window(check, date_ms, now_ms);
}

static bool check_scope(struct check *check)
{
    const struct authorization *a = &check->authorization;

    if (strcmp(a->region, check->verifier->region) != 0) {
        answer_set_error(check->answer, "InvalidSignatureException", NULL,
                         "Credential should be scoped to a valid Region, not '%s'.", a->region);
        return false;
    }
    if (strcmp(a->service, SERVICE) != 0)
        return refuse(check, "InvalidSignatureException",
                      "Credential should be scoped to correct service: '" SERVICE "'.");
    if (strcmp(a->terminator, TERMINATOR) != 0)
        return refuse(check, "InvalidSignatureException",
                      "Credential should be scoped with a valid terminator: '" TERMINATOR "'.");
    return true;
}

/* Whether a semicolon-separated list names it. */
static bool is_listed(const char *list, const char *name)
{
    size_t len = strlen(name);
    size_t word;

    for (; *list; list += word + (list[word] == ';')) {
        word = strcspn(list, ";");
        if (word == len && strncasecmp(list, name, len) == 0)
            return true;
    }
    return false;
}

/* What must be signed when it is sent: host, content-type and x-amz-* (IAM User Guide). */
static bool must_be_signed(const char *name)
{
    return strcasecmp(name, "host") == 0 || strcasecmp(name, "content-type") == 0 ||
           strncasecmp(name, "x-amz-", strlen("x-amz-")) == 0;
}

static bool refuse_unsigned(struct check *check, const char *name)
{
    answer_set_error(check->answer, "InvalidSignatureException", NULL,
                     "'%s' must be a 'SignedHeader' in the AWS Authorization.", name);
    return false;
}

/* Collects the signed headers off the wire, and refuses those that should be among them. */
static bool collect_signed(struct check *check)
{
    const struct verifier_request *request = check->request;
    const char *list = check->authorization.signed_headers;

    if (!is_listed(list, "host"))
        return refuse_unsigned(check, "Host");
    for (size_t i = 0; i < request->header_count; i++) {
        if (is_listed(list, request->headers[i].name)) {
            if (check->signed_count == SIGV4_MAX_HEADERS)
                return refuse(check, "IncompleteSignatureException", "Too many signed headers.");
            check->signed_list[check->signed_count++] = request->headers[i];
        } else if (must_be_signed(request->headers[i].name)) {
            return refuse_unsigned(check, request->headers[i].name);
        }
    }
    return true;
}

/* Each name of SignedHeaders stands on the wire. */
static bool check_present(struct check *check)
{
    char name[AUTHORIZATION_MAX];
    const char *list = check->authorization.signed_headers;
    size_t word;
    size_t count;

    for (; *list; list += word + (list[word] == ';')) {
        word = strcspn(list, ";");
        snprintf(name, sizeof(name), "%.*s", (int)word, list);
        if (header_value(check->request, name, &count))
            continue;
        answer_set_error(check->answer, "IncompleteSignatureException", NULL,
                         "'%s' is named as a SignedHeader, but it does not exist in the HTTP "
                         "request.",
                         name);
        return false;
    }
    return true;
}

/* A payload hash that is sent is the body's; UNSIGNED-PAYLOAD is S3's alone. */
static bool check_payload(struct check *check)
{
    unsigned char hash[CRYPTO_SHA256_LEN];
    char hex[CRYPTO_SHA256_HEX_LEN + 1];
    size_t count;
    const char *sent = header_value(check->request, "x-amz-content-sha256", &count);

    if (!sent)
        return true;
    if (crypto_sha256(check->request->body, check->request->body_len, hash) != 0)
        return refuse(check, "InternalServerException", "The payload could not be hashed.");
    crypto_hex(hash, sizeof(hash), hex);
    if (count != 1 || strcmp(sent, hex) != 0)
        return refuse(check, "InvalidSignatureException",
                      "The provided 'x-amz-content-sha256' header does not match what was "
                      "computed.");
    return true;
}

static bool same_signature(const char *expected, const char *seen)
{
    return strlen(seen) == SIGNATURE_HEX_LEN && crypto_equal(expected, seen, SIGNATURE_HEX_LEN);
}

/* Signs the request again; the whole Authorization value must come out the same but for blanks. */
static bool check_signature(struct check *check)
{
    const struct verifier *verifier = check->verifier;
    const struct verifier_request *wire = check->request;
    struct sigv4_request request = {.method = wire->method,
                                    .path = wire->path,
                                    .query = wire->query,
                                    .headers = check->signed_list,
                                    .header_count = check->signed_count,
                                    .body = wire->body,
                                    .body_len = wire->body_len,
                                    .normalize_path = true};
    struct sigv4_scope scope = {.region = verifier->region, .service = SERVICE};
    struct strbuf expected;
    char signed_headers[AUTHORIZATION_MAX];
    const char *signature;
    bool ok = false;

    strbuf_init(&expected, AUTHORIZATION_MAX);
    snprintf(scope.date, sizeof(scope.date), "%s", check->date);
    snprintf(signed_headers, sizeof(signed_headers), "SignedHeaders=%s,",
             check->authorization.signed_headers);
    if (sigv4_sign(&request, &scope, verifier->access_key_id, verifier->secret_access_key,
                   verifier->cache, &expected, NULL) == 0 &&
        strbuf_ok(&expected)) {
        signature = strstr(expected.data, "Signature=");
        ok = signature && strstr(expected.data, signed_headers) &&
             same_signature(signature + strlen("Signature="), check->authorization.signature);
    }
    strbuf_free(&expected);
    return ok || refuse(check, "InvalidSignatureException", WRONG_SIGNATURE);
}

bool verifier_check(const struct verifier *verifier, const struct verifier_request *request,
                    int64_t now_ms, struct answer *answer)
{
    struct check check;

    /* Not the whole of it: the copy of the header alone is 8 KiB. */
    check.verifier = verifier;
    check.request = request;
    check.answer = answer;
    check.signed_count = 0;
    return read_authorization(&check) && check_credential(&check) && check_date(&check, now_ms) &&
           check_scope(&check) && check_present(&check) && collect_signed(&check) &&
           check_payload(&check) && check_signature(&check);
}
