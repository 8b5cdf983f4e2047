/* The listener's side of TLS: version, certificate, key. */
#ifndef LOOKOUT_HTTP_TLS_H
#define LOOKOUT_HTTP_TLS_H

#include "policy/error.h"

struct ssl_ctx_st;

/*
 * Makes an SSL_CTX of OpenSSL (struct ssl_ctx_st there) for TLS 1.2 and 1.3. The
 * certificate file is PEM and may hold the chain; the key must be the certificate's. ERROR_INVALID
 * names the file.
 */
int tls_server_create(const char *certificate_file, const char *key_file, struct ssl_ctx_st **out,
                      struct error *err) __attribute__((warn_unused_result));
/* Accepts NULL. */
void tls_server_free(struct ssl_ctx_st **tls);

#endif
