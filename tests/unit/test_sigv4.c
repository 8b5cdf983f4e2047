/* sigv4: the examples of AWS's documentation, the bounds, and the kept key. */
#include "gateway/aws/sigv4.h"

#include "gateway/base/crypto.h"
#include "tests/unit/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define IAM_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define S3_SECRET  "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct sigv4_scope iam_scope = {
    .region = "us-east-1", .service = "iam", .date = "20150830T123600Z"};
static const struct sigv4_scope s3_scope = {
    .region = "us-east-1", .service = "s3", .date = "20130524T000000Z"};

static const struct sigv4_header iam_headers[] = {
    {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
    {"Host", "iam.amazonaws.com"},
    {"X-Amz-Date", "20150830T123600Z"},
};
static const struct sigv4_request iam_request = {.method = "GET",
                                                 .path = "/",
                                                 .query = "Action=ListUsers&Version=2010-05-08",
                                                 .headers = iam_headers,
                                                 .header_count = 3,
                                                 .normalize_path = true};

struct buffers {
    struct strbuf canonical, names, to_sign, authorization;
};

static int setup(void **state)
{
    static struct buffers buffers;

    strbuf_init_secret(&buffers.canonical, 2 * SIGV4_MAX_CANONICAL);
    strbuf_init(&buffers.names, SIGV4_MAX_CANONICAL);
    strbuf_init(&buffers.to_sign, 4096);
    strbuf_init(&buffers.authorization, 4096);
    *state = &buffers;
    return 0;
}

static int teardown(void **state)
{
    struct buffers *b = *state;

    strbuf_free(&b->canonical);
    strbuf_free(&b->names);
    strbuf_free(&b->to_sign);
    strbuf_free(&b->authorization);
    return 0;
}

static void assert_canonical(struct buffers *b, const struct sigv4_request *request,
                             const char *expected)
{
    struct error err = {0};

    strbuf_clear(&b->canonical);
    strbuf_clear(&b->names);
    assert_int_equal(sigv4_canonical_request(request, &b->canonical, &b->names, &err), 0);
    assert_string_equal(b->canonical.data, expected);
}

static void assert_path(struct buffers *b, const char *path, bool normalize, const char *expected)
{
    const struct sigv4_request request = {
        .method = "GET", .path = path, .payload_hash = "h", .normalize_path = normalize};
    char whole[512];

    snprintf(whole, sizeof(whole), "GET\n%s\n\n\n\nh", expected);
    assert_canonical(b, &request, whole);
}

static void assert_query(struct buffers *b, const char *query, const char *expected)
{
    const struct sigv4_request request = {
        .method = "GET", .path = "/", .query = query, .payload_hash = "h", .normalize_path = true};
    char whole[512];

    snprintf(whole, sizeof(whole), "GET\n/\n%s\n\n\nh", expected);
    assert_canonical(b, &request, whole);
}

/* IAM User Guide, "Create a signed AWS API request": all intermediate values of ListUsers. */
static void test_iam_list_users(void **state)
{
    struct buffers *b = *state;
    unsigned char key[SIGV4_KEY_LEN];
    char hex[2 * SIGV4_KEY_LEN + 1];
    char signature[SIGV4_SIGNATURE_SIZE];

    assert_canonical(b, &iam_request,
                     "GET\n"
                     "/\n"
                     "Action=ListUsers&Version=2010-05-08\n"
                     "content-type:application/x-www-form-urlencoded; charset=utf-8\n"
                     "host:iam.amazonaws.com\n"
                     "x-amz-date:20150830T123600Z\n"
                     "\n"
                     "content-type;host;x-amz-date\n" EMPTY_HASH);
    assert_string_equal(b->names.data, "content-type;host;x-amz-date");
    assert_int_equal(
        sigv4_string_to_sign(&iam_scope, b->canonical.data, b->canonical.len, &b->to_sign, NULL),
        0);
    assert_string_equal(b->to_sign.data,
                        "AWS4-HMAC-SHA256\n"
                        "20150830T123600Z\n"
                        "20150830/us-east-1/iam/aws4_request\n"
                        "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
    assert_int_equal(sigv4_signing_key(IAM_SECRET, &iam_scope, key, NULL), 0);
    crypto_hex(key, sizeof(key), hex);
    assert_string_equal(hex, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    assert_int_equal(sigv4_signature(key, b->to_sign.data, b->to_sign.len, signature, NULL), 0);
    assert_string_equal(signature,
                        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    assert_int_equal(sigv4_sign(&iam_request, &iam_scope, "AKIDEXAMPLE", IAM_SECRET, NULL,
                                &b->authorization, NULL),
                     0);
    assert_string_equal(
        b->authorization.data,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

/* AWS General Reference, "Examples of how to derive a signing key". */
static void test_signing_key_example(void **state)
{
    const struct sigv4_scope scope = {
        .region = "us-east-1", .service = "iam", .date = "20120215T000000Z"};
    unsigned char key[SIGV4_KEY_LEN];
    char hex[2 * SIGV4_KEY_LEN + 1];

    (void)state;
    assert_int_equal(sigv4_signing_key(IAM_SECRET, &scope, key, NULL), 0);
    crypto_hex(key, sizeof(key), hex);
    assert_string_equal(hex, "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d");
}

/* Amazon S3 API Reference, "Signature Calculations for the Authorization Header": the four examples
 * that carry the payload in one piece. */
struct s3_example {
    struct sigv4_request request;
    struct sigv4_header headers[6];
    const char *canonical_hash, *signature;
};

static const struct s3_example s3_examples[] = {
    {.request = {.method = "GET", .path = "/test.txt", .header_count = 4},
     .headers = {{"Host", "examplebucket.s3.amazonaws.com"},
                 {"Range", "bytes=0-9"},
                 {"x-amz-content-sha256", EMPTY_HASH},
                 {"x-amz-date", "20130524T000000Z"}},
     .canonical_hash = "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
     .signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {.request = {.method = "PUT",
                 .path = "/test%24file.text",
                 .header_count = 5,
                 .body = "Welcome to Amazon S3.",
                 .body_len = 21},
     .headers = {{"Host", "examplebucket.s3.amazonaws.com"},
                 {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                 {"x-amz-date", "20130524T000000Z"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                 {"x-amz-content-sha256",
                  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}},
     .canonical_hash = "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
     .signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {.request = {.method = "GET", .path = "/", .query = "lifecycle", .header_count = 3},
     .headers = {{"Host", "examplebucket.s3.amazonaws.com"},
                 {"x-amz-content-sha256", EMPTY_HASH},
                 {"x-amz-date", "20130524T000000Z"}},
     .canonical_hash = "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
     .signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {.request = {.method = "GET", .path = "/", .query = "prefix=J&max-keys=2", .header_count = 3},
     .headers = {{"Host", "examplebucket.s3.amazonaws.com"},
                 {"x-amz-content-sha256", EMPTY_HASH},
                 {"x-amz-date", "20130524T000000Z"}},
     .canonical_hash = "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
     .signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void test_s3_examples(void **state)
{
    struct buffers *b = *state;

    for (size_t i = 0; i < sizeof(s3_examples) / sizeof(s3_examples[0]); i++) {
        struct sigv4_request request = s3_examples[i].request;
        unsigned char digest[CRYPTO_SHA256_LEN];
        char hex[CRYPTO_SHA256_HEX_LEN + 1];

        request.headers = s3_examples[i].headers;
        strbuf_clear(&b->canonical);
        strbuf_clear(&b->names);
        strbuf_clear(&b->authorization);
        assert_int_equal(sigv4_canonical_request(&request, &b->canonical, &b->names, NULL), 0);
        assert_int_equal(crypto_sha256(b->canonical.data, b->canonical.len, digest), 0);
        crypto_hex(digest, sizeof(digest), hex);
        assert_string_equal(hex, s3_examples[i].canonical_hash);
        assert_int_equal(sigv4_sign(&request, &s3_scope, "AKIAIOSFODNN7EXAMPLE", S3_SECRET, NULL,
                                    &b->authorization, NULL),
                         0);
        assert_non_null(strstr(b->authorization.data, s3_examples[i].signature));
    }
}

static void test_paths(void **state)
{
    struct buffers *b = *state;

    assert_path(b, "", true, "/");
    assert_path(b, "/a%2Fb", true, "/a%252Fb");
    assert_path(b, "//a///b//", true, "/a/b/");
    assert_path(b, "/a/./../../b/..", true, "/");
    assert_path(b, "/a/b/..", true, "/a");
    assert_path(b, "/.../..a", true, "/.../..a");
    assert_path(b, "//a/../%7e %2f", false, "//a/../~%20%2F");
    assert_path(b, "/100%/%4", false, "/100%25/%254");
}

static void test_queries(void **state)
{
    struct buffers *b = *state;

    assert_query(b, NULL, "");
    assert_query(b, "&&", "");
    assert_query(b, "b&a", "a=&b=");
    assert_query(b, "a=2&a=1&a", "a=&a=1&a=2");
    assert_query(b, "a=b+c%20d/%7e=", "a=b%2Bc%20d%2F~%3D");
    assert_query(b, "a=%zz%4&%=%", "%25=%25&a=%25zz%254");
    assert_query(b, "ab=1&a-b=1&a=1", "a=1&a-b=1&ab=1");
}

static void test_headers_fold(void **state)
{
    const struct sigv4_header headers[] = {
        {"X-B", " b \t c\r\n  d "}, {"x-a", "2"}, {"X-A-B", ""}, {"X-a", "1"}, {"x-A", ""}};
    const struct sigv4_request request = {.method = "POST",
                                          .path = "/",
                                          .headers = headers,
                                          .header_count = 5,
                                          .payload_hash = "UNSIGNED-PAYLOAD",
                                          .normalize_path = true};

    assert_canonical(*state, &request,
                     "POST\n/\n\nx-a:2,1,\nx-a-b:\nx-b:b c d\n\nx-a;x-a-b;x-b\nUNSIGNED-PAYLOAD");
}

static void assert_invalid(struct buffers *b, const struct sigv4_request *request, const char *why)
{
    struct error err = {0};

    strbuf_clear(&b->canonical);
    strbuf_clear(&b->names);
    assert_int_equal(sigv4_canonical_request(request, &b->canonical, &b->names, &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.message, why));
}

static void test_bounds(void **state)
{
    static char long_value[SIGV4_MAX_CANONICAL + 1];
    static char long_query[3 * (SIGV4_MAX_PARAMETERS + 1) + 1];
    struct sigv4_header headers[SIGV4_MAX_HEADERS + 1];
    struct sigv4_request request = {
        .method = "GET", .path = "/", .headers = headers, .normalize_path = true};

    for (size_t i = 0; i <= SIGV4_MAX_HEADERS; i++)
        headers[i] = (struct sigv4_header){"a", "b"};
    request.header_count = SIGV4_MAX_HEADERS;
    strbuf_clear(&((struct buffers *)*state)->canonical);
    assert_int_equal(sigv4_canonical_request(&request, &((struct buffers *)*state)->canonical,
                                             &((struct buffers *)*state)->names, NULL),
                     0);
    request.header_count = SIGV4_MAX_HEADERS + 1;
    assert_invalid(*state, &request, "65 headers");

    request.header_count = 1;
    headers[0].name = "a:b";
    assert_invalid(*state, &request, "token");
    headers[0].name = "";
    assert_invalid(*state, &request, "token");
    headers[0].name = "a";
    memset(long_value, 'v', sizeof(long_value) - 1);
    headers[0].value = long_value;
    assert_invalid(*state, &request, "over 262144 bytes");

    request.header_count = 0;
    for (size_t i = 0; i < SIGV4_MAX_PARAMETERS + 1; i++)
        memcpy(long_query + 3 * i, "a=&", 3);
    request.query = long_query;
    assert_invalid(*state, &request, "parameters");
    request.query = long_value;
    assert_invalid(*state, &request, "query");
    request.query = NULL;
    request.path = "relative";
    assert_invalid(*state, &request, "'/'");
}

static void test_scope_is_checked(void **state)
{
    struct buffers *b = *state;
    unsigned char key[SIGV4_KEY_LEN];
    struct sigv4_scope scope = iam_scope;

    scope.date[8] = '\0';
    assert_int_equal(sigv4_string_to_sign(&scope, "c", 1, &b->to_sign, NULL), ERROR_INVALID);
    scope = iam_scope;
    scope.region = "";
    assert_int_equal(sigv4_signing_key(IAM_SECRET, &scope, key, NULL), ERROR_INVALID);
    assert_int_equal(sigv4_signing_key("", &iam_scope, key, NULL), ERROR_INVALID);
}

static void test_dates(void **state)
{
    char date[SIGV4_DATE_SIZE];

    (void)state;
    sigv4_format_date(INT64_C(1440938160999), date);
    assert_string_equal(date, "20150830T123600Z");
    sigv4_format_date(-1, date);
    assert_string_equal(date, "19700101T000000Z");
    sigv4_format_date(INT64_MAX, date);
    assert_string_equal(date, "99991231T235959Z");
}

/* Each change of what a key is made from must be seen, in any order, also a secret that is the
 * beginning of another. */
static void test_cache_finds_only_its_own_key(void **state)
{
    static const struct {
        const char *secret, *region, *service, *date;
    } rows[] = {
        {"secret", "us-east-1", "iam", "20150830T123600Z"},
        {"secret", "us-east-1", "iam", "20150831T123600Z"},
        {"secret", "us-east-2", "iam", "20150831T123600Z"},
        {"secret", "us-east-2", "sts", "20150831T123600Z"},
        {"secre", "us-east-2", "sts", "20150831T123600Z"},
        {"secrets", "us-east-2", "sts", "20150831T123600Z"},
        {"Secrets", "us-east-2", "sts", "20150831T123600Z"},
    };
    struct buffers *b = *state;
    struct sigv4_key_cache *cache = NULL;

    assert_int_equal(sigv4_key_cache_create(&cache, NULL), 0);
    for (size_t i = 0; i < 3 * sizeof(rows) / sizeof(rows[0]); i++) {
        const size_t row = i / 3 % (sizeof(rows) / sizeof(rows[0]));
        struct sigv4_scope scope = {.region = rows[row].region, .service = rows[row].service};
        struct strbuf plain;

        memcpy(scope.date, rows[row].date, SIGV4_DATE_SIZE);
        strbuf_init(&plain, 4096);
        strbuf_clear(&b->authorization);
        assert_int_equal(
            sigv4_sign(&iam_request, &scope, "AKID", rows[row].secret, NULL, &plain, NULL), 0);
        assert_int_equal(sigv4_sign(&iam_request, &scope, "AKID", rows[row].secret, cache,
                                    &b->authorization, NULL),
                         0);
        assert_string_equal(b->authorization.data, plain.data);
        strbuf_free(&plain);
    }
    sigv4_key_cache_free(&cache);
    assert_null(cache);
    sigv4_key_cache_free(&cache);
}

struct signer {
    struct sigv4_key_cache *cache;
    const char *secret;
    char expected[512];
    bool failed;
};

static void *sign_many(void *data)
{
    struct signer *signer = data;
    struct strbuf out;

    strbuf_init(&out, 4096);
    for (int i = 0; i < 200; i++) {
        strbuf_clear(&out);
        if (sigv4_sign(&iam_request, &iam_scope, "AKID", signer->secret, signer->cache, &out,
                       NULL) != 0 ||
            strcmp(out.data, signer->expected) != 0)
            signer->failed = true;
    }
    strbuf_free(&out);
    return NULL;
}

/* Threads that sign with different secrets replace each other's key all the time. */
static void test_cache_from_threads(void **state)
{
    static const char *const secrets[] = {"one", "two", "three", "four"};
    struct sigv4_key_cache *cache = NULL;
    struct signer signers[4];
    pthread_t threads[4];
    struct buffers *b = *state;

    assert_int_equal(sigv4_key_cache_create(&cache, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        signers[i] = (struct signer){.cache = cache, .secret = secrets[i]};
        strbuf_clear(&b->authorization);
        assert_int_equal(
            sigv4_sign(&iam_request, &iam_scope, "AKID", secrets[i], NULL, &b->authorization, NULL),
            0);
        snprintf(signers[i].expected, sizeof(signers[i].expected), "%s", b->authorization.data);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &signers[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(signers[i].failed);
    }
    sigv4_key_cache_free(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_iam_list_users, setup, teardown),
        cmocka_unit_test(test_signing_key_example),
        cmocka_unit_test_setup_teardown(test_s3_examples, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers_fold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scope_is_checked, setup, teardown),
        cmocka_unit_test(test_dates),
        cmocka_unit_test_setup_teardown(test_cache_finds_only_its_own_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache_from_threads, setup, teardown),
    };
    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
