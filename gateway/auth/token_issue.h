/*
 * Tokens for development and tests, signed by libjwt; and a token taken apart for a person to read.
 * token_issue.c is the only file of the program that includes jwt.h.
 */
#ifndef LOOKOUT_AUTH_TOKEN_ISSUE_H
#define LOOKOUT_AUTH_TOKEN_ISSUE_H

#include "gateway/auth/jwk.h"
#include "gateway/base/strbuf.h"
#include "policy/error.h"

#include <stddef.h>
#include <stdint.h>

struct token_request {
    const char *issuer, *audience, *subject;
    const char *const *teams; /* one: a string claim; several: an array */
    size_t team_count;
    const char *scopes; /* space-separated */
    const char *kid;
    int64_t issued_wall_ms;
    int64_t lifetime_seconds;
};

#define TOKEN_MAX_LIFETIME_SECONDS (366LL * 24 * 3600)

/*
 * Appends a signed token. `key` is a private PEM without a passphrase, or the secret of an HS
 * algorithm. ERROR_INVALID for algorithms that libjwt 1.10 can't sign (PS*, EdDSA); the message
 * says which it can. Our own verifier has checked the signature: no token comes out that a gateway
 * with the matching public key would refuse.
 */
int token_issue(const struct token_request *request, enum jws_algorithm algorithm, const void *key,
                size_t key_len, struct strbuf *out, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Appends header and payload as indented JSON, without verifying; the signature is left out, so
 * that what is printed can't be used. Says so in its first line.
 */
int token_describe(const char *token, size_t len, struct strbuf *out, struct error *err)
    __attribute__((warn_unused_result));

#endif
