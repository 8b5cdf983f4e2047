/* TLS on the listener: versions, a request, keep-alive, and files that can't be used. */
#include "tests/unit/cmocka_all.h"

#include "gateway/http/json_out.h"
#include "gateway/http/server.h"
#include "tests/unit/http_client.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct clock *clock_of_test;
static struct http_server *server;
static uint16_t port;
static char folder[] = "/tmp/lookout-tls-XXXXXX";
static char certificate_file[64], key_file[64], other_key_file[64], empty_file[64];

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
}

static void write_certificate(const char *path, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    X509_NAME *name = X509_get_subject_name(certificate);
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                (const unsigned char *)"localhost", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(certificate, name), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_int_not_equal(X509_sign(certificate, key, EVP_sha256()), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
    X509_free(certificate);
}

static void handle(void *context, struct exchange *exchange)
{
    (void)context;
    if (exchange->fault != PROBLEM_NONE) {
        exchange_problem(exchange, exchange->fault, exchange->fault_detail);
        return;
    }
    const char *body;
    size_t len;
    struct error err;
    enum problem_type problem = exchange_read_body(exchange, &body, &len, &err);
    if (problem != PROBLEM_NONE) {
        exchange_problem_error(exchange, problem, &err);
        return;
    }
    json_out_int(exchange_begin_json(exchange, 200), "BodyLength", (int64_t)len);
    exchange_end_json(exchange);
}

static int start(const char *certificate, const char *key, struct error *err)
{
    static const char *const addresses[] = {"127.0.0.1:0"};
    struct http_settings settings;
    http_settings_default(&settings);
    settings.listen = addresses;
    settings.listen_count = 1;
    settings.threads = 2;
    settings.body_timeout_ms = 100;
    settings.tls_certificate_file = certificate;
    settings.tls_key_file = key;
    return http_server_start(&settings, clock_of_test, handle, NULL, &server, err);
}

static int setup(void **state)
{
    struct error err = {0};
    uint16_t ports[HTTP_MAX_LISTENERS];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(certificate_file, sizeof(certificate_file), "%s/cert.pem", folder);
    snprintf(key_file, sizeof(key_file), "%s/key.pem", folder);
    snprintf(other_key_file, sizeof(other_key_file), "%s/other.pem", folder);
    snprintf(empty_file, sizeof(empty_file), "%s/empty.pem", folder);
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    write_key(key_file, key);
    write_key(other_key_file, other);
    write_certificate(certificate_file, key);
    fclose(fopen(empty_file, "w"));
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    if (clock_open(&clock_of_test, &err) != 0 || start(certificate_file, key_file, &err) != 0) {
        print_error("%s\n", err.message);
        return -1;
    }
    (void)http_server_ports(server, ports);
    port = ports[0];
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_server_stop(&server);
    clock_close(&clock_of_test);
    unlink(certificate_file);
    unlink(key_file);
    unlink(other_key_file);
    unlink(empty_file);
    return rmdir(folder);
}

/* A connection of that version, or NULL where the server did not agree. */
static SSL *connect_tls(SSL_CTX *context, int version, int *fd)
{
    assert_int_equal(SSL_CTX_set_min_proto_version(context, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
    SSL_CTX_set_security_level(context, 0);
    *fd = client_connect(port);
    assert_true(*fd >= 0);
    SSL *tls = SSL_new(context);
    assert_non_null(tls);
    assert_int_equal(SSL_set_fd(tls, *fd), 1);
    if (SSL_connect(tls) == 1)
        return tls;
    SSL_free(tls);
    close(*fd);
    return NULL;
}

static void request(SSL *tls, const char *text, const char *status_line, const char *part)
{
    char answer[4096];
    size_t len = 0;
    assert_int_equal(SSL_write(tls, text, (int)strlen(text)), (int)strlen(text));
    for (;;) {
        int got = SSL_read(tls, answer + len, (int)(sizeof(answer) - 1 - len));
        if (got <= 0)
            fail_msg("the connection ended before \"%s\"", part);
        len += (size_t)got;
        answer[len] = '\0';
        if (strstr(answer, part) != NULL)
            break;
    }
    assert_int_equal(strncmp(answer, status_line, strlen(status_line)), 0);
}

static void speaks_tls_1_2_and_1_3_only(void **state)
{
    (void)state;
    static const struct {
        int version;
        bool spoken;
    } cases[] = {{TLS1_VERSION, false},
                 {TLS1_1_VERSION, false},
                 {TLS1_2_VERSION, true},
                 {TLS1_3_VERSION, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        int fd;
        SSL *tls = connect_tls(context, cases[i].version, &fd);
        assert_int_equal(tls != NULL, cases[i].spoken);
        if (tls != NULL) {
            request(tls, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
                    "HTTP/1.1 200 ", "\"BodyLength\":3}");
            request(tls, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", "\"BodyLength\":0}");
            /* The deadline of bodies holds behind TLS too. */
            request(tls, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na",
                    "HTTP/1.1 408 ", "/problems/request-timeout");
            SSL_free(tls);
            close(fd);
        }
        SSL_CTX_free(context);
    }
}

static void refuses_plain_http(void **state)
{
    (void)state;
    int fd = client_connect(port);
    assert_true(client_send_text(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    char byte = '\0';
    while (read(fd, &byte, 1) == 1)
        assert_int_not_equal(byte, 'H'); /* an alert at most, never "HTTP" */
    close(fd);
}

static void refuses_files_that_do_not_belong_together(void **state)
{
    (void)state;
    const struct {
        const char *certificate, *key, *named;
    } cases[] = {{certificate_file, other_key_file, other_key_file},
                 {certificate_file, empty_file, empty_file},
                 {empty_file, key_file, empty_file},
                 {"/nonexistent/cert.pem", key_file, "/nonexistent/cert.pem"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        assert_int_equal(http_server_check_tls(cases[i].certificate, cases[i].key, &err),
                         ERROR_INVALID);
        assert_non_null(strstr(err.message, cases[i].named));
    }
    struct error err = {0};
    assert_int_equal(http_server_check_tls(certificate_file, key_file, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speaks_tls_1_2_and_1_3_only),
        cmocka_unit_test(refuses_plain_http),
        cmocka_unit_test(refuses_files_that_do_not_belong_together),
    };
    return cmocka_run_group_tests_name("http_tls", tests, setup, teardown);
}
