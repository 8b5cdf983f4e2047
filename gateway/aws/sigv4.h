/*
 * AWS Signature Version 4, in three stages that a test can call one by one. Time is an input.
 * Source: AWS IAM User Guide, "Create a signed AWS API request" and "Elements of an AWS API request
 * signature". Header-signed requests only. All output is appended to the caller's buffers; make
 * them secret (strbuf_init_secret) where a session token is signed, for the canonical request holds
 * it.
 */
#ifndef LOOKOUT_AWS_SIGV4_H
#define LOOKOUT_AWS_SIGV4_H

#include "gateway/base/strbuf.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGV4_MAX_HEADERS    64
#define SIGV4_MAX_PARAMETERS 128 /* of the query */
#define SIGV4_MAX_CANONICAL  (256 * 1024)
#define SIGV4_DATE_SIZE      17 /* "20150830T123600Z" and its NUL */
#define SIGV4_KEY_LEN        32
#define SIGV4_SIGNATURE_SIZE 65 /* 64 hex digits and their NUL */

struct sigv4_header {
    const char *name;  /* any case; one line a duplicate, in the order of the wire */
    const char *value; /* blanks around and inside, line breaks included, are folded for signing */
};

/* One request as it will stand on the wire. All strings are borrowed. */
struct sigv4_request {
    const char *method;
    const char *path;  /* as sent: percent-encoded once; "" counts as "/" */
    const char *query; /* as sent, without '?', '+' is a plus; NULL or "" for none */
    const struct sigv4_header
        *headers; /* all that are to be signed, host and x-amz-date included */
    size_t header_count;
    const void *body;
    size_t body_len;
    const char *payload_hash; /* the value of x-amz-content-sha256 where one is sent; else NULL */
    bool normalize_path;      /* true: dots and double slashes removed, what is left encoded once
                                 more. false, for S3 alone: as sent, strictly encoded once */
};

struct sigv4_scope {
    const char *region;
    const char *service;
    char date[SIGV4_DATE_SIZE]; /* of x-amz-date; its first eight characters are the scope's day */
};

/* "YYYYMMDDTHHMMSSZ" of milliseconds since the epoch. */
void sigv4_format_date(int64_t wall_ms, char out[SIGV4_DATE_SIZE]);

/* Percent-encodes all but the unreserved bytes of RFC 3986: AWS's UriEncode, for building a path or
 * a query that is then given as sent. */
void sigv4_uri_encode(struct strbuf *out, const char *text, size_t len);

/*
 * Stage 1: the canonical request. `signed_headers` receives "content-type;host;x-amz-date".
 * ERROR_INVALID for more than SIGV4_MAX_HEADERS headers or SIGV4_MAX_PARAMETERS parameters, for
 * anything over SIGV4_MAX_CANONICAL, a path without its first slash, a name that is no HTTP token.
 */
int sigv4_canonical_request(const struct sigv4_request *request, struct strbuf *canonical,
                            struct strbuf *signed_headers, struct error *err)
    __attribute__((warn_unused_result));

/* Stage 2: the string to sign over a canonical request. */
int sigv4_string_to_sign(const struct sigv4_scope *scope, const char *canonical,
                         size_t canonical_len, struct strbuf *out, struct error *err)
    __attribute__((warn_unused_result));

/* Stage 3a: the signing key of a day, region and service: secret, wipe it. */
int sigv4_signing_key(const char *secret_access_key, const struct sigv4_scope *scope,
                      unsigned char out[SIGV4_KEY_LEN], struct error *err)
    __attribute__((warn_unused_result));

/* Stage 3b: the signature, in lower-case hex. */
int sigv4_signature(const unsigned char signing_key[SIGV4_KEY_LEN], const char *string_to_sign,
                    size_t string_to_sign_len, char out[SIGV4_SIGNATURE_SIZE], struct error *err)
    __attribute__((warn_unused_result));

/* The value of the header Authorization. */
int sigv4_authorization(const char *access_key_id, const struct sigv4_scope *scope,
                        const char *signed_headers, const char *signature, struct strbuf *out,
                        struct error *err) __attribute__((warn_unused_result));

/*
 * The last signing key, kept: it changes once a day and with the credentials. Any thread. The key
 * is found again by a comparison of secret, day, region and service; it is wiped when it is
 * replaced and at the end.
 */
struct sigv4_key_cache;
int sigv4_key_cache_create(struct sigv4_key_cache **out, struct error *err)
    __attribute__((warn_unused_result));
void sigv4_key_cache_free(struct sigv4_key_cache **cache);

/* All stages at once. `cache` may be NULL. Appends the Authorization value to `authorization`. */
int sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope,
               const char *access_key_id, const char *secret_access_key,
               struct sigv4_key_cache *cache, struct strbuf *authorization, struct error *err)
    __attribute__((warn_unused_result));

#endif
