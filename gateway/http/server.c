/* The server: CivetWeb's callbacks made into exchanges, and the guards around it. */
#include "gateway/http/server.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/crypto.h"
#include "gateway/base/log.h"
#include "gateway/http/civetweb_inside.h"
#include "gateway/http/tls.h"

#include <civetweb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#define MAX_THREADS     1024
#define MAX_HEAD_BYTES  (64 * 1024)
#define MAX_BODY_BYTES  (16 * 1024 * 1024)
#define MAX_TIMEOUT_MS  (10 * 60 * 1000)
#define WAITING_CLIENTS "128" /* accepted connections that wait for a thread */
/* How often a read looks at the clock while nothing comes. */
#define READ_SLICE_MS 1000
/* After an answer that closes a connection on which more may come: see linger. */
#define LINGER_MS       2000
#define LINGER_IDLE_MS  1000
#define LINGER_BYTES    (16 * 1024 * 1024)
#define MAX_WIRE        (EXCHANGE_MAX_RESPONSE + 16 * 1024)
#define KEPT_WIRE_BYTES (64 * 1024)

struct http_server {
    struct mg_context *civetweb;
    const struct clock *clock;
    http_handle_fn *handle;
    void *context;
    struct ssl_ctx_st *tls; /* or NULL */
    int64_t max_body_bytes, body_timeout_ms, write_timeout_ms;
    uint16_t ports[HTTP_MAX_LISTENERS];
    size_t port_count;

    _Atomic bool draining;
    _Atomic int64_t in_flight;
    pthread_mutex_t mutex; /* for `idle` only */
    pthread_cond_t idle;   /* in_flight reached 0 while draining */
};

/* What one thread of CivetWeb's pool keeps from request to request. */
struct worker {
    struct http_server *server;
    struct mg_connection *conn; /* of the exchange under way */
    struct exchange exchange;
    struct strbuf wire;
    char *body; /* max_body_bytes and a NUL */
    bool body_was_read;
    int64_t date_second; /* of `date` */
    char date[32];
};

void http_settings_default(struct http_settings *settings)
{
    *settings = (struct http_settings){
        .threads = 64,
        .max_head_bytes = 16 * 1024,
        .max_body_bytes = 64 * 1024,
        .request_timeout_ms = 10 * 1000,
        .keep_alive_timeout_ms = 30 * 1000,
        .body_timeout_ms = 10 * 1000,
    };
}

/* Real time spent, for the log and the histogram; deadlines go by the clock. */
static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- workers ------------------------------------------------------------------------------- */

static void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    exchange_free(&worker->exchange);
    strbuf_free(&worker->wire);
    free(worker->body);
    free(worker);
}

/* CivetWeb's init_thread: type 1 is a worker. */
static void *on_thread_begin(const struct mg_context *civetweb, int type)
{
    if (type != 1)
        return NULL;
    struct worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL)
        return NULL;
    worker->server = mg_get_user_data(civetweb);
    exchange_init(&worker->exchange);
    strbuf_init(&worker->wire, MAX_WIRE);
    worker->date_second = -1;
    worker->body = malloc((size_t)worker->server->max_body_bytes + 1);
    if (worker->body == NULL) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

static void on_thread_end(const struct mg_context *civetweb, int type, void *thread)
{
    (void)civetweb;
    if (type == 1)
        worker_free(thread);
}

/* IMF-fixdate (RFC 9110 section 5.6.7), made once a second. The program never leaves the C locale.
 */
static const char *date_of(struct worker *worker)
{
    int64_t second = clock_wall_ms(worker->server->clock) / 1000;
    if (second == worker->date_second)
        return worker->date;
    time_t now = (time_t)second;
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(worker->date, sizeof(worker->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    worker->date_second = second;
    return worker->date;
}

/* --- reading ------------------------------------------------------------------------------- */

static enum problem_type body_problem(enum problem_type problem, struct error *err,
                                      const char *what)
{
    error_set(err, ERROR_INVALID, "%s", what);
    return problem;
}

/* A client that waits for leave to send its body gets it (RFC 9110 section 10.1.1). */
static bool invite_body(struct worker *worker)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (request_field(&worker->exchange.head, "Expect") == NULL ||
        strcmp(worker->exchange.head.version, "1.1") != 0)
        return true;
    return mg_write(worker->conn, go_on, sizeof(go_on) - 1) == (int)sizeof(go_on) - 1;
}

static enum problem_type read_body(void *transport, const char **body, size_t *len,
                                   struct error *err)
{
    struct worker *worker = transport;
    struct http_server *server = worker->server;
    struct civetweb_input input;
    civetweb_inside_input(worker->conn, &input);
    if (input.body_len > server->max_body_bytes) {
        error_set(err, ERROR_INVALID, "the body has %lld bytes; at most %lld are read",
                  (long long)input.body_len, (long long)server->max_body_bytes);
        return PROBLEM_BODY_TOO_LARGE;
    }
    size_t want = input.body_len > 0 ? (size_t)input.body_len : 0;
    if (!civetweb_inside_body_is_here(worker->conn) && !invite_body(worker))
        return body_problem(PROBLEM_MALFORMED_REQUEST, err, "the sender went away");
    int64_t deadline = clock_monotonic_ms(server->clock) + server->body_timeout_ms;
    size_t have = 0;
    while (have < want) {
        int64_t left = deadline - clock_monotonic_ms(server->clock);
        if (left <= 0)
            return body_problem(PROBLEM_REQUEST_TIMEOUT, err, "the body did not arrive in time");
        int wait = left < READ_SLICE_MS ? (int)left : READ_SLICE_MS;
        long got = civetweb_inside_read(worker->conn, worker->body + have, want - have, wait);
        if (got < 0)
            return body_problem(PROBLEM_MALFORMED_REQUEST, err,
                                "the body is shorter than its Content-Length");
        have += (size_t)got;
    }
    worker->body[have] = '\0';
    worker->body_was_read = true;
    *body = worker->body;
    *len = have;
    return PROBLEM_NONE;
}

/* --- writing ------------------------------------------------------------------------------- */

/*
 * A socket that is closed while bytes are unread sends a reset, and the reset can destroy the
 * answer before the client has read it. So say that nothing more comes, and take what still
 * arrives, for a bounded time. Under TLS the end is said by CivetWeb's close_notify, later.
 */
static void linger(struct worker *worker)
{
    char waste[16 * 1024];
    int fd = civetweb_inside_socket(worker->conn);
    if (!civetweb_inside_is_tls(worker->conn))
        (void)shutdown(fd, SHUT_WR);
    int64_t until_us = monotonic_us() + LINGER_MS * 1000;
    for (size_t total = 0; total < LINGER_BYTES && monotonic_us() < until_us;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (poll(&readable, 1, LINGER_IDLE_MS) <= 0)
            return;
        ssize_t got = recv(fd, waste, sizeof(waste), 0);
        if (got <= 0)
            return;
        total += (size_t)got;
    }
}

/* All of `wire`, within the time for an answer; false where its reader was too slow or has gone. */
static bool write_wire(struct worker *worker)
{
    const char *at = worker->wire.data;
    size_t left = worker->wire.len;
    int64_t until_us = monotonic_us() + worker->server->write_timeout_ms * 1000;
    while (left > 0) {
        int64_t left_ms = (until_us - monotonic_us()) / 1000;
        if (left_ms <= 0)
            return false;
        long sent = civetweb_inside_write(worker->conn, at, left, (int)left_ms);
        if (sent <= 0)
            return false;
        at += sent;
        left -= (size_t)sent;
    }
    return true;
}

/* What stands behind the request and its body already. */
static bool next_is_here(const struct mg_connection *conn)
{
    struct civetweb_input input;
    civetweb_inside_input(conn, &input);
    return (int64_t)(input.received - input.head_len) > input.body_len;
}

/*
 * Serializes and sends the response, and settles what becomes of the connection: it ends where its
 * thread is wanted by others, or as many idle or busy connections as there are threads would keep
 * everybody else out for ever.
 */
static void answer(struct worker *worker)
{
    struct exchange *exchange = &worker->exchange;
    struct mg_connection *conn = worker->conn;
    bool more_to_come = exchange->fault != PROBLEM_NONE ||
                        (!worker->body_was_read && !civetweb_inside_body_is_here(conn));
    if (more_to_come || atomic_load(&worker->server->draining) || civetweb_inside_others_wait(conn))
        exchange->close = true;
    if (exchange->close)
        mg_disable_connection_keep_alive(conn);

    struct exchange_framing framing = {
        .date = date_of(worker),
        .keep_alive = !exchange->close && civetweb_inside_may_keep_alive(conn),
        .head_only = strcmp(exchange->head.method, "HEAD") == 0,
        .http_1_0 = strcmp(exchange->head.version, "1.0") == 0,
    };
    if (worker->wire.capacity > KEPT_WIRE_BYTES)
        strbuf_free(&worker->wire);
    strbuf_clear(&worker->wire);
    exchange_serialize(exchange, &framing, &worker->wire);
    CRASH_POINT(HTTP_ANSWER_BEFORE);
    if (!strbuf_ok(&worker->wire) || !write_wire(worker))
        mg_disable_connection_keep_alive(conn);
    else if (more_to_come || (exchange->close && next_is_here(conn)))
        linger(worker);
    CRASH_POINT(HTTP_ANSWERED);
}

/* --- exchanges ----------------------------------------------------------------------------- */

static void set_request_id(struct exchange *exchange)
{
    const char *given = request_field(&exchange->head, "X-Request-Id");
    if (given != NULL && request_id_is_valid(given))
        snprintf(exchange->request_id, sizeof(exchange->request_id), "%s", given);
    else if (crypto_uuid4(exchange->request_id) != 0)
        snprintf(exchange->request_id, sizeof(exchange->request_id), "none");
}

static void set_fault(struct exchange *exchange, enum problem_type fault, const char *detail)
{
    exchange->fault = fault;
    snprintf(exchange->fault_detail, sizeof(exchange->fault_detail), "%s", detail);
}

/* A fresh exchange in the worker that owns `conn`; NULL where that worker found no memory. */
static struct worker *begin(struct mg_connection *conn)
{
    struct worker *worker = mg_get_thread_pointer(conn);
    if (worker == NULL)
        return NULL;
    worker->conn = conn;
    worker->body_was_read = false;
    exchange_reset(&worker->exchange);
    worker->exchange.began_us = monotonic_us();
    const struct mg_request_info *info = mg_get_request_info(conn);
    if (info != NULL)
        snprintf(worker->exchange.remote_address, sizeof(worker->exchange.remote_address), "%s",
                 info->remote_addr);
    return worker;
}

static void take_head(struct worker *worker, const struct mg_request_info *info)
{
    struct request_head *head = &worker->exchange.head;
    struct civetweb_input input;
    civetweb_inside_input(worker->conn, &input);
    head->bytes = input.data;
    head->len = input.head_len;
    head->method = info->request_method;
    head->path = info->request_uri;
    head->query = info->query_string;
    head->version = info->http_version;
    head->field_count = (size_t)info->num_headers;
    for (size_t i = 0; i < head->field_count; i++)
        head->fields[i] = (struct request_field){.name = info->http_headers[i].name,
                                                 .value = info->http_headers[i].value};
}

static enum problem_type check(struct worker *worker, struct error *err)
{
    struct exchange *exchange = &worker->exchange;
    enum problem_type problem = request_check_head(&exchange->head, err);
    if (problem != PROBLEM_NONE)
        return problem;
    const char *expect = request_field(&exchange->head, "Expect");
    if (expect != NULL && strcasecmp(expect, "100-continue") != 0)
        return body_problem(PROBLEM_EXPECTATION_FAILED, err, "only 100-continue can be expected");
    return request_parse_target(&exchange->head, &exchange->target, err);
}

static void leave(struct http_server *server)
{
    if (atomic_fetch_sub(&server->in_flight, 1) != 1 || !atomic_load(&server->draining))
        return;
    pthread_mutex_lock(&server->mutex);
    pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->mutex);
}

/* CivetWeb's begin_request: every request that it could parse. */
static int on_request(struct mg_connection *conn)
{
    struct worker *worker = begin(conn);
    if (worker == NULL) {
        mg_disable_connection_keep_alive(conn);
        (void)mg_send_http_error(conn, 503, "%s", "out of memory");
        return 503;
    }
    struct http_server *server = worker->server;
    struct exchange *exchange = &worker->exchange;
    struct error err = {0};

    atomic_fetch_add(&server->in_flight, 1);
    take_head(worker, mg_get_request_info(conn));
    set_request_id(exchange);
    exchange->read = read_body;
    exchange->transport = worker;
    enum problem_type problem = check(worker, &err);
    if (problem != PROBLEM_NONE)
        set_fault(exchange, problem, err.message);
    else if (atomic_load(&server->draining))
        set_fault(exchange, PROBLEM_SHUTTING_DOWN, "the gateway is leaving: try another one");
    server->handle(server->context, exchange);
    answer(worker);
    leave(server);
    return exchange->status;
}

/* What CivetWeb's status for a request that it could not parse means. */
static enum problem_type parse_problem(const struct worker *worker, int status, const char **detail)
{
    struct civetweb_input input;
    civetweb_inside_input(worker->conn, &input);
    if (status == 505) {
        *detail = "HTTP/1.0 and HTTP/1.1 are spoken here";
        return PROBLEM_VERSION_NOT_SUPPORTED;
    }
    if (input.head_len == 0 && input.received >= input.capacity) {
        *detail = "request line and fields together are too long";
        return PROBLEM_HEAD_TOO_LARGE;
    }
    if (status >= 500) {
        *detail = "the server could not take the request";
        return PROBLEM_INTERNAL_ERROR;
    }
    *detail = "no HTTP/1.1 request could be read, or not in time";
    return PROBLEM_MALFORMED_REQUEST;
}

/* CivetWeb's http_error: requests that it could not parse. 0 = answered. */
static int on_error(struct mg_connection *conn, int status, const char *message)
{
    (void)message;
    struct worker *worker = begin(conn);
    if (worker == NULL)
        return 1;
    const char *detail = NULL;
    enum problem_type problem = parse_problem(worker, status, &detail);
    set_request_id(&worker->exchange);
    set_fault(&worker->exchange, problem, detail);
    worker->server->handle(worker->server->context, &worker->exchange);
    answer(worker);
    return 0;
}

/*
 * CivetWeb's connection_close. Targets that are neither ours nor malformed ("*", another host) it
 * drops without a word; they are answered here, while the connection can still be written to.
 */
static void on_close(const struct mg_connection *conn)
{
    if (!civetweb_inside_is_unanswered(conn))
        return;
    /* The callback's `const` is about the struct; the connection belongs to this thread. */
    (void)on_error((struct mg_connection *)(uintptr_t)conn, 400, "");
}

static int on_message(const struct mg_connection *conn, const char *message)
{
    (void)conn;
    LOG(LOG_WARNING, "http.server", log_str("message", message));
    return 1;
}

/* CivetWeb asks for the SSL_CTX at the start and once more when it would free it: it is ours. */
static int on_tls(void **tls, void *user)
{
    struct http_server *server = user;
    if (server->tls == NULL)
        return 0;
    *tls = server->tls;
    return 1;
}

/* --- start and stop ------------------------------------------------------------------------ */

static int check_range(const char *name, int64_t value, int64_t least, int64_t most,
                       struct error *err)
{
    if (value >= least && value <= most)
        return 0;
    return error_set(err, ERROR_INVALID, "%s is %lld, expected %lld to %lld", name,
                     (long long)value, (long long)least, (long long)most);
}

static int check_settings(const struct http_settings *settings, struct error *err)
{
    int result = 0;
    if (settings->listen_count < 1 || settings->listen_count > HTTP_MAX_LISTENERS)
        return error_set(err, ERROR_INVALID, "saw %zu addresses to listen on, expected 1 to %d",
                         settings->listen_count, HTTP_MAX_LISTENERS);
    if ((settings->tls_certificate_file == NULL) != (settings->tls_key_file == NULL))
        return error_set(err, ERROR_INVALID,
                         "a TLS certificate needs its key: give both files, or none");
    result = check_range("threads", settings->threads, 1, MAX_THREADS, err);
    if (result == 0)
        result = check_range("max_head_bytes", settings->max_head_bytes, 1024, MAX_HEAD_BYTES, err);
    if (result == 0)
        result = check_range("max_body_bytes", settings->max_body_bytes, 1, MAX_BODY_BYTES, err);
    if (result == 0)
        result =
            check_range("request_timeout_ms", settings->request_timeout_ms, 1, MAX_TIMEOUT_MS, err);
    if (result == 0)
        result = check_range("keep_alive_timeout_ms", settings->keep_alive_timeout_ms, 1,
                             MAX_TIMEOUT_MS, err);
    if (result == 0)
        result = check_range("body_timeout_ms", settings->body_timeout_ms, 1, MAX_TIMEOUT_MS, err);
    return result;
}

/* "a:1s,b:2s": CivetWeb's list, where an 's' asks for TLS. */
static int join_addresses(const struct http_settings *settings, struct strbuf *out,
                          struct error *err)
{
    for (size_t i = 0; i < settings->listen_count; i++) {
        const char *address = settings->listen[i];
        size_t len = strspn(address, "0123456789abcdefABCDEF.:[]");
        const char *port = strrchr(address, ':');
        if (address[len] != '\0' || port == NULL || port[1] == '\0' ||
            strspn(port + 1, "0123456789") != strlen(port + 1))
            return error_set(err, ERROR_INVALID,
                             "saw the address \"%s\" to listen on, expected one such as "
                             "127.0.0.1:8080 or [::1]:8080",
                             address);
        strbuf_addf(out, "%s%s%s", i > 0 ? "," : "", address, settings->tls_key_file ? "s" : "");
    }
    return strbuf_ok(out) ? 0 : error_set(err, ERROR_NOMEM, "out of memory for addresses");
}

static void read_ports(struct http_server *server)
{
    struct mg_server_port ports[HTTP_MAX_LISTENERS];
    int count = mg_get_server_ports(server->civetweb, HTTP_MAX_LISTENERS, ports);
    for (int i = 0; i < count; i++)
        server->ports[server->port_count++] = (uint16_t)ports[i].port;
}

static int start_civetweb(struct http_server *server, const struct http_settings *settings,
                          const char *addresses, struct error *err)
{
    char threads[24], head[24], request[24], keep_alive[24], words[256] = "";
    snprintf(threads, sizeof(threads), "%lld", (long long)settings->threads);
    snprintf(head, sizeof(head), "%lld", (long long)settings->max_head_bytes);
    snprintf(request, sizeof(request), "%lld", (long long)settings->request_timeout_ms);
    snprintf(keep_alive, sizeof(keep_alive), "%lld", (long long)settings->keep_alive_timeout_ms);
    const char *options[] = {"listening_ports", addresses, "num_threads", threads,
                             "max_request_size", head, "request_timeout_ms", request,
                             "keep_alive_timeout_ms", keep_alive, "enable_keep_alive", "yes",
                             "tcp_nodelay", "1", "decode_url", "no", "enable_auth_domain_check",
                             "no", "connection_queue", WAITING_CLIENTS,
                             /* Else it answers CORS preflights by itself, with "*". */
                             "access_control_allow_origin", "", "access_control_allow_methods", "",
                             "access_control_allow_headers", "", NULL};
    struct mg_callbacks callbacks = {
        .begin_request = on_request,
        .http_error = on_error,
        .connection_close = on_close,
        .log_message = on_message,
        .external_ssl_ctx = on_tls,
        .init_thread = on_thread_begin,
        .exit_thread = on_thread_end,
    };
    struct mg_init_data init = {
        .callbacks = &callbacks, .user_data = server, .configuration_options = options};
    unsigned code = 0;
    struct mg_error_data error = {.code = &code, .text = words, .text_buffer_size = sizeof(words)};
    server->civetweb = mg_start2(&init, &error);
    if (server->civetweb == NULL)
        return error_set(err, ERROR_IO, "the server could not listen on %s: %s", addresses, words);
    read_ports(server);
    return 0;
}

int http_server_check_tls(const char *certificate_file, const char *key_file, struct error *err)
{
    struct ssl_ctx_st *tls = NULL;
    int result = tls_server_create(certificate_file, key_file, &tls, err);
    if (result == 0)
        tls_server_free(&tls);
    return result;
}

int http_server_start(const struct http_settings *settings, const struct clock *clock,
                      http_handle_fn *handle, void *context, struct http_server **out,
                      struct error *err)
{
    struct strbuf addresses;
    strbuf_init(&addresses, 4096);
    struct http_server *server = NULL;
    int result = check_settings(settings, err);
    if (result == 0)
        result = join_addresses(settings, &addresses, err);
    if (result != 0)
        goto out;
    server = calloc(1, sizeof(*server));
    if (server == NULL || clock_cond_init(&server->idle) != 0) {
        free(server);
        server = NULL;
        result = error_set(err, ERROR_NOMEM, "out of memory for the server");
        goto out;
    }
    pthread_mutex_init(&server->mutex, NULL);
    server->clock = clock;
    server->handle = handle;
    server->context = context;
    server->max_body_bytes = settings->max_body_bytes;
    server->body_timeout_ms = settings->body_timeout_ms;
    server->write_timeout_ms = settings->request_timeout_ms;
    mg_init_library(MG_FEATURES_TLS | MG_FEATURES_IPV6);
    if (settings->tls_key_file != NULL)
        result = tls_server_create(settings->tls_certificate_file, settings->tls_key_file,
                                   &server->tls, err);
    if (result == 0)
        result = start_civetweb(server, settings, addresses.data, err);
    if (result == 0)
        *out = server;
    else
        http_server_stop(&server);
out:
    strbuf_free(&addresses);
    return result;
}

size_t http_server_ports(const struct http_server *server, uint16_t ports[HTTP_MAX_LISTENERS])
{
    memcpy(ports, server->ports, sizeof(server->ports));
    return server->port_count;
}

bool http_server_drain(struct http_server *server, int64_t deadline_ms)
{
    atomic_store(&server->draining, true);
    pthread_mutex_lock(&server->mutex);
    bool late = false;
    while (atomic_load(&server->in_flight) > 0 && !late)
        late = clock_wait_until(server->clock, &server->idle, &server->mutex, deadline_ms);
    pthread_mutex_unlock(&server->mutex);
    return atomic_load(&server->in_flight) == 0;
}

void http_server_stop(struct http_server **server)
{
    struct http_server *self = *server;
    if (self == NULL)
        return;
    mg_stop(self->civetweb);
    mg_exit_library();
    tls_server_free(&self->tls);
    pthread_cond_destroy(&self->idle);
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *server = NULL;
}
