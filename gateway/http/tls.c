/* TLS for the listener, by OpenSSL. */
#include "gateway/http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static int refuse(struct error *err, const char *what, const char *file)
{
    char words[160] = "no reason given";
    unsigned long code = ERR_peek_last_error();
    if (code != 0)
        ERR_error_string_n(code, words, sizeof(words));
    ERR_clear_error();
    return error_set(err, ERROR_INVALID, "%s %s: %s", what, file, words);
}

static int configure(SSL_CTX *tls, const char *certificate_file, const char *key_file,
                     struct error *err)
{
    static const unsigned char session_context[] = "lookout-gateway";

    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_session_id_context(tls, session_context, sizeof(session_context) - 1) != 1)
        return refuse(err, "TLS can't be set up for", certificate_file);
    (void)SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (SSL_CTX_use_certificate_chain_file(tls, certificate_file) != 1)
        return refuse(err, "no PEM certificate could be read from", certificate_file);
    if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1)
        return refuse(err, "no PEM private key that fits the certificate could be read from",
                      key_file);
    if (SSL_CTX_check_private_key(tls) != 1)
        return refuse(err, "the private key is not the certificate's:", key_file);
    return 0;
}

int tls_server_create(const char *certificate_file, const char *key_file, SSL_CTX **out,
                      struct error *err)
{
    ERR_clear_error();
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for TLS");
    int result = configure(tls, certificate_file, key_file, err);
    if (result != 0)
        SSL_CTX_free(tls);
    else
        *out = tls;
    return result;
}

void tls_server_free(SSL_CTX **tls)
{
    SSL_CTX_free(*tls);
    *tls = NULL;
}
