/*
 * Tokens and key sets. By the first byte: 't' a token as it came, which nobody could have signed;
 * 'h' and 'p' a header or a payload under a good signature; 'k' a JWKS.
 */
#include "gateway/auth/principal.h"
#include "gateway/auth/token_cache.h"
#include "gateway/base/crypto.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define SECRET     "0123456789abcdef0123456789abcdef"
#define MAX_PIECES (32 * 1024)

static const char *const good_header = "{\"alg\":\"HS256\",\"kid\":\"k\"}";
static const char *const good_payload =
    "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"team\":\"t\",\"exp\":99999999999}";

static struct authority *authority;
static struct token_cache *cache;
static struct clock *wall;

static void set_up(void)
{
    static const char *const audiences[] = {"a"};
    const struct issuer_settings settings = {
        .issuer = "i", .audiences = audiences, .audience_count = 1, .leeway_seconds = 60};
    struct error err = {0};
    struct jwks *keys = NULL;
    struct jwk *key = NULL;

    MUST(clock_open(&wall, &err) == 0 && token_cache_create(8, wall, &cache, &err) == 0);
    MUST(jwks_create(&keys, &err) == 0);
    MUST(jwk_from_secret("k", JWS_HS256, SECRET, strlen(SECRET), &key, &err) == 0);
    MUST(jwks_add(keys, key, &err) == 0);
    MUST(authority_create(&authority, &err) == 0);
    MUST(authority_add_issuer(authority, &settings, keys, &err) == 0);
}

static enum jws_reason ask(const char *token, size_t len, struct principal *who)
{
    struct error err = {0};
    enum jws_reason reason = authority_authenticate(authority, cache, wall, token, len, who, &err);

    MUST(reason == JWS_OK || err.message[0] != '\0');
    return reason;
}

static void look_at(const struct principal *who)
{
    MUST(who->subject[0] != '\0' && strcmp(who->issuer, "i") == 0);
    MUST(who->team_count <= PRINCIPAL_MAX_TEAMS);
    MUST(who->team_count > 0 || principal_has_scope(who, SCOPE_GATEWAY_ADMIN));
    for (size_t i = 0; i < who->team_count; i++)
        MUST(who->teams[i][0] != '\0');
}

static void ask_signed(const char *header, size_t header_len, const char *payload,
                       size_t payload_len)
{
    static char token[2 * MAX_PIECES];
    unsigned char mac[CRYPTO_SHA256_LEN];
    struct principal who;

    crypto_base64url(header, header_len, token);
    size_t len = strlen(token);
    token[len++] = '.';
    crypto_base64url(payload, payload_len, token + len);
    len = strlen(token);
    MUST(crypto_hmac_sha256(SECRET, strlen(SECRET), token, len, mac) == 0);
    token[len++] = '.';
    crypto_base64url(mac, sizeof(mac), token + len);
    if (ask(token, strlen(token), &who) == JWS_OK) {
        look_at(&who);
        MUST(ask(token, strlen(token), &who) == JWS_OK);
        look_at(&who);
    }
}

static void read_keys(const char *text, size_t len)
{
    const enum jws_algorithm fallback = JWS_RS256;
    struct error err = {0};
    struct jwks *keys = NULL;

    MUST(jwks_create(&keys, &err) == 0);
    if (jwks_add_document(keys, text, len, &fallback, &err) == 0)
        MUST(jwks_count(keys) >= 1 && jwks_count(keys) <= JWKS_MAX_KEYS);
    jwks_free(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct principal who;

    if (authority == NULL)
        set_up();
    if (size == 0 || size > MAX_PIECES / 2)
        return 0;
    const char *text = (const char *)data + 1;
    switch (data[0]) {
    case 't':
        MUST(ask(text, size - 1, &who) != JWS_OK);
        break;
    case 'h':
        ask_signed(text, size - 1, good_payload, strlen(good_payload));
        break;
    case 'p':
        ask_signed(good_header, strlen(good_header), text, size - 1);
        break;
    case 'k':
        read_keys(text, size - 1);
        break;
    default:
        break;
    }
    return 0;
}
