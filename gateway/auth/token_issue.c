/* Tokens signed by libjwt, checked by our own verifier; and a token printed for a person. */
#include "gateway/auth/token_issue.h"
#include "gateway/auth/jwk_private.h"
#include "gateway/auth/jws.h"
#include "gateway/base/crypto.h"
#include "policy/strict_json.h"

#include <errno.h>
#include <jwt.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define NOT_VERIFIED "not verified, without its signature:\n"

/* --- issue --------------------------------------------------------------------------------- */

static int choose_algorithm(enum jws_algorithm algorithm, jwt_alg_t *out, struct error *err)
{
    *out = jwt_str_alg(jws_algorithm_name(algorithm));
    /* 1.10 knows no EdDSA; a later library may, but its PS* and EdDSA were never tried here. */
    if (*out == JWT_ALG_INVAL || algorithm == JWS_EDDSA ||
        (algorithm >= JWS_PS256 && algorithm <= JWS_PS512))
        return error_set(err, ERROR_INVALID,
                         "saw %s, can sign HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 "
                         "and ES512",
                         jws_algorithm_name(algorithm));
    return 0;
}

/* The public half of a private PEM, as the verifier will have it. */
static int public_half(const char *kid, enum jws_algorithm algorithm, const void *pem, size_t len,
                       struct jwk **out, struct error *err)
{
    BIO *in = len <= JWK_MAX_PEM ? BIO_new_mem_buf(pem, (int)len) : NULL;
    BIO *middle = BIO_new(BIO_s_mem());
    EVP_PKEY *pkey = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, jwk_no_passphrase, NULL) : NULL;
    char *text = NULL;
    int rc;

    if (pkey == NULL || middle == NULL || PEM_write_bio_PUBKEY(middle, pkey) != 1) {
        rc = error_set(err, ERROR_INVALID,
                       "the key is not a private key in PEM form without a passphrase");
    } else {
        const long text_len = BIO_get_mem_data(middle, &text);

        rc = jwk_from_pem(kid, algorithm, text, (size_t)text_len, out, err);
    }
    ERR_clear_error();
    EVP_PKEY_free(pkey);
    BIO_free(middle);
    BIO_free(in);
    return rc;
}

static int verifier_of(const char *kid, enum jws_algorithm algorithm, const void *key,
                       size_t key_len, struct jwk **out, struct error *err)
{
    if (algorithm <= JWS_HS512)
        return jwk_from_secret(kid, algorithm, key, key_len, out, err);
    return public_half(kid, algorithm, key, key_len, out, err);
}

static json_t *teams_of(const struct token_request *request)
{
    json_t *teams;

    if (request->team_count == 1)
        return json_string(request->teams[0]);
    teams = json_array();
    for (size_t i = 0; i < request->team_count; i++) {
        if (json_array_append_new(teams, json_string(request->teams[i])) != 0) {
            json_decref(teams);
            return NULL;
        }
    }
    return teams;
}

/* The claims as JSON text, to be freed by the caller. */
static int claims_of(const struct token_request *request, char **out, struct error *err)
{
    const json_int_t issued = request->issued_wall_ms / 1000;
    json_t *claims =
        json_pack("{s:s, s:s, s:s, s:s*, s:I, s:I}", "iss", request->issuer, "aud",
                  request->audience, "sub", request->subject, "scope", request->scopes, "iat",
                  issued, "exp", issued + (json_int_t)request->lifetime_seconds);

    if (claims != NULL && request->team_count > 0 &&
        json_object_set_new(claims, "team", teams_of(request)) != 0) {
        json_decref(claims);
        claims = NULL;
    }
    *out = claims != NULL ? json_dumps(claims, JSON_COMPACT) : NULL;
    json_decref(claims);
    if (*out == NULL)
        return error_set(err, ERROR_INVALID,
                         "can't write the claims: every text must be UTF-8 and not be absent");
    return 0;
}

static int sign(const struct token_request *request, jwt_alg_t algorithm, const void *key,
                size_t key_len, char **out, struct error *err)
{
    char *claims = NULL;
    jwt_t *jwt = NULL;
    int rc = claims_of(request, &claims, err);

    if (rc != 0)
        return rc;
    if (jwt_new(&jwt) != 0 || jwt_add_grants_json(jwt, claims) != 0 ||
        jwt_add_header(jwt, "kid", request->kid) != 0 ||
        jwt_set_alg(jwt, algorithm, key, (int)key_len) != 0) {
        rc = error_set(err, ERROR_NOMEM, "libjwt can't make a token");
        goto out;
    }
    *out = jwt_encode_str(jwt);
    if (*out == NULL)
        rc = error_set(err, ERROR_INVALID, "libjwt can't sign with this key: %s", strerror(errno));
    ERR_clear_error();
out:
    jwt_free(jwt);
    free(claims);
    return rc;
}

static int check_request(const struct token_request *request, size_t key_len, struct error *err)
{
    if (request->lifetime_seconds < 1 || request->lifetime_seconds > TOKEN_MAX_LIFETIME_SECONDS)
        return error_set(err, ERROR_INVALID, "saw a lifetime of %lld s, expected 1 to %lld",
                         (long long)request->lifetime_seconds, TOKEN_MAX_LIFETIME_SECONDS);
    if (key_len > JWK_MAX_PEM)
        return error_set(err, ERROR_INVALID, "saw a key of %zu bytes, expected at most %d", key_len,
                         JWK_MAX_PEM);
    return 0;
}

/* What libjwt signed, seen by the verifier. */
static int check_token(const char *token, const struct jwk *verifier, struct error *err)
{
    struct jws jws;

    if (jws_split(token, strlen(token), &jws, err) == JWS_OK &&
        jws_verify(&jws, verifier, err) == JWS_OK)
        return 0;
    error_prefix(err, "libjwt made a token that the gateway refuses");
    return ERROR_INVALID;
}

int token_issue(const struct token_request *request, enum jws_algorithm algorithm, const void *key,
                size_t key_len, struct strbuf *out, struct error *err)
{
    struct jwk *verifier = NULL;
    char *token = NULL;
    jwt_alg_t signer = JWT_ALG_INVAL;
    int rc = check_request(request, key_len, err);

    if (rc == 0)
        rc = choose_algorithm(algorithm, &signer, err);
    if (rc == 0)
        rc = verifier_of(request->kid, algorithm, key, key_len, &verifier, err);
    if (rc == 0)
        rc = sign(request, signer, key, key_len, &token, err);
    if (rc == 0)
        rc = check_token(token, verifier, err);
    if (rc == 0) {
        strbuf_addstr(out, token);
        if (!strbuf_ok(out))
            rc = error_set(err, ERROR_NOMEM, "no room for the token");
    }
    if (token != NULL)
        crypto_wipe(token, strlen(token));
    free(token);
    jwk_free(&verifier);
    return rc;
}

/* --- describe ------------------------------------------------------------------------------ */

/* One part as indented JSON. Not ASCII is escaped: a token must not speak to the terminal. */
static int describe_part(const char *name, const char *text, size_t len, struct strbuf *out,
                         struct error *err)
{
    const struct json_limits limits = {.max_bytes = JWS_MAX_TOKEN, .max_depth = JWS_MAX_DEPTH};
    unsigned char decoded[JWS_DECODED_SIZE(JWS_MAX_TOKEN)];
    const long decoded_len = crypto_base64url_decode(text, len, decoded);
    json_t *json = NULL;
    char *pretty = NULL;
    int rc;

    if (decoded_len < 0)
        return error_set(err, ERROR_INVALID, "%s: saw text that is not canonical base64url", name);
    rc = strict_json_parse((const char *)decoded, (size_t)decoded_len, &limits, &json, err);
    if (rc != 0) {
        error_prefix(err, "%s", name);
        return rc;
    }
    pretty = json_dumps(json, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(json);
    if (pretty == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the %s", name);
    strbuf_addf(out, "%s: %s\n", name, pretty);
    free(pretty);
    return 0;
}

int token_describe(const char *token, size_t len, struct strbuf *out, struct error *err)
{
    const char *first = len <= JWS_MAX_TOKEN ? memchr(token, '.', len) : NULL;
    const char *second =
        first != NULL ? memchr(first + 1, '.', len - (size_t)(first + 1 - token)) : NULL;
    int rc;

    if (second == NULL)
        return error_set(err, ERROR_INVALID,
                         "saw %zu bytes, expected at most %d, of three parts with dots between",
                         len, JWS_MAX_TOKEN);
    strbuf_addstr(out, NOT_VERIFIED);
    rc = describe_part("header", token, (size_t)(first - token), out, err);
    if (rc == 0)
        rc = describe_part("payload", first + 1, (size_t)(second - first - 1), out, err);
    if (rc == 0 && !strbuf_ok(out))
        rc = error_set(err, ERROR_NOMEM, "no room for the description");
    return rc;
}
