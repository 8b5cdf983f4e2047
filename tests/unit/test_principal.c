/* principal: the whole way of a token, its claims, several issuers, the cache, and hostile tokens.
 */
#include "gateway/auth/claims.h"
#include "gateway/auth/principal.h"
#include "gateway/auth/token_cache.h"
#include "tests/unit/jwt_fixture.h"

#include "tests/unit/cmocka_all.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ISSUER "https://issuer.example"
#define AUD    "lookout"
#define BASE   "\"iss\":\"" ISSUER "\",\"aud\":\"" AUD "\",\"exp\":1800000600"
#define WHO    ",\"sub\":\"ada\",\"team\":\"assembly-line\",\"scope\":\"models:start models:read\""

static const char *const audiences[] = {AUD, "second"};
static const struct issuer_settings plain_settings = {
    .issuer = ISSUER,
    .audiences = audiences,
    .audience_count = 2,
    .leeway_seconds = 30,
};

static struct jwks *set_of(struct jwk *key)
{
    struct jwks *set = NULL;

    assert_int_equal(jwks_create(&set, NULL), 0);
    assert_int_equal(jwks_add(set, key, NULL), 0);
    return set;
}

static struct authority *authority_of(const struct jwt_keys *keys,
                                      const struct issuer_settings *settings,
                                      enum jws_algorithm algorithm)
{
    struct authority *authority = NULL;

    assert_int_equal(authority_create(&authority, NULL), 0);
    assert_int_equal(authority_add_issuer(authority, settings,
                                          set_of(jwt_verifier(keys, algorithm, "one")), NULL),
                     0);
    return authority;
}

static enum jws_reason authenticate(const struct authority *authority, const char *token,
                                    struct principal *out, struct error *err)
{
    const struct clock clock = FIXTURE_CLOCK;

    return authority_authenticate(authority, NULL, &clock, token, strlen(token), out, err);
}

static enum jws_reason run_claims(const struct jwt_keys *keys,
                                  const struct issuer_settings *settings, const char *claims,
                                  struct principal *out, struct error *err)
{
    struct authority *authority = authority_of(keys, settings, JWS_HS256);
    char *token = jwt_sign_claims(keys, JWS_HS256, "one", claims);
    enum jws_reason reason = authenticate(authority, token, out, err);

    free(token);
    authority_unref(&authority);
    assert_null(authority);
    return reason;
}

/* --- one issuer ---------------------------------------------------------------------------- */

static void test_every_algorithm_authenticates(void **state)
{
    const struct jwt_keys *keys = *state;

    for (int i = 0; i < FIXTURE_ALGORITHM_COUNT; i++) {
        struct authority *authority = authority_of(keys, &plain_settings, (enum jws_algorithm)i);
        char *token = jwt_sign_claims(keys, (enum jws_algorithm)i, "one", "{" BASE WHO "}");
        char *without_kid = NULL;
        struct principal who;
        char header[64];

        assert_int_equal(authenticate(authority, token, &who, NULL), JWS_OK);
        assert_string_equal(who.subject, "ada");
        assert_string_equal(who.issuer, ISSUER);
        assert_int_equal(who.team_count, 1);
        assert_string_equal(who.teams[0], "assembly-line");
        assert_int_equal(who.scopes, SCOPE_MODELS_START | SCOPE_MODELS_READ);
        assert_int_equal(who.expires_wall_ms, INT64_C(1800000600000));
        free(token);
        /* without kid the only key of the issuer is meant; with another kid none is */
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}",
                 jws_algorithm_name((enum jws_algorithm)i));
        without_kid = jwt_sign(keys, (enum jws_algorithm)i, header, "{" BASE WHO "}");
        assert_int_equal(authenticate(authority, without_kid, &who, NULL), JWS_OK);
        free(without_kid);
        token = jwt_sign_claims(keys, (enum jws_algorithm)i, "two", "{" BASE WHO "}");
        assert_int_equal(authenticate(authority, token, &who, NULL), JWS_KEY_UNKNOWN);
        free(token);
        authority_unref(&authority);
    }
}

#define ISS ",\"iss\":\"" ISSUER "\""
#define A   "\"aud\":\"" AUD "\"" ISS WHO

static void test_claims(void **state)
{
    static const struct {
        const char *claims;
        enum jws_reason want;
    } cases[] = {
        {"{" BASE WHO "}", JWS_OK},
        {"{" BASE WHO ",\"jti\":[],\"unknown\":{}}", JWS_OK},
        /* iss */
        {"{\"aud\":\"lookout\",\"exp\":1800000600" WHO "}", JWS_ISSUER_UNKNOWN},
        {"{\"aud\":\"lookout\",\"exp\":1800000600,\"iss\":\"https://issuer.example/\"" WHO "}",
         JWS_ISSUER_UNKNOWN},
        {"{\"aud\":\"lookout\",\"exp\":1800000600,\"iss\":[\"" ISSUER "\"]" WHO "}",
         JWS_CLAIM_INVALID},
        /* aud */
        {"{\"exp\":1800000600" ISS WHO "}", JWS_AUDIENCE_REFUSED},
        {"{\"exp\":1800000600,\"aud\":\"Lookout\"" ISS WHO "}", JWS_AUDIENCE_REFUSED},
        {"{\"exp\":1800000600,\"aud\":[]" ISS WHO "}", JWS_AUDIENCE_REFUSED},
        {"{\"exp\":1800000600,\"aud\":[\"x\",\"y\"]" ISS WHO "}", JWS_AUDIENCE_REFUSED},
        {"{\"exp\":1800000600,\"aud\":[\"x\",\"second\"]" ISS WHO "}", JWS_OK},
        {"{\"exp\":1800000600,\"aud\":[\"lookout\",1]" ISS WHO "}", JWS_CLAIM_INVALID},
        {"{\"exp\":1800000600,\"aud\":{\"lookout\":1}" ISS WHO "}", JWS_CLAIM_INVALID},
        {"{\"exp\":1800000600,\"aud\":null" ISS WHO "}", JWS_CLAIM_INVALID},
        /* exp: now is 1800000000, leeway 30 */
        {"{" A "}", JWS_CLAIM_INVALID},
        {"{" A ",\"exp\":\"1800000600\"}", JWS_CLAIM_INVALID},
        {"{" A ",\"exp\":true}", JWS_CLAIM_INVALID},
        {"{" A ",\"exp\":null}", JWS_CLAIM_INVALID},
        {"{" A ",\"exp\":-1}", JWS_CLAIM_INVALID},
        {"{" A ",\"exp\":1800000600000}", JWS_CLAIM_INVALID},
        {"{" A ",\"exp\":9223372036854775807}", JWS_CLAIM_INVALID},
        {"{" A ",\"exp\":1e300}", JWS_CLAIM_INVALID},
        {"{" A ",\"exp\":253402300799}", JWS_OK},
        {"{" A ",\"exp\":18446744073709551616}", JWS_MALFORMED},
        {"{" A ",\"exp\":0}", JWS_EXPIRED},
        {"{" A ",\"exp\":1799999970}", JWS_EXPIRED},
        {"{" A ",\"exp\":1799999970.5}", JWS_OK},
        {"{" A ",\"exp\":1799999971}", JWS_OK},
        {"{" A ",\"exp\":1.8e9}", JWS_OK},
        /* nbf, iat */
        {"{" BASE WHO ",\"nbf\":1800000030,\"iat\":1800000030}", JWS_OK},
        {"{" BASE WHO ",\"nbf\":1800000031}", JWS_NOT_YET_VALID},
        {"{" BASE WHO ",\"nbf\":1800000030.5}", JWS_NOT_YET_VALID},
        {"{" BASE WHO ",\"iat\":1800000031}", JWS_NOT_YET_VALID},
        {"{" BASE WHO ",\"nbf\":\"0\"}", JWS_CLAIM_INVALID},
        {"{" BASE WHO ",\"iat\":\"0\"}", JWS_CLAIM_INVALID},
        {"{" BASE WHO ",\"iat\":-0.5}", JWS_CLAIM_INVALID},
        /* sub */
        {"{" BASE ",\"team\":\"t\"}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"team\":\"t\",\"sub\":7}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"team\":\"t\",\"sub\":\"\"}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"team\":\"t\",\"sub\":\"a\\nb\"}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"team\":\"t\",\"sub\":\"J\xC3\xBCrgen\"}", JWS_OK},
        /* team */
        {"{" BASE ",\"sub\":\"a\"}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"team\":[]}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"team\":\"\"}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"team\":7}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"team\":\"_unassigned\"}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"team\":[\"x\",null]}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"team\":\"t\\u001b[31m\"}", JWS_CLAIM_INVALID},
        /* an administrator needs none, but not nonsense either */
        {"{" BASE ",\"sub\":\"a\",\"scope\":\"gateway:admin\"}", JWS_OK},
        {"{" BASE ",\"sub\":\"a\",\"scope\":\"gateway:admin\",\"team\":7}", JWS_CLAIM_INVALID},
        /* scope */
        {"{" BASE ",\"sub\":\"a\",\"team\":\"t\",\"scope\":7}", JWS_CLAIM_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"team\":\"t\",\"scope\":[[]]}", JWS_CLAIM_INVALID},
    };
    const struct jwt_keys *keys = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct principal who;
        struct error err = {.message = ""};
        enum jws_reason reason = run_claims(keys, &plain_settings, cases[i].claims, &who, &err);

        if (reason != cases[i].want)
            fail_msg("%s: %s %s", cases[i].claims, jws_reason_name(reason), err.message);
        assert_int_equal(err.message[0] != '\0', reason != JWS_OK);
    }
}

static void test_scopes(void **state)
{
    static const struct {
        const char *scope;
        unsigned want;
    } cases[] = {
        {"\"\"", 0},
        {"\"models:start\"", SCOPE_MODELS_START},
        {"\"  models:stop   openid models:read \"", SCOPE_MODELS_STOP | SCOPE_MODELS_READ},
        {"\"models:star models:startx Models:start models:start,models:stop\"", 0},
        {"[\"models:detect\",\"gateway:admin models:stop\"]",
         SCOPE_MODELS_DETECT | SCOPE_GATEWAY_ADMIN | SCOPE_MODELS_STOP},
        {"[]", 0},
    };
    const struct jwt_keys *keys = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct principal who;
        char claims[512];

        snprintf(claims, sizeof(claims), "{" BASE ",\"sub\":\"a\",\"team\":\"t\",\"scope\":%s}",
                 cases[i].scope);
        assert_int_equal(run_claims(keys, &plain_settings, claims, &who, NULL), JWS_OK);
        assert_int_equal(who.scopes, cases[i].want);
    }
}

static void test_admin_implies_all_scopes(void **state)
{
    const struct principal admin = {.scopes = SCOPE_GATEWAY_ADMIN};
    const struct principal reader = {.scopes = SCOPE_MODELS_READ};

    (void)state;
    for (unsigned bit = 1; bit <= SCOPE_GATEWAY_ADMIN; bit <<= 1) {
        assert_non_null(scope_name((enum scope)bit));
        assert_true(principal_has_scope(&admin, (enum scope)bit));
        assert_int_equal(principal_has_scope(&reader, (enum scope)bit), bit == SCOPE_MODELS_READ);
    }
    assert_null(scope_name((enum scope)(SCOPE_MODELS_READ | SCOPE_MODELS_STOP)));
    assert_null(scope_name((enum scope)0));
}

static void test_teams(void **state)
{
    const struct jwt_keys *keys = *state;
    char claims[4096];
    char list[2048] = "";
    struct principal who;

    snprintf(claims, sizeof(claims), "{" BASE ",\"sub\":\"a\",\"team\":[\"x\",\"y\",\"x\"]}");
    assert_int_equal(run_claims(keys, &plain_settings, claims, &who, NULL), JWS_OK);
    assert_int_equal(who.team_count, 2);
    assert_true(principal_in_team(&who, "x"));
    assert_true(principal_in_team(&who, "y"));
    assert_false(principal_in_team(&who, "z"));
    assert_false(principal_in_team(&who, ""));
    snprintf(claims, sizeof(claims), "{" BASE ",\"sub\":\"a\",\"team\":[\"_unassigned\",\"x\"]}");
    assert_int_equal(run_claims(keys, &plain_settings, claims, &who, NULL), JWS_OK);
    assert_int_equal(who.team_count, 1);
    assert_string_equal(who.teams[0], "x");
    for (int i = 0; i <= PRINCIPAL_MAX_TEAMS; i++) {
        size_t len = strlen(list);

        snprintf(list + len, sizeof(list) - len, "%s\"t%d\"", i > 0 ? "," : "", i);
        snprintf(claims, sizeof(claims), "{" BASE ",\"sub\":\"a\",\"team\":[%s]}", list);
        assert_int_equal(run_claims(keys, &plain_settings, claims, &who, NULL),
                         i < PRINCIPAL_MAX_TEAMS ? JWS_OK : JWS_CLAIM_INVALID);
    }
    snprintf(claims, sizeof(claims), "{" BASE ",\"sub\":\"%0*d\",\"team\":\"%0*d\"}",
             PRINCIPAL_MAX_SUBJECT, 0, PRINCIPAL_MAX_TEAM, 0);
    assert_int_equal(run_claims(keys, &plain_settings, claims, &who, NULL), JWS_OK);
    assert_int_equal(strlen(who.subject), PRINCIPAL_MAX_SUBJECT);
    assert_int_equal(strlen(who.teams[0]), PRINCIPAL_MAX_TEAM);
    snprintf(claims, sizeof(claims), "{" BASE ",\"sub\":\"%0*d\",\"team\":\"t\"}",
             PRINCIPAL_MAX_SUBJECT + 1, 0);
    assert_int_equal(run_claims(keys, &plain_settings, claims, &who, NULL), JWS_CLAIM_INVALID);
    snprintf(claims, sizeof(claims), "{" BASE ",\"sub\":\"a\",\"team\":\"%0*d\"}",
             PRINCIPAL_MAX_TEAM + 1, 0);
    assert_int_equal(run_claims(keys, &plain_settings, claims, &who, NULL), JWS_CLAIM_INVALID);
}

static void test_claim_paths(void **state)
{
    static const struct {
        const char *path, *payload, *want;
    } cases[] = {
        {"a", "{\"a\":\"v\"}", "v"},
        {"a.b", "{\"a\":{\"b\":\"v\"}}", "v"},
        {"a.b.c", "{\"a\":{\"b\":{\"c\":\"v\"}}}", "v"},
        {"a.b", "{\"a.b\":\"long\",\"a\":{\"b\":\"short\"}}", "long"},
        {"https://c.example/x.team", "{\"https://c.example/x\":{\"team\":\"v\"}}", "v"},
        {"https://c.example/team", "{\"https://c.example/team\":\"v\"}", "v"},
        {"a.b.c", "{\"a.b\":{\"c\":\"v\"},\"a\":{}}", "v"},
        {"a.b", "{\"a\":\"v\"}", NULL},
        {"a", "{\"b\":1}", NULL},
        {"a.", "{\"a\":\"v\"}", NULL},
        {".a", "{\"a\":\"v\"}", NULL},
        {"a..b", "{\"a\":{\"b\":\"v\"}}", NULL},
        {"", "{\"a\":1}", NULL},
    };
    char path[AUTHORITY_MAX_CLAIM + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *payload = json_loads(cases[i].payload, 0, NULL);
        const json_t *found = claims_find(payload, cases[i].path);

        if (cases[i].want == NULL ? found != NULL
                                  : strcmp(json_string_value(found), cases[i].want) != 0)
            fail_msg("%s in %s", cases[i].path, cases[i].payload);
        memset(path, 'a', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        assert_null(claims_find(payload, path));
        json_decref(payload);
    }
}

static void test_settings_name_the_claims(void **state)
{
    const struct jwt_keys *keys = *state;
    struct issuer_settings settings = plain_settings;
    struct principal who;

    settings.team_claim = "resource_access.lookout.teams";
    settings.subject_claim = "https://corp.example/employee";
    settings.scope_claim = "realm.scp";
    assert_int_equal(run_claims(keys, &settings,
                                "{" BASE ",\"resource_access\":{\"lookout\":{\"teams\":[\"t\"]}},"
                                "\"https://corp.example/employee\":\"e7\","
                                "\"realm\":{\"scp\":[\"models:stop\"]}}",
                                &who, NULL),
                     JWS_OK);
    assert_string_equal(who.subject, "e7");
    assert_string_equal(who.teams[0], "t");
    assert_int_equal(who.scopes, SCOPE_MODELS_STOP);
    assert_int_equal(run_claims(keys, &settings, "{" BASE WHO "}", &who, NULL), JWS_CLAIM_INVALID);
}

static void test_lifetime_is_bounded(void **state)
{
    const struct jwt_keys *keys = *state;
    struct issuer_settings settings = plain_settings;
    struct principal who;

    settings.max_lifetime_seconds = 3600;
    assert_int_equal(run_claims(keys, &settings, "{" BASE WHO "}", &who, NULL), JWS_CLAIM_INVALID);
    assert_int_equal(run_claims(keys, &settings, "{" BASE WHO ",\"iat\":1799997000}", &who, NULL),
                     JWS_OK);
    assert_int_equal(run_claims(keys, &settings, "{" BASE WHO ",\"iat\":1799996999}", &who, NULL),
                     JWS_CLAIM_INVALID);
}

/* --- several issuers ----------------------------------------------------------------------- */

static struct issuer_settings named(const char *issuer)
{
    struct issuer_settings settings = plain_settings;

    settings.issuer = issuer;
    return settings;
}

static void add_issuer(struct authority *authority, const char *name, struct jwk *key)
{
    const struct issuer_settings settings = named(name);

    assert_int_equal(authority_add_issuer(authority, &settings, set_of(key), NULL), 0);
}

static enum jws_reason run_issuer(const struct authority *authority, const struct jwt_keys *keys,
                                  enum jws_algorithm algorithm, const char *kid, const char *iss,
                                  struct principal *who)
{
    char claims[512];
    char *token;
    enum jws_reason reason;

    snprintf(claims, sizeof(claims),
             "{\"iss\":\"%s\",\"aud\":\"" AUD "\",\"exp\":1800000600" WHO "}", iss);
    token = jwt_sign_claims(keys, algorithm, kid, claims);
    reason = authenticate(authority, token, who, NULL);
    free(token);
    return reason;
}

/* "one" is held by a, b and d; a and d hold the same key (tenants of one provider). */
static void test_issuer_is_the_one_whose_key_verified(void **state)
{
    static const struct {
        enum jws_algorithm algorithm;
        const char *kid, *iss;
        enum jws_reason want;
    } cases[] = {
        {JWS_ES256, "one", "a", JWS_OK},
        {JWS_ES384, "one", "b", JWS_OK},
        {JWS_RS256, "two", "c", JWS_OK},
        {JWS_ES256, "one", "d", JWS_OK},
        {JWS_ES256, "one", "b", JWS_ISSUER_UNKNOWN},
        {JWS_ES256, "one", "c", JWS_ISSUER_UNKNOWN},
        {JWS_RS256, "two", "a", JWS_ISSUER_UNKNOWN},
        {JWS_ES256, "one", "e", JWS_ISSUER_UNKNOWN},
        {JWS_RS256, "one", "a", JWS_ALGORITHM_MISMATCH},
        {JWS_RS256, "three", "c", JWS_KEY_UNKNOWN},
    };
    const struct jwt_keys *keys = *state;
    struct authority *authority = NULL;
    struct principal who;

    assert_int_equal(authority_create(&authority, NULL), 0);
    add_issuer(authority, "a", jwt_verifier(keys, JWS_ES256, "one"));
    add_issuer(authority, "b", jwt_verifier(keys, JWS_ES384, "one"));
    add_issuer(authority, "c", jwt_verifier(keys, JWS_RS256, "two"));
    add_issuer(authority, "d", jwt_verifier(keys, JWS_ES256, "one"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum jws_reason reason =
            run_issuer(authority, keys, cases[i].algorithm, cases[i].kid, cases[i].iss, &who);

        if (reason != cases[i].want)
            fail_msg("case %zu: %s", i, jws_reason_name(reason));
        if (reason == JWS_OK)
            assert_string_equal(who.issuer, cases[i].iss);
    }
    authority_unref(&authority);
}

static void test_forged_signature_of_a_known_kid(void **state)
{
    const struct jwt_keys *keys = *state;
    struct authority *authority = authority_of(keys, &plain_settings, JWS_ES256);
    struct jwt_keys others = *keys;
    struct principal who;

    others.p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_int_equal(run_issuer(authority, keys, JWS_ES256, "one", ISSUER, &who), JWS_OK);
    assert_int_equal(run_issuer(authority, &others, JWS_ES256, "one", ISSUER, &who),
                     JWS_BAD_SIGNATURE);
    EVP_PKEY_free(others.p256);
    authority_unref(&authority);
}

static void test_settings_are_checked(void **state)
{
    static const char *const empty_audience[] = {""};
    const struct jwt_keys *keys = *state;
    char long_name[PRINCIPAL_MAX_ISSUER + 2];
    struct issuer_settings cases[8];
    struct authority *authority = NULL;
    struct jwks *no_keys = NULL;

    memset(long_name, 'i', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    for (size_t i = 0; i < 8; i++)
        cases[i] = plain_settings;
    cases[0].issuer = "";
    cases[1].issuer = NULL;
    cases[2].issuer = long_name;
    cases[3].audience_count = 0;
    cases[4].audiences = empty_audience;
    cases[4].audience_count = 1;
    cases[5].leeway_seconds = 301;
    cases[6].max_lifetime_seconds = -1;
    cases[7].team_claim = "";
    assert_int_equal(authority_create(&authority, NULL), 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(authority_add_issuer(authority, &cases[i],
                                              set_of(jwt_verifier(keys, JWS_ES256, "one")), NULL),
                         ERROR_INVALID);
    assert_int_equal(jwks_create(&no_keys, NULL), 0);
    assert_int_equal(authority_add_issuer(authority, &plain_settings, no_keys, NULL),
                     ERROR_INVALID);
    add_issuer(authority, "a", jwt_verifier(keys, JWS_ES256, "one"));
    cases[0].issuer = "a";
    assert_int_equal(authority_add_issuer(authority, &cases[0],
                                          set_of(jwt_verifier(keys, JWS_ES256, "one")), NULL),
                     ERROR_INVALID);
    for (int i = 1; i < AUTHORITY_MAX_ISSUERS; i++) {
        snprintf(long_name, sizeof(long_name), "%d", i);
        add_issuer(authority, long_name, jwt_verifier(keys, JWS_ES256, "one"));
    }
    cases[0].issuer = "one too many";
    assert_int_equal(authority_add_issuer(authority, &cases[0],
                                          set_of(jwt_verifier(keys, JWS_ES256, "one")), NULL),
                     ERROR_INVALID);
    authority_unref(&authority);
}

static void test_no_issuer_refuses_all(void **state)
{
    const struct jwt_keys *keys = *state;
    struct authority *authority = NULL;
    struct principal who;

    assert_int_equal(authority_create(&authority, NULL), 0);
    assert_int_equal(run_issuer(authority, keys, JWS_ES256, "one", "a", &who), JWS_KEY_UNKNOWN);
    authority_unref(&authority);
}

/* --- the cache ----------------------------------------------------------------------------- */

static struct token_cache *cache_of(const struct clock *clock)
{
    struct token_cache *cache = NULL;

    assert_int_equal(token_cache_create(16, clock, &cache, NULL), 0);
    return cache;
}

/* A token that only the cache can still know: its authority was asked with another clock. */
static void test_cache_stands_in_for_the_verification(void **state)
{
    const struct jwt_keys *keys = *state;
    struct clock clock = FIXTURE_CLOCK;
    struct token_cache *cache = cache_of(&clock);
    struct authority *first = authority_of(keys, &plain_settings, JWS_ES256);
    struct authority *second = authority_of(keys, &plain_settings, JWS_ES384);
    char *token = jwt_sign_claims(keys, JWS_ES256, "one", "{" BASE WHO "}");
    const size_t len = strlen(token);
    const struct clock late = {.wall_ms = INT64_C(1900000000000)};
    struct principal who;

    assert_int_equal(authority_authenticate(first, cache, &late, token, len, &who, NULL),
                     JWS_EXPIRED);
    assert_int_equal(authority_authenticate(first, cache, &clock, token, len, &who, NULL), JWS_OK);
    memset(&who, 0, sizeof(who));
    assert_int_equal(authority_authenticate(first, cache, &late, token, len, &who, NULL), JWS_OK);
    assert_string_equal(who.subject, "ada");
    /* another authority, as after a reload, knows nothing of it */
    assert_int_equal(authority_authenticate(second, cache, &clock, token, len, &who, NULL),
                     JWS_ALGORITHM_MISMATCH);
    /* nor does anybody of a changed token */
    token[len - 10] = token[len - 10] == 'A' ? 'B' : 'A';
    assert_int_equal(authority_authenticate(first, cache, &clock, token, len, &who, NULL),
                     JWS_BAD_SIGNATURE);
    free(token);
    authority_unref(&first);
    authority_unref(&second);
    token_cache_free(&cache);
}

static atomic_long allocations;

static void *count_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    atomic_fetch_add(&allocations, 1);
    return malloc(size);
}

static void *count_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    atomic_fetch_add(&allocations, 1);
    return realloc(old, size);
}

static void plain_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

static void *count_json_malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return malloc(size);
}

/* Those of OpenSSL and jansson; the code of auth/ on this way has none. */
static void test_cached_token_costs_no_allocation(void **state)
{
    const struct jwt_keys *keys = *state;
    const struct clock clock = FIXTURE_CLOCK;
    struct token_cache *cache = cache_of(&clock);
    struct authority *authority = authority_of(keys, &plain_settings, JWS_ES256);
    char *token = jwt_sign_claims(keys, JWS_ES256, "one", "{" BASE WHO "}");
    const size_t len = strlen(token);
    struct principal who;
    long before = atomic_load(&allocations);

    assert_int_equal(authority_authenticate(authority, cache, &clock, token, len, &who, NULL),
                     JWS_OK);
    assert_true(atomic_load(&allocations) > before);
    before = atomic_load(&allocations);
    for (int i = 0; i < 100; i++)
        assert_int_equal(authority_authenticate(authority, cache, &clock, token, len, &who, NULL),
                         JWS_OK);
    assert_int_equal(atomic_load(&allocations), before);
    free(token);
    authority_unref(&authority);
    token_cache_free(&cache);
}

#define THREADS           4
#define TOKENS            24 /* more than the cache holds */
#define ROUNDS_PER_THREAD 200

struct crowd {
    struct token_cache *cache;
    struct clock clock;
    char *tokens[TOKENS];
    atomic_int wrong;
};

struct member {
    struct crowd *crowd;
    struct authority *authority; /* a reference of its own */
};

static void *authenticate_many(void *argument)
{
    struct member *member = argument;
    struct crowd *crowd = member->crowd;

    for (int i = 0; i < ROUNDS_PER_THREAD; i++) {
        const int index = (i * 7) % TOKENS;
        const char *token = crowd->tokens[index];
        struct principal who;
        char subject[16];

        snprintf(subject, sizeof(subject), "s%d", index);
        if (authority_authenticate(member->authority, crowd->cache, &crowd->clock, token,
                                   strlen(token), &who, NULL) != JWS_OK ||
            strcmp(who.subject, subject) != 0)
            atomic_fetch_add(&crowd->wrong, 1);
    }
    authority_unref(&member->authority);
    return NULL;
}

static void test_many_threads(void **state)
{
    const struct jwt_keys *keys = *state;
    struct crowd crowd = {.clock = FIXTURE_CLOCK, .wrong = 0};
    struct authority *authority = authority_of(keys, &plain_settings, JWS_ES256);
    struct member members[THREADS];
    pthread_t threads[THREADS];

    crowd.cache = cache_of(&crowd.clock);
    for (int i = 0; i < TOKENS; i++) {
        char claims[512];

        snprintf(claims, sizeof(claims), "{" BASE ",\"team\":\"t\",\"sub\":\"s%d\"}", i);
        crowd.tokens[i] = jwt_sign_claims(keys, JWS_ES256, "one", claims);
    }
    for (int i = 0; i < THREADS; i++) {
        members[i] = (struct member){&crowd, authority_ref(authority)};
        assert_int_equal(pthread_create(&threads[i], NULL, authenticate_many, &members[i]), 0);
    }
    authority_unref(&authority); /* as a reload does */
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&crowd.wrong), 0);
    for (int i = 0; i < TOKENS; i++)
        free(crowd.tokens[i]);
    token_cache_free(&crowd.cache);
}

/* --- depth --------------------------------------------------------------------------------- */

#define DEPTH 100000

struct hostile {
    const struct authority *authority;
    char *token;
    enum jws_reason reason;
};

static void *authenticate_hostile(void *argument)
{
    struct hostile *hostile = argument;
    struct principal who;

    hostile->reason = authenticate(hostile->authority, hostile->token, &who, NULL);
    return NULL;
}

static char *nested(size_t depth)
{
    static const char start[] = "{\"a\":";
    char *text = calloc(1, 2 * depth + sizeof(start) + 1);
    char *end;

    assert_non_null(text);
    end = mempcpy(text, start, strlen(start));
    memset(end, '[', depth);
    memset(end + depth, ']', depth);
    end[2 * depth] = '}';
    return text;
}

static void test_depth_is_refused_on_a_small_stack(void **state)
{
    static const unsigned char signature[64] = {1};
    static const char header[] = "{\"alg\":\"ES256\",\"kid\":\"one\"}";
    const struct jwt_keys *keys = *state;
    struct authority *authority = authority_of(keys, &plain_settings, JWS_ES256);
    char *deep = nested(DEPTH);
    char *fitting = nested(5000);        /* as deep as a token of the allowed length can be */
    char *fitting_header = nested(1000); /* as deep as a header of the allowed length can be */
    const struct {
        char *token;
        enum jws_reason want;
    } cases[] = {
        {jwt_join(header, deep, strlen(deep), signature, 64), JWS_MALFORMED},
        {jwt_join(deep, "{}", 2, signature, 64), JWS_MALFORMED},
        {jwt_join(fitting_header, "{}", 2, signature, 64), JWS_MALFORMED},
        /* an unverified payload is not looked into: its signature is what is wrong */
        {jwt_join(header, fitting, strlen(fitting), signature, 64), JWS_BAD_SIGNATURE},
        {jwt_sign_claims(keys, JWS_ES256, "one", fitting), JWS_MALFORMED},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hostile hostile = {.authority = authority, .token = cases[i].token};

        run_on_small_stack(authenticate_hostile, &hostile);
        assert_int_equal(hostile.reason, cases[i].want);
        free(cases[i].token);
    }
    free(deep);
    free(fitting);
    free(fitting_header);
    authority_unref(&authority);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_algorithm_authenticates),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_admin_implies_all_scopes),
        cmocka_unit_test(test_teams),
        cmocka_unit_test(test_claim_paths),
        cmocka_unit_test(test_settings_name_the_claims),
        cmocka_unit_test(test_lifetime_is_bounded),
        cmocka_unit_test(test_issuer_is_the_one_whose_key_verified),
        cmocka_unit_test(test_forged_signature_of_a_known_kid),
        cmocka_unit_test(test_settings_are_checked),
        cmocka_unit_test(test_no_issuer_refuses_all),
        cmocka_unit_test(test_cache_stands_in_for_the_verification),
        cmocka_unit_test(test_cached_token_costs_no_allocation),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_depth_is_refused_on_a_small_stack),
    };

    /* before the first use of either library */
    if (CRYPTO_set_mem_functions(count_malloc, count_realloc, plain_free) != 1)
        return 1;
    json_set_alloc_funcs(count_json_malloc, free);
    return cmocka_run_group_tests(tests, jwt_keys_setup, jwt_keys_teardown);
}
