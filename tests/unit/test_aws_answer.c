/* aws_answer and aws_endpoint: which answer is a definite no, and what is taken from the others. */
#include "gateway/upstream/aws_answer.h"
#include "gateway/upstream/aws_endpoint.h"

#include "gateway/base/strbuf.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A response without a network. `body` and `value` stay the caller's. */
static struct http_response respond(int status, const char *name, const char *value, char *body)
{
    struct http_response response = {.status = status, .body = body, .body_len = strlen(body)};

    if (value != NULL)
        response.headers[response.header_count++] =
            (struct http_header){.name = name, .value = value};
    return response;
}

static struct upstream_answer judge(int status, const char *type, const char *body_text,
                                    const char *session_token)
{
    struct upstream_answer answer = {0};
    char body[8192];

    snprintf(body, sizeof(body), "%s", body_text);
    const struct http_response response = respond(status, "x-amzn-errortype", type, body);
    aws_answer_read_head(&response, &answer);
    aws_answer_judge_error(&response, session_token, &answer);
    return answer;
}

/* One row: status, header X-Amzn-Errortype (NULL = none), body, and what it means. */
static const struct row {
    int status;
    const char *header, *body;
    const char *type;
    enum upstream_fate fate;
    bool our_fault;
} rows[] = {
    /* definite */
    {400, "ValidationException", "{}", "ValidationException", UPSTREAM_REFUSED, false},
    {402, "ServiceQuotaExceededException", "{}", "ServiceQuotaExceededException", UPSTREAM_REFUSED,
     false},
    {403, "AccessDeniedException", "{}", "AccessDeniedException", UPSTREAM_REFUSED, false},
    {404, "ResourceNotFoundException", "{}", "ResourceNotFoundException", UPSTREAM_REFUSED, false},
    {404, "UnknownOperationException", "{}", "UnknownOperationException", UPSTREAM_REFUSED, false},
    {413, "RequestEntityTooLargeException", "{}", "RequestEntityTooLargeException",
     UPSTREAM_REFUSED, false},
    {400, "ValidationError", "{}", "ValidationError", UPSTREAM_REFUSED, false},
    {403, "UnrecognizedClientException", "{}", "UnrecognizedClientException", UPSTREAM_REFUSED,
     true},
    {403, "InvalidSignatureException", "{}", "InvalidSignatureException", UPSTREAM_REFUSED, true},
    {403, "SignatureDoesNotMatch", "{}", "SignatureDoesNotMatch", UPSTREAM_REFUSED, true},
    {400, "IncompleteSignature", "{}", "IncompleteSignature", UPSTREAM_REFUSED, true},
    {403, "ExpiredTokenException", "{}", "ExpiredTokenException", UPSTREAM_REFUSED, true},
    {403, "ExpiredToken", "{}", "ExpiredToken", UPSTREAM_REFUSED, true},
    {403, "MissingAuthenticationTokenException", "{}", "MissingAuthenticationTokenException",
     UPSTREAM_REFUSED, true},
    {403, "OptInRequired", "{}", "OptInRequired", UPSTREAM_REFUSED, true},
    {400, "RequestExpired", "{}", "RequestExpired", UPSTREAM_REFUSED, true},
    /* throttled */
    {429, "ThrottlingException", "{}", "ThrottlingException", UPSTREAM_THROTTLED, false},
    {400, "ThrottlingException", "{}", "ThrottlingException", UPSTREAM_THROTTLED, false},
    {503, "Throttling", "{}", "Throttling", UPSTREAM_THROTTLED, false},
    {429, "TooManyRequestsException", "{}", "TooManyRequestsException", UPSTREAM_THROTTLED, false},
    {400, "RequestLimitExceeded", "{}", "RequestLimitExceeded", UPSTREAM_THROTTLED, false},
    {500, "ThrottlingException", "{}", "ThrottlingException", UPSTREAM_DOUBT, false},
    {409, "ThrottlingException", "{}", "ThrottlingException", UPSTREAM_DOUBT, false},
    /* doubt, by status */
    {408, "RequestTimeoutException", "{}", "RequestTimeoutException", UPSTREAM_DOUBT, false},
    {408, "AccessDeniedException", "{}", "AccessDeniedException", UPSTREAM_DOUBT, false},
    {409, "ConflictException", "{}", "ConflictException", UPSTREAM_DOUBT, false},
    {409, "ValidationException", "{}", "ValidationException", UPSTREAM_DOUBT, false},
    {500, "InternalServerException", "{}", "InternalServerException", UPSTREAM_DOUBT, false},
    {500, "AccessDeniedException", "{}", "AccessDeniedException", UPSTREAM_DOUBT, false},
    {503, "ExpiredTokenException", "{}", "ExpiredTokenException", UPSTREAM_DOUBT, false},
    {301, "AccessDeniedException", "{}", "AccessDeniedException", UPSTREAM_DOUBT, false},
    {307, NULL, "", "", UPSTREAM_DOUBT, false},
    /* doubt, by type */
    {400, "ConflictException", "{}", "ConflictException", UPSTREAM_DOUBT, false},
    {400, "LimitExceededException", "{}", "LimitExceededException", UPSTREAM_DOUBT, false},
    {400, "NewException", "{}", "NewException", UPSTREAM_DOUBT, false},
    {403, "accessdeniedexception", "{}", "accessdeniedexception", UPSTREAM_DOUBT, false},
    {403, "AccessDeniedExceptionX", "{}", "AccessDeniedExceptionX", UPSTREAM_DOUBT, false},
    {403, "AccessDeniedE", "{}", "AccessDeniedE", UPSTREAM_DOUBT, false},
    {403, "Access Denied", "{}", "", UPSTREAM_DOUBT, false},
    {429, NULL, "", "", UPSTREAM_DOUBT, false},
    {429, "SomethingElse", "{}", "SomethingElse", UPSTREAM_DOUBT, false},
    {403, NULL, "<html>forbidden</html>", "", UPSTREAM_DOUBT, false},
    {404, NULL, "{\"Message\":\"x\"}", "", UPSTREAM_DOUBT, false},
    {400, NULL, "{\"__type\":\"ValidationException\",\"__type\":\"x\"}", "", UPSTREAM_DOUBT, false},
    {400, NULL, "{\"__type\":7}", "", UPSTREAM_DOUBT, false},
    {400, NULL, "[\"ValidationException\"]", "", UPSTREAM_DOUBT, false},
    {400, "A234567890123456789012345678901234567890123456789012345678901234", "{}", "",
     UPSTREAM_DOUBT, false},
    /* where the type stands, and how it is cut */
    {400, "ValidationException:http://internal.amazon.com/x/#y", "{}", "ValidationException",
     UPSTREAM_REFUSED, false},
    {400, "aws.protocols#ValidationException:http://x/", "{}", "ValidationException",
     UPSTREAM_REFUSED, false},
    {400, NULL, "{\"__type\":\"com.amazonaws.lookout#ValidationException\"}", "ValidationException",
     UPSTREAM_REFUSED, false},
    {400, NULL, "{\"code\":\"ValidationException\"}", "ValidationException", UPSTREAM_REFUSED,
     false},
    {400, "", "{\"code\":\"ValidationException\"}", "ValidationException", UPSTREAM_REFUSED, false},
    {400, "ConflictException", "{\"__type\":\"ValidationException\"}", "ConflictException",
     UPSTREAM_DOUBT, false},
    {403, "AccessDeniedException", "not json", "AccessDeniedException", UPSTREAM_REFUSED, false},
};

static void test_classification(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct upstream_answer answer =
            judge(rows[i].status, rows[i].header, rows[i].body, NULL);
        if (answer.fate != rows[i].fate || answer.our_fault != rows[i].our_fault ||
            strcmp(answer.error_type, rows[i].type) != 0)
            fail_msg("row %zu (%d %s %s): saw %s, type \"%s\", our fault %d", i, rows[i].status,
                     rows[i].header != NULL ? rows[i].header : "-", rows[i].body,
                     upstream_fate_name(answer.fate), answer.error_type, answer.our_fault);
        assert_int_equal(answer.http_status, rows[i].status);
        assert_string_not_equal(answer.message, "");
    }
}

static void test_deep_body_is_not_parsed(void **state)
{
    char body[2001];

    (void)state;
    memset(body, '[', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    assert_int_equal(judge(400, NULL, body, NULL).fate, UPSTREAM_DOUBT);
}

static void test_error_members(void **state)
{
    struct strbuf long_message;
    struct upstream_answer answer =
        judge(402, "ServiceQuotaExceededException",
              "{\"Message\":\"too\\nmany\",\"QuotaCode\":\"L-82DA2ABD\",\"ServiceCode\":"
              "\"lookoutvision\","
              "\"ResourceId\":\"p/1\",\"ResourceType\":\"MODEL\",\"More\":[1]}",
              NULL);

    (void)state;
    assert_string_equal(answer.message, "too many");
    assert_string_equal(answer.quota_code, "L-82DA2ABD");
    assert_string_equal(answer.service_code, "lookoutvision");
    assert_string_equal(answer.resource_id, "p/1");
    assert_string_equal(answer.resource_type, "MODEL");

    answer = judge(400, "X", "{\"message\":\"lower\",\"ResourceId\":5}", NULL);
    assert_string_equal(answer.message, "lower");
    assert_string_equal(answer.resource_id, "");

    strbuf_init(&long_message, 4096);
    strbuf_addstr(&long_message, "{\"message\":\"");
    for (int i = 0; i < 400; i++)
        strbuf_addstr(&long_message, "\xe2\x82\xac");
    strbuf_addstr(&long_message, "\"}");
    answer = judge(400, "X", long_message.data, NULL);
    strbuf_free(&long_message);
    assert_int_equal(strlen(answer.message), (UPSTREAM_MESSAGE_MAX - 1) / 3 * 3);
}

/* AWS answers a bad signature with the canonical request, session token and all. */
static void test_session_token_is_cut(void **state)
{
    char body[2000];
    struct upstream_answer answer =
        judge(403, "InvalidSignatureException",
              "{\"message\":\"it should have been 'x-amz-security-token:SECRET+/token' or so\"}",
              "SECRET+/token");

    (void)state;
    assert_string_equal(answer.message, "it should have been 'x-amz-security-token:***");
    for (int i = UPSTREAM_MESSAGE_MAX - 12; i < UPSTREAM_MESSAGE_MAX + 2; i++) {
        snprintf(body, sizeof(body), "{\"message\":\"%0*dSECRET\"}", i, 0);
        answer = judge(403, "InvalidSignatureException", body, "SECRET");
        assert_null(strchr(answer.message, 'S'));
    }
}

static void test_clock_is_blamed(void **state)
{
    static const struct {
        const char *type, *message;
        int status;
        bool blames;
    } cases[] = {
        {"RequestTimeTooSkewed", "", 403, true},
        {"RequestExpired", "", 400, true},
        {"InvalidSignatureException", "Signature expired: 20150830T1 is now earlier", 403, true},
        {"SignatureDoesNotMatch", "Signature not yet current: 20150830T1 is still later", 403,
         true},
        {"InvalidSignatureException", "The request signature we calculated", 403, false},
        {"ValidationException", "Signature expired", 400, false},
        {"RequestTimeTooSkewed", "", 500, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char body[256];
        snprintf(body, sizeof(body), "{\"Message\":\"%s\"}", cases[i].message);
        const struct upstream_answer answer = judge(cases[i].status, cases[i].type, body, NULL);
        assert_int_equal(aws_answer_blames_clock(&answer), cases[i].blames);
    }
}

static struct upstream_answer read_head(const char *name, const char *value)
{
    struct upstream_answer answer = {0};
    char body[] = "";
    const struct http_response response = respond(500, name, value, body);

    aws_answer_read_head(&response, &answer);
    return answer;
}

static void test_head(void **state)
{
    (void)state;
    assert_string_equal(read_head("x-amzn-requestid", "id-1").request_id, "id-1");
    assert_int_equal(read_head("retry-after", "7").retry_after_ms, 7000);
    assert_int_equal(read_head("x-amz-retry-after", "250").retry_after_ms, 250);
    assert_int_equal(read_head("retry-after", "-1").retry_after_ms, 0);
    assert_int_equal(read_head("retry-after", "1.5").retry_after_ms, 0);
    assert_int_equal(read_head("retry-after", "99999999999999999999999").retry_after_ms, 86400000);
    assert_int_equal(read_head("date", "Sun, 30 Aug 2015 12:36:00 GMT").date_wall_ms,
                     INT64_C(1440938160000));
    assert_int_equal(read_head("date", "Sun, 30 Aug 2015 12:36:00 GMT+1").date_wall_ms, 0);
    assert_int_equal(read_head("date", "2015-08-30T12:36:00Z").date_wall_ms, 0);
}

/* Against strftime, over a leap year and two that are none, month by month. */
static void test_dates(void **state)
{
    static const char *const wrong[] = {
        "",
        "Sun, 30 Aug 2015 12:36:00",
        "Sun, 30 Aug 2015 12:36:00 UTC",
        " Sun, 30 Aug 2015 12:36:00 GMT",
        "Son, 30 Aug 2015 12:36:00 GMT",
        "Sun; 30 Aug 2015 12:36:00 GMT",
        "Sun, 30 Okt 2015 12:36:00 GMT",
        "Sun, 3O Aug 2015 12:36:00 GMT",
        "Sun, -1 Aug 2015 12:36:00 GMT",
        "Sun, 00 Aug 2015 12:36:00 GMT",
        "Sun, 29 Feb 2015 12:36:00 GMT",
        "Sun, 30 Aug 1969 12:36:00 GMT",
        "Sun, 30 Aug 2015 24:36:00 GMT",
        "Sun, 30 Aug 2015 12:60:00 GMT",
        "Sun, 30 Aug 2015 12:36:61 GMT",
    };

    (void)state;
    for (int64_t second = 1388534400; second < 1388534400 + INT64_C(4) * 366 * 86400;
         second += 13 * 86400 + 40271) {
        const time_t time = (time_t)second;
        struct tm parts;
        char text[40];

        gmtime_r(&time, &parts);
        assert_int_equal(strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts), 29);
        assert_int_equal(aws_answer_parse_date(text), second * 1000);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (aws_answer_parse_date(wrong[i]) != 0)
            fail_msg("\"%s\" is no date", wrong[i]);
}

static struct upstream_answer decode_status(const char *text)
{
    struct upstream_answer answer = {.http_status = 202};
    char body[8192];

    snprintf(body, sizeof(body), "%s", text);
    const struct http_response response = respond(202, NULL, NULL, body);
    aws_answer_decode_status(&response, &answer);
    return answer;
}

static void test_good_status(void **state)
{
    (void)state;
    assert_int_equal(decode_status("{\"Status\":\"STARTING_HOSTING\"}").fate, UPSTREAM_ACCEPTED);
    assert_int_equal(decode_status("{\"Status\":\"STARTING_HOSTING\"}").status,
                     MODEL_STARTING_HOSTING);
    assert_int_equal(decode_status("{\"Status\":\"NEW\",\"More\":{}}").fate, UPSTREAM_ACCEPTED);
    assert_int_equal(decode_status("{\"Status\":\"NEW\"}").status, MODEL_STATUS_UNKNOWN);
}

static void test_bad_status_is_doubt(void **state)
{
    static const char *const bad[] = {"",
                                      "{}",
                                      "{\"Status\":\"STARTING_HOS",
                                      "{\"Status\":null}",
                                      "{\"Status\":7}",
                                      "{\"Status\":\"\"}",
                                      "{\"status\":\"HOSTED\"}",
                                      "[{\"Status\":\"HOSTED\"}]",
                                      "\"HOSTED\"",
                                      "<html></html>",
                                      "{\"Status\":\"HOSTED\"} x",
                                      "{\"Status\":\"HOSTED\",\"Status\":\"TRAINED\"}"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct upstream_answer answer = decode_status(bad[i]);
        assert_int_equal(answer.fate, UPSTREAM_DOUBT);
        assert_non_null(strstr(answer.message, "202"));
    }
}

static struct upstream_answer decode_description(const char *text, const char *asked,
                                                 struct upstream_description *description)
{
    struct upstream_answer answer = {.http_status = 200, .fate = UPSTREAM_DOUBT};
    char body[8192];

    snprintf(body, sizeof(body), "%s", text);
    const struct http_response response = respond(200, NULL, NULL, body);
    aws_answer_decode_description(&response, asked, &answer, description);
    return answer;
}

static void test_good_description(void **state)
{
    struct upstream_description d;
    struct upstream_answer answer = decode_description(
        "{\"ModelDescription\":{\"ModelVersion\":\"3\",\"ModelArn\":"
        "\"arn:aws:lookoutvision:eu-central-1:123456789012:model/p/3\",\"CreationTimestamp\":"
        "1.6e9,\"Status\":\"HOSTED\",\"StatusMessage\":\"fine\",\"Performance\":{\"F1Score\":0.9},"
        "\"OutputConfig\":{\"S3Location\":{\"Bucket\":\"b\"}},\"KmsKeyId\":null,"
        "\"MinInferenceUnits\":1,\"MaxInferenceUnits\":5}}",
        "latest", &d);

    (void)state;
    assert_int_equal(answer.fate, UPSTREAM_ACCEPTED);
    assert_int_equal(answer.status, MODEL_HOSTED);
    assert_string_equal(d.version, "3");
    assert_string_equal(d.account, "123456789012");
    assert_string_equal(d.arn, "arn:aws:lookoutvision:eu-central-1:123456789012:model/p/3");
    assert_string_equal(d.status_message, "fine");
    assert_int_equal(d.min_inference_units, 1);
    assert_int_equal(d.max_inference_units, 5);

    answer =
        decode_description("{\"ModelDescription\":{\"Status\":\"TRAINED\",\"ModelArn\":\"x:y\","
                           "\"StatusMessage\":null}}",
                           "12", &d);
    assert_int_equal(answer.fate, UPSTREAM_ACCEPTED);
    assert_string_equal(d.version, "12");
    assert_string_equal(d.account, "");
    assert_int_equal(d.max_inference_units, 0);
}

static void test_bad_description_is_doubt(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"ModelDescription\":null}",
        "{\"ModelDescription\":[]}",
        "{\"ModelDescription\":{}}",
        "{\"ModelDescription\":{\"Status\":1}}",
        "{\"ModelDescription\":{\"Status\":\"HOSTED\",\"ModelVersion\":3}}",
        "{\"ModelDescription\":{\"Status\":\"HOSTED\",\"ModelVersion\":\"4\"}}",
        "{\"ModelDescription\":{\"Status\":\"HOSTED\",\"ModelVersion\":\"03\"}}",
        "{\"ModelDescription\":{\"Status\":\"HOSTED\",\"ModelVersion\":\"12345678901\"}}",
        "{\"ModelDescription\":{\"Status\":\"HOSTED\",\"MinInferenceUnits\":\"1\"}}",
        "{\"ModelDescription\":{\"Status\":\"HOSTED\",\"MaxInferenceUnits\":-1}}",
        "{\"ModelDescription\":{\"Status\":\"HOSTED\",\"ModelArn\":{}}}",
        "{\"ModelDescription\":{\"Status\":\"HOSTED\",\"ModelVersion\":\"3\"}"};
    struct upstream_description d;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(decode_description(bad[i], "3", &d).fate, UPSTREAM_DOUBT);
        assert_string_equal(d.version, "");
    }
    /* "latest" must be resolved to a number before anything is counted */
    assert_int_equal(
        decode_description("{\"ModelDescription\":{\"Status\":\"HOSTED\"}}", "latest", &d).fate,
        UPSTREAM_DOUBT);
    assert_int_equal(decode_description("{\"ModelDescription\":{\"Status\":\"HOSTED\","
                                        "\"ModelVersion\":\"latest\"}}",
                                        "latest", &d)
                         .fate,
                     UPSTREAM_DOUBT);
}

static struct upstream_answer decode_page(const char *text, enum aws_list list, const char *asked,
                                          struct upstream_page *page)
{
    struct upstream_answer answer = {.http_status = 200, .fate = UPSTREAM_DOUBT};
    const struct upstream_call call = {.page_token = asked};
    char body[64 * 1024];

    assert_true(strlen(text) < sizeof(body));
    snprintf(body, sizeof(body), "%s", text);
    const struct http_response response = respond(200, NULL, NULL, body);
    aws_answer_decode_page(&response, list, &call, &answer, page);
    return answer;
}

/* A page of `count` models; the caller frees it. */
static char *models_page(unsigned count)
{
    struct strbuf text;

    strbuf_init(&text, 64 * 1024);
    strbuf_addstr(&text, "{\"Models\":[");
    for (unsigned i = 1; i <= count; i++)
        strbuf_addf(&text, "%s{\"ModelVersion\":\"%u\",\"Status\":\"%s\"}", i > 1 ? "," : "", i,
                    i % 2 ? "HOSTED" : "TRAINED");
    strbuf_addstr(&text, "]}");
    char *copy = strdup(text.data);
    strbuf_free(&text);
    return copy;
}

static void test_good_pages(void **state)
{
    struct upstream_page page;
    char *full = models_page(UPSTREAM_PAGE_MAX);

    (void)state;
    assert_int_equal(decode_page(full, AWS_LIST_MODELS, NULL, &page).fate, UPSTREAM_ACCEPTED);
    assert_int_equal(page.count, UPSTREAM_PAGE_MAX);
    assert_string_equal(page.entries[99].name, "100");
    assert_int_equal(page.entries[99].status, MODEL_TRAINED);
    assert_int_equal(page.entries[98].status, MODEL_HOSTED);
    free(full);

    assert_int_equal(
        decode_page("{\"Models\":[{\"ModelVersion\":\"9999999999\",\"Status\":\"A_NEW_WORD\","
                    "\"ModelArn\":\"arn:aws:lookoutvision:eu-central-1:123456789012:model/p/9\","
                    "\"Performance\":{\"F1Score\":0.9},\"Description\":null},"
                    "{\"ModelVersion\":\"2\",\"Status\":\"TRAINED\"}],\"NextToken\":\"b\"}",
                    AWS_LIST_MODELS, "a", &page)
            .fate,
        UPSTREAM_ACCEPTED);
    assert_int_equal(page.entries[0].status, MODEL_STATUS_UNKNOWN);
    assert_string_equal(page.account, "123456789012");
    assert_string_equal(page.next_token, "b");

    assert_int_equal(
        decode_page("{\"Projects\":[],\"NextToken\":null}", AWS_LIST_PROJECTS, "a", &page).fate,
        UPSTREAM_ACCEPTED);
    assert_int_equal(page.count, 0);
    assert_string_equal(page.next_token, "");
}

#define MODEL(members)   "{\"Models\":[{" members "}]}"
#define PROJECT(members) "{\"Projects\":[{" members "}]}"
#define ARN(account)     "\"arn:aws:lookoutvision:eu-central-1:" account ":project/p\""

static void test_bad_pages_are_doubt(void **state)
{
    static const struct {
        enum aws_list list;
        const char *body;
    } bad[] = {
        {AWS_LIST_PROJECTS, ""},
        {AWS_LIST_PROJECTS, "{}"},
        {AWS_LIST_PROJECTS, "[]"},
        {AWS_LIST_PROJECTS, "{\"Models\":[]}"},
        {AWS_LIST_PROJECTS, "{\"Projects\":{}}"},
        {AWS_LIST_PROJECTS, "{\"Projects\":[7]}"},
        {AWS_LIST_PROJECTS, PROJECT("")},
        {AWS_LIST_PROJECTS, PROJECT("\"ProjectName\":\"\"")},
        {AWS_LIST_PROJECTS, PROJECT("\"ProjectName\":7")},
        {AWS_LIST_PROJECTS, PROJECT("\"ProjectName\":\"a/b\"")},
        {AWS_LIST_PROJECTS, PROJECT("\"ProjectName\":\"..\"")},
        {AWS_LIST_PROJECTS, PROJECT("\"ProjectName\":\"-a\"")},
        {AWS_LIST_PROJECTS, PROJECT("\"ProjectName\":\"caf\xc3\xa9\"")},
        {AWS_LIST_PROJECTS,
         "{\"Projects\":[{\"ProjectName\":\"p\",\"ProjectArn\":" ARN(
             "123456789012") "},{\"ProjectName\":\"q\",\"ProjectArn\":" ARN("123456789013") "}]}"},
        {AWS_LIST_PROJECTS, "{\"Projects\":[],\"NextToken\":7}"},
        {AWS_LIST_PROJECTS, "{\"Projects\":[],\"NextToken\":\"a&b\"}"},
        {AWS_LIST_PROJECTS, "{\"Projects\":[],\"NextToken\":\"asked\"}"},
        {AWS_LIST_MODELS, "{\"Projects\":[]}"},
        {AWS_LIST_MODELS, MODEL("\"Status\":\"HOSTED\"")},
        {AWS_LIST_MODELS, MODEL("\"ModelVersion\":\"1\"")},
        {AWS_LIST_MODELS, MODEL("\"ModelVersion\":\"1\",\"Status\":null")},
        {AWS_LIST_MODELS, MODEL("\"ModelVersion\":1,\"Status\":\"HOSTED\"")},
        {AWS_LIST_MODELS, MODEL("\"ModelVersion\":\"01\",\"Status\":\"HOSTED\"")},
        {AWS_LIST_MODELS, MODEL("\"ModelVersion\":\"latest\",\"Status\":\"HOSTED\"")},
        {AWS_LIST_MODELS, MODEL("\"ModelVersion\":\"12345678901\",\"Status\":\"HOSTED\"")},
        {AWS_LIST_MODELS, MODEL("\"ModelVersion\":\"1\",\"Status\":\"HOSTED\",\"ModelArn\":7")},
    };
    struct upstream_page page;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        memset(&page, 0x55, sizeof(page));
        if (decode_page(bad[i].body, bad[i].list, "asked", &page).fate != UPSTREAM_DOUBT)
            fail_msg("row %zu was believed: %s", i, bad[i].body);
        assert_int_equal(page.count, 0);
        assert_string_equal(page.account, "");
        assert_string_equal(page.next_token, "");
    }
    char *over = models_page(UPSTREAM_PAGE_MAX + 1);
    assert_int_equal(decode_page(over, AWS_LIST_MODELS, NULL, &page).fate, UPSTREAM_DOUBT);
    free(over);
}

/* However much of a page arrives: only the whole one is believed. */
static void test_cut_pages_are_doubt(void **state)
{
    struct upstream_page page;
    char *whole = models_page(3);
    const size_t len = strlen(whole);

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        char kept = whole[cut];
        whole[cut] = '\0';
        assert_int_equal(decode_page(whole, AWS_LIST_MODELS, NULL, &page).fate, UPSTREAM_DOUBT);
        assert_int_equal(page.count, 0);
        whole[cut] = kept;
    }
    assert_int_equal(decode_page(whole, AWS_LIST_MODELS, NULL, &page).fate, UPSTREAM_ACCEPTED);
    free(whole);
}

static void test_status_words(void **state)
{
    (void)state;
    for (int i = MODEL_STATUS_UNKNOWN; i <= MODEL_DELETING; i++)
        assert_int_equal(model_status_parse(model_status_name((enum model_status)i)), i);
    assert_int_equal(model_status_parse("hosted"), MODEL_STATUS_UNKNOWN);
    assert_true(model_status_is_running(MODEL_STATUS_UNKNOWN));
    assert_true(model_status_is_running(MODEL_SYSTEM_UPDATING));
    assert_true(model_status_is_running(MODEL_STARTING_HOSTING));
    assert_true(model_status_is_running(MODEL_HOSTED));
    assert_true(model_status_is_running(MODEL_STOPPING_HOSTING));
    assert_false(model_status_is_running(MODEL_TRAINED));
    assert_false(model_status_is_running(MODEL_HOSTING_FAILED));
}

static void test_endpoints(void **state)
{
    static const struct {
        const char *url, *origin, *host, *prefix;
    } good[] = {
        {"https://lookoutvision.eu-central-1.amazonaws.com",
         "https://lookoutvision.eu-central-1.amazonaws.com",
         "lookoutvision.eu-central-1.amazonaws.com", ""},
        {"http://127.0.0.1:4567/", "http://127.0.0.1:4567", "127.0.0.1:4567", ""},
        {"https://Host.Example:443/a/b%20c//", "https://Host.Example:443", "host.example",
         "/a/b%20c"},
        {"http://h:443", "http://h:443", "h:443", ""},
        {"http://h:80", "http://h:80", "h", ""},
        {"http://[::1]:8080/x", "http://[::1]:8080", "[::1]:8080", "/x"},
    };
    static const char *const bad[] = {"",           "host",        "ftp://h",     "http://",
                                      "http:///p",  "http://h:",   "http://h:0",  "http://h:65536",
                                      "http://h:x", "http://u@h",  "http://h?q",  "http://h/#f",
                                      "http://h/ ", "http://h/\n", "http://[::1", "http://[]",
                                      "http://h\\", "http://h:1:2"};
    static char too_long[AWS_ENDPOINT_MAX + 2];
    struct aws_endpoint endpoint;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(aws_endpoint_parse(good[i].url, &endpoint, NULL), 0);
        assert_string_equal(endpoint.origin, good[i].origin);
        assert_string_equal(endpoint.host, good[i].host);
        assert_string_equal(endpoint.prefix, good[i].prefix);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        if (aws_endpoint_parse(bad[i], &endpoint, NULL) != ERROR_INVALID)
            fail_msg("\"%s\" was taken", bad[i]);
    memset(too_long, 'h', sizeof(too_long) - 1);
    memcpy(too_long, "http://", 7);
    assert_int_equal(aws_endpoint_parse(too_long, &endpoint, NULL), ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classification),
        cmocka_unit_test(test_deep_body_is_not_parsed),
        cmocka_unit_test(test_error_members),
        cmocka_unit_test(test_session_token_is_cut),
        cmocka_unit_test(test_clock_is_blamed),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_good_status),
        cmocka_unit_test(test_bad_status_is_doubt),
        cmocka_unit_test(test_good_description),
        cmocka_unit_test(test_bad_description_is_doubt),
        cmocka_unit_test(test_good_pages),
        cmocka_unit_test(test_bad_pages_are_doubt),
        cmocka_unit_test(test_cut_pages_are_doubt),
        cmocka_unit_test(test_status_words),
        cmocka_unit_test(test_endpoints),
    };
    return cmocka_run_group_tests_name("aws_answer", tests, NULL, NULL);
}
