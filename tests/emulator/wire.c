/* CivetWeb's requests become the service's, and its answers bytes. */
#include "tests/emulator/wire.h"

#include "civetweb.h"
#include "gateway/base/crypto.h"
#include "gateway/base/log.h"
#include "tests/emulator/control.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define WIRE_HEAD_MAX     1024
#define WIRE_CONTROL_MAX  ((size_t)1024 * 1024 * 1024) /* the state of HOSTING_MODELS_MAX models */
#define WIRE_NUMBER_SIZE  24
#define WIRE_ADDRESS_SIZE 128
#define WIRE_DATE_SIZE    32
#define WIRE_ERROR_SIZE   256
#define WIRE_GARBAGE      "<!doctype html><title>garbage</title>"
#define WIRE_CLOSED       444 /* for CivetWeb's statistics only: nothing was answered */

struct wire {
    struct mg_context *context;
    struct service *service;
    const struct wire_config *config;
    int port;
};

/* IMF-fixdate (RFC 9110 section 5.6.7). */
static void format_date(int64_t wall_ms, char out[WIRE_DATE_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) ||
        strftime(out, WIRE_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
        out[0] = '\0';
}

/* Head and body in one write; `content_length` may promise more than the body has. */
static void send_response(struct mg_connection *conn, struct service *service, int status,
                          const char *error_type, int retry_after_s, const char *body,
                          size_t body_len, size_t content_length)
{
    struct strbuf out;
    char date[WIRE_DATE_SIZE];
    char request_id[CRYPTO_UUID_LEN + 1] = "";

    strbuf_init(&out, WIRE_HEAD_MAX + body_len);
    format_date(service_wall_ms(service), date);
    if (crypto_uuid4(request_id) != 0)
        request_id[0] = '\0';
    strbuf_addf(&out,
                "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: application/json\r\n"
                "Content-Length: %zu\r\nx-amzn-RequestId: %s\r\n",
                status, mg_get_response_code_text(conn, status), date, content_length, request_id);
    if (error_type)
        strbuf_addf(&out, "X-Amzn-Errortype: %s\r\n", error_type);
    if (retry_after_s > 0)
        strbuf_addf(&out, "Retry-After: %d\r\n", retry_after_s);
    strbuf_addstr(&out, "\r\n");
    strbuf_add(&out, body, body_len);
    if (!strbuf_ok(&out) || mg_write(conn, out.data, out.len) != (int)out.len)
        mg_disable_connection_keep_alive(conn);
    strbuf_free(&out);
}

static void send_answer(struct mg_connection *conn, struct service *service,
                        const struct answer *answer, enum service_delivery delivery)
{
    const char *body = answer->body.data ? answer->body.data : "";
    size_t len = strlen(body);
    size_t sent;

    if (delivery == SERVICE_GARBAGE) {
        body = WIRE_GARBAGE;
        len = strlen(body);
    }
    sent = delivery == SERVICE_HALF ? len / 2 : len;
    if (strcmp(mg_get_request_info(conn)->request_method, "HEAD") == 0)
        sent = 0;
    if (delivery == SERVICE_HALF)
        mg_disable_connection_keep_alive(conn);
    send_response(conn, service, answer->status, answer->error_type, answer->retry_after_s, body,
                  sent, len);
}

/*
 * Reads the whole body. False when it is over the maximum, ends early or times out; `*too_large`
 * tells the first from the others. The connection is of no use afterwards.
 */
static bool read_body(struct mg_connection *conn, char body[SERVICE_BODY_MAX], size_t *len,
                      bool *too_large)
{
    long long announced = mg_get_request_info(conn)->content_length;
    char beyond;
    int got = 1;

    *len = 0;
    *too_large = announced > SERVICE_BODY_MAX;
    if (*too_large)
        return false;
    while (got > 0 && *len < SERVICE_BODY_MAX) {
        got = mg_read(conn, body + *len, SERVICE_BODY_MAX - *len);
        if (got > 0)
            *len += (size_t)got;
    }
    *too_large = *len == SERVICE_BODY_MAX && mg_read(conn, &beyond, 1) > 0;
    return !*too_large && got >= 0 && (announced < 0 || (long long)*len == announced);
}

static int answer_api(struct mg_connection *conn, struct service *service, const char *body,
                      size_t body_len)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    struct sigv4_header headers[SIGV4_MAX_HEADERS];
    struct verifier_request request = {.method = info->request_method,
                                       .path = info->request_uri,
                                       .query = info->query_string,
                                       .headers = headers,
                                       .body = body,
                                       .body_len = body_len};
    enum service_delivery delivery;
    struct answer answer;
    int status;

    for (int i = 0; i < info->num_headers && i < SIGV4_MAX_HEADERS; i++) {
        headers[request.header_count].name = info->http_headers[i].name;
        headers[request.header_count++].value = info->http_headers[i].value;
    }
    answer_init(&answer);
    service_handle(service, &request, &answer, &delivery);
    status = answer.status;
    if (delivery == SERVICE_DROP) {
        mg_disable_connection_keep_alive(conn);
        status = WIRE_CLOSED;
    } else {
        send_answer(conn, service, &answer, delivery);
    }
    answer_free(&answer);
    return status;
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
           strncasecmp(address, "::ffff:127.", 11) == 0;
}

static int answer_control(struct mg_connection *conn, struct service *service, const char *body,
                          size_t body_len)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    json_t *reply = NULL;
    char *text;
    int status;

    if (!is_loopback(info->remote_addr)) {
        reply = json_pack("{s:s}", "error", "the control endpoint answers to loopback only");
        status = 403;
    } else {
        status = control_handle(service, info->request_method, info->request_uri, body, body_len,
                                &reply);
    }
    text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
    json_decref(reply);
    if (text && strlen(text) < WIRE_CONTROL_MAX)
        send_response(conn, service, status, NULL, 0, text, strlen(text), strlen(text));
    else
        send_response(conn, service, 500, NULL, 0, "{}", 2, 2);
    free(text);
    return status;
}

static int on_request(struct mg_connection *conn)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    struct wire *wire = info->user_data;
    char body[SERVICE_BODY_MAX];
    struct answer answer;
    bool too_large;
    size_t len;

    if (!read_body(conn, body, &len, &too_large)) {
        mg_disable_connection_keep_alive(conn);
        if (!too_large)
            return WIRE_CLOSED;
        answer_init(&answer);
        answer_set_error(&answer, "RequestEntityTooLargeException", NULL,
                         "The body is longer than %d bytes.", SERVICE_BODY_MAX);
        send_answer(conn, wire->service, &answer, SERVICE_DELIVER);
        answer_free(&answer);
        return 413;
    }
    if (strncmp(info->request_uri, CONTROL_PREFIX, strlen(CONTROL_PREFIX)) == 0)
        return answer_control(conn, wire->service, body, len);
    return answer_api(conn, wire->service, body, len);
}

/* CivetWeb's own refusals (malformed heads and the like), in the shape that SDKs read. */
static int on_http_error(struct mg_connection *conn, int status, const char *message)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    struct wire *wire = info->user_data;
    const char *type = "ValidationException";
    struct answer answer;

    if (status == 413 || status == 414 || status == 431)
        type = "RequestEntityTooLargeException";
    else if (status == 408)
        type = "RequestTimeoutException";
    else if (status >= 500)
        type = "InternalServerException";
    mg_disable_connection_keep_alive(conn);
    answer_init(&answer);
    answer_set_error(&answer, type, NULL, "%s", message);
    send_response(conn, wire->service, status, answer.error_type, answer.retry_after_s,
                  answer.body.data ? answer.body.data : "", answer.body.len, answer.body.len);
    answer_free(&answer);
    return 0;
}

static int on_message(const struct mg_connection *conn, const char *message)
{
    (void)conn;
    LOG(LOG_WARNING, "emulator.civetweb", log_str("message", message));
    return 1;
}

/* CivetWeb reads key and certificate from one file; we take two. */
static int on_init_ssl(void *ssl_context, void *user_data)
{
    const struct wire *wire = user_data;
    const char *key = wire->config->key ? wire->config->key : wire->config->certificate;

    if (SSL_CTX_use_certificate_chain_file(ssl_context, wire->config->certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(ssl_context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ssl_context) != 1) {
        LOG(LOG_ERROR, "emulator.tls_files", log_str("certificate", wire->config->certificate),
            log_str("key", key), log_str("message", ERR_reason_error_string(ERR_get_error())));
        return -1;
    }
    return 1;
}

static void set_port(struct wire *wire)
{
    struct mg_server_port ports[1];

    memset(ports, 0, sizeof(ports));
    if (mg_get_server_ports(wire->context, 1, ports) == 1)
        wire->port = ports[0].port;
}

static int start_server(struct wire *wire, struct error *err)
{
    const struct wire_config *config = wire->config;
    bool ipv6 = strchr(config->listen, ':') != NULL;
    char address[WIRE_ADDRESS_SIZE];
    char threads[WIRE_NUMBER_SIZE];
    char message[WIRE_ERROR_SIZE] = "";
    const char *options[] = {
        "listening_ports", address, "num_threads", threads, "enable_keep_alive", "yes",
        "keep_alive_timeout_ms", "60000", "request_timeout_ms", "30000", "tcp_nodelay", "1",
        "decode_url", "no", "max_request_size", "131072", "listen_backlog", "1024",
        "connection_queue", "256", "enable_auth_domain_check", "no",
        /* CivetWeb answers preflights by itself unless these are empty. */
        "access_control_allow_origin", "", "access_control_allow_methods", "",
        "access_control_allow_headers", "", config->certificate ? "ssl_certificate" : NULL,
        config->certificate, NULL};
    struct mg_callbacks callbacks = {.begin_request = on_request,
                                     .http_error = on_http_error,
                                     .log_message = on_message,
                                     .init_ssl = config->certificate ? on_init_ssl : NULL};
    struct mg_init_data init = {
        .callbacks = &callbacks, .user_data = wire, .configuration_options = options};
    struct mg_error_data error = {.text = message, .text_buffer_size = sizeof(message)};

    snprintf(address, sizeof(address), "%s%s%s:%" PRId64 "%s", ipv6 ? "[" : "", config->listen,
             ipv6 ? "]" : "", config->port, config->certificate ? "s" : "");
    snprintf(threads, sizeof(threads), "%" PRId64, config->threads);
    wire->context = mg_start2(&init, &error);
    if (!wire->context)
        return error_set(err, ERROR_IO, "can't listen on %s: %s", address, message);
    set_port(wire);
    return 0;
}

int wire_start(struct wire **out, const struct wire_config *config, struct service *service,
               struct error *err)
{
    struct wire *wire = calloc(1, sizeof(*wire));
    int rc;

    if (!wire)
        return error_set(err, ERROR_NOMEM, "no memory for the listener");
    wire->service = service;
    wire->config = config;
    mg_init_library(MG_FEATURES_IPV6 | (config->certificate ? MG_FEATURES_TLS : 0U));
    rc = start_server(wire, err);
    if (rc != 0) {
        mg_exit_library();
        free(wire);
        return rc;
    }
    *out = wire;
    return 0;
}

int wire_port(const struct wire *wire)
{
    return wire->port;
}

void wire_stop(struct wire **wire)
{
    if (!*wire)
        return;
    mg_stop((*wire)->context);
    mg_exit_library();
    free(*wire);
    *wire = NULL;
}
