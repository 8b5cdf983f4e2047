/* The server on real sockets: framing that must be refused, bodies, deadlines, draining, TLS. */
#include "tests/unit/cmocka_all.h"

#include "gateway/base/log.h"
#include "gateway/http/json_out.h"
#include "gateway/http/server.h"
#include "tests/unit/http_client.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct clock *clock_of_test;
static struct http_server *server;
static uint16_t port;
static struct client_answer answer;

/* Exchanges that "/wait" holds back until the test lets them go. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int waiting;
    bool released;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void wait_at_gate(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.waiting++;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.released)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    gate.waiting--;
    pthread_mutex_unlock(&gate.mutex);
}

/* Requests for "/smuggled": what stands behind one that was refused must never be served. */
static _Atomic int smuggled;

static bool is_path(const struct exchange *exchange, const char *first)
{
    return exchange->target.segment_count > 0 && strcmp(exchange->target.segments[0], first) == 0;
}

static int64_t stack_bytes(void)
{
    pthread_attr_t attributes;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return 0;
    (void)pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
    return (int64_t)size;
}

/* Echoes what it saw: "/unread" leaves the body alone, "/inject" tries to add a header line. */
static void handle(void *context, struct exchange *exchange)
{
    const char *body = "";
    size_t len = 0;
    struct error err = {0};
    (void)context;
    if (exchange->fault != PROBLEM_NONE) {
        exchange_problem(exchange, exchange->fault, exchange->fault_detail);
        return;
    }
    if (is_path(exchange, "smuggled"))
        smuggled++;
    if (is_path(exchange, "wait"))
        wait_at_gate();
    if (is_path(exchange, "inject"))
        exchange_add_header(exchange, "X-Echo",
                            request_parameter(&exchange->target, "v") != NULL ? "a\r\nX-Evil: 1"
                                                                              : "plain");
    if (!is_path(exchange, "unread")) {
        enum problem_type problem = exchange_read_body(exchange, &body, &len, &err);
        if (problem != PROBLEM_NONE) {
            exchange_problem_error(exchange, problem, &err);
            return;
        }
    }
    struct strbuf *out = exchange_begin_json(exchange, 200);
    json_out_int(out, "StackBytes", stack_bytes());
    json_out_string(out, "Method", exchange->head.method);
    json_out_string(out, "Path", exchange->head.path);
    json_out_int(out, "BodyLength", (int64_t)len);
    json_out_string(out, "RequestId", exchange->request_id);
    json_out_string(out, "Body", len < 100 ? body : "long");
    exchange_end_json(exchange);
}

static void start_with(int64_t body_timeout_ms, const char *certificate, const char *key)
{
    static const char *const addresses[] = {"127.0.0.1:0"};
    struct http_settings settings;
    struct error err = {0};
    uint16_t ports[HTTP_MAX_LISTENERS];
    http_settings_default(&settings);
    settings.listen = addresses;
    settings.listen_count = 1;
    settings.threads = 4;
    settings.body_timeout_ms = body_timeout_ms;
    settings.tls_certificate_file = certificate;
    settings.tls_key_file = key;
    if (http_server_start(&settings, clock_of_test, handle, NULL, &server, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(http_server_ports(server, ports), 1);
    port = ports[0];
    assert_int_not_equal(port, 0);
}

static int setup(void **state)
{
    struct error err;
    (void)state;
    gate.waiting = 0;
    gate.released = false;
    if (clock_open(&clock_of_test, &err) != 0)
        return -1;
    start_with(10000, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_server_stop(&server);
    clock_close(&clock_of_test);
    return smuggled == 0 ? 0 : -1;
}

static int connected(void)
{
    int fd = client_connect(port);
    assert_true(fd >= 0);
    return fd;
}

#define HOST "Host: h\r\n"

/* --- framing ------------------------------------------------------------------------------- */

/* Each is answered with its status and the connection ends: no byte behind it is a next request. */
static void refuses_what_could_be_read_in_two_ways(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *request;
    } cases[] = {
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
              "0\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
              "0\r\n\r\n"},
        {411, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {411, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n"
              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n\r\nabc"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3abc\r\n\r\nabc"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\nabc"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" HOST "Content-Length : 3\r\n\r\nabc"},
        {400, "GET / HTTP/1.1\r\n" HOST "X: a\nContent-Length: 3\r\n\r\n"},
        {400, "GET / HTTP/1.1\nHost: h\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "X: a\n\n"},
        {400, "GET / HTTP/1.1\n\n"},
        {400, "GET / HTTP/1.1\r\r" HOST "\r\n"},
        {400, "GET / HTTP/1.1\n\r" HOST "\r\n"},
        {400, "GET / HTTP/1.1\r " HOST "\r\n"},
        {400, "GET / HTTP/1.1\n " HOST "\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "X: a\r\n folded\r\nContent-Length: 3\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST ": empty\r\nContent-Length: 3\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "\xc3\xa9: x\r\nContent-Length: 3\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "X(y): x\r\n\r\n"},
        {400, "GET  / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /  HTTP/1.1\r\n" HOST "\r\n"},
        {400, " GET / HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET / HTTP/1.1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\n" HOST "\r\n"},
        {417, "POST / HTTP/1.1\r\n" HOST "Expect: gold\r\nContent-Length: 3\r\n\r\nabc"},
        {400, "GET /%zz HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /%0 HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /a%00b HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /a%2Fb HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /a%0d%0ab HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /a\"b HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /a\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /a?b HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET /a?b=1&b=2 HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET http://elsewhere/ HTTP/1.1\r\n" HOST "\r\n"},
        {400, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"},
        {400, "BREW /pot HTTP/1.1\r\n" HOST "\r\n"},
        {400, "GET / HTTP/1.1\r\n" HOST "X: a\x01z\r\n\r\n"},
        {400, "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = connected();
        assert_true(client_send_text(fd, cases[i].request));
        (void)client_send_text(fd, "GET /smuggled HTTP/1.1\r\n" HOST "\r\n");
        if (!client_receive(fd, false, &answer))
            fail_msg("no answer to %s", cases[i].request);
        if (answer.status != cases[i].status)
            fail_msg("saw %d, expected %d for %s", answer.status, cases[i].status,
                     cases[i].request);
        assert_true(answer.closes);
        assert_non_null(strstr(answer.head, "application/problem+json"));
        assert_non_null(strstr(answer.head, "x-amzn-RequestId: "));
        assert_true(client_sees_end(fd));
        close(fd);
    }
}

/* A bare LF ends the head; the bytes behind it are made to look like the end that was expected. */
static void refuses_an_end_that_is_only_made_up(void **state)
{
    (void)state;
    static const char request[] = "GET / HTTP/1.1\r\n" HOST "X: a\n\n\r\0";
    int fd = connected();
    assert_true(client_send(fd, request, sizeof(request) - 1));
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 400);
    close(fd);
}

static void refuses_a_65th_field(void **state)
{
    (void)state;
    for (int fields = 64; fields <= 65; fields++) {
        char request[4096];
        int len = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n" HOST);
        for (int i = 1; i < fields; i++)
            len += snprintf(request + len, sizeof(request) - (size_t)len, "X-%d: y\r\n", i);
        snprintf(request + len, sizeof(request) - (size_t)len, "\r\n");
        int fd = connected();
        assert_true(client_send_text(fd, request));
        assert_true(client_receive(fd, false, &answer));
        assert_int_equal(answer.status, fields == 64 ? 200 : 400);
        close(fd);
    }
}

/* What the guards must let pass. */
static void accepts_what_is_well_formed(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\n" HOST "\r\n",
        "\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
        "GET /a/b%20c?d=e%26&f= HTTP/1.1\r\n" HOST "X-Empty:\r\nX-Spaces:   a  b\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\n" HOST "content-length: 0\r\nX:y\r\n\r\n",
        "DELETE / HTTP/1.1\r\n" HOST "\r\n",
        "OPTIONS / HTTP/1.1\r\n" HOST "Origin: x\r\nAccess-Control-Request-Method: GET\r\n\r\n",
    };
    int fd = connected();
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        assert_true(client_send_text(fd, requests[i]));
        assert_true(client_receive(fd, false, &answer));
        if (answer.status != 200)
            fail_msg("saw %d for %s", answer.status, requests[i]);
        assert_false(answer.closes);
        assert_null(strstr(answer.head, "Access-Control"));
    }
    close(fd);
}

static void keeps_http_1_0_only_where_asked(void **state)
{
    (void)state;
    char value[64];
    int fd = connected();
    assert_true(client_send_text(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_true(client_header(&answer, "Connection", value, sizeof(value)));
    assert_string_equal(value, "keep-alive");
    assert_true(client_send_text(fd, "GET / HTTP/1.0\r\n\r\n"));
    assert_true(client_receive(fd, false, &answer));
    assert_true(answer.closes);
    assert_true(client_sees_end(fd));
    close(fd);
}

static void says_close_where_an_upgrade_ends_the_connection(void **state)
{
    (void)state;
    int fd = connected();
    assert_true(client_send_text(fd, "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade, keep-alive\r\n"
                                     "Upgrade: websocket\r\n\r\n"));
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_true(answer.closes);
    assert_true(client_sees_end(fd));
    close(fd);
}

static void answers_head_without_a_body(void **state)
{
    (void)state;
    char value[64];
    int fd = connected();
    assert_true(client_send_text(fd, "HEAD / HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(client_receive(fd, true, &answer));
    assert_int_equal(answer.status, 200);
    assert_true(client_header(&answer, "Content-Length", value, sizeof(value)));
    assert_string_not_equal(value, "0");
    /* The next bytes are the next answer's. */
    assert_true(client_send_text(fd, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    close(fd);
}

static void never_sends_a_header_with_a_line_break(void **state)
{
    (void)state;
    char value[64];
    int fd = connected();
    assert_true(client_send_text(fd, "GET /inject HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(client_receive(fd, false, &answer));
    assert_true(client_header(&answer, "X-Echo", value, sizeof(value)));
    assert_true(client_send_text(fd, "GET /inject?v=1 HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(client_receive(fd, false, &answer));
    assert_false(client_header(&answer, "X-Echo", value, sizeof(value)));
    assert_false(client_header(&answer, "X-Evil", value, sizeof(value)));
    close(fd);
}

static void takes_or_makes_the_request_id(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        bool taken;
    } cases[] = {{"abc-1.2_X", true}, {"a b", false}, {"<x>", false}, {"", false}};
    int fd = connected();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char request[256], id[128], same[128];
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n" HOST "X-Request-Id: %s\r\n\r\n",
                 cases[i].given);
        assert_true(client_send_text(fd, request));
        assert_true(client_receive(fd, false, &answer));
        assert_true(client_header(&answer, "X-Request-Id", id, sizeof(id)));
        assert_true(client_header(&answer, "x-amzn-RequestId", same, sizeof(same)));
        assert_string_equal(id, same);
        assert_non_null(strstr(answer.body, id));
        if (cases[i].taken)
            assert_string_equal(id, cases[i].given);
        else
            assert_int_equal(strlen(id), 36);
    }
    close(fd);
}

/* Neither CivetWeb's 100 KiB, which a JSON parser can overrun, nor the system's 8 MiB. */
static void gives_each_worker_a_mebibyte_of_stack(void **state)
{
    (void)state;
    int fd = connected();
    assert_true(client_send_text(fd, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(client_receive(fd, false, &answer));
    assert_non_null(strstr(answer.body, "\"StackBytes\":1048576,"));
    close(fd);
}

static void dates_every_answer(void **state)
{
    (void)state;
    static const char *const requests[] = {"GET / HTTP/1.1\r\n" HOST "\r\n", "nonsense\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        char value[64];
        struct tm tm = {0};
        int fd = connected();
        assert_true(client_send_text(fd, requests[i]));
        assert_true(client_receive(fd, false, &answer));
        assert_true(client_header(&answer, "Date", value, sizeof(value)));
        const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_non_null(end);
        assert_int_equal(*end, '\0');
        int64_t difference_s = (int64_t)timegm(&tm) - clock_wall_ms(clock_of_test) / 1000;
        assert_in_range(difference_s + 60, 0, 61);
        close(fd);
    }
}

/* --- sizes and bodies ---------------------------------------------------------------------- */

/* The client sends all of it before it looks: the answer must survive. */
static void answers_a_head_that_is_too_large(void **state)
{
    (void)state;
    size_t len = 64 * 1024;
    char *head = malloc(len + 64);
    assert_non_null(head);
    int used = snprintf(head, 64, "GET / HTTP/1.1\r\n" HOST "X: ");
    memset(head + used, 'a', len);
    memcpy(head + (size_t)used + len, "\r\n\r\n", 5);
    int fd = connected();
    (void)client_send_text(fd, head);
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 431);
    assert_non_null(strstr(answer.body, "/problems/head-too-large"));
    assert_true(answer.closes);
    close(fd);
    free(head);
}

static void answers_a_body_that_is_too_large(void **state)
{
    (void)state;
    size_t len = 10 * 1024 * 1024;
    char *body = malloc(len);
    assert_non_null(body);
    memset(body, '[', len);
    int fd = connected();
    char head[128];
    snprintf(head, sizeof(head), "POST / HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", len);
    assert_true(client_send_text(fd, head));
    /* What comes after the answer is taken, so that no reset overtakes it. */
    assert_true(client_send(fd, body, len));
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 413);
    assert_true(answer.closes);
    close(fd);
    free(body);
}

static void reads_a_body_in_pieces(void **state)
{
    (void)state;
    int fd = connected();
    assert_true(client_send_text(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nab"));
    assert_true(client_send_text(fd, "cd"));
    assert_true(client_send_text(fd, "ef"));
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"abcdef\""));
    assert_false(answer.closes);
    close(fd);
}

static void invites_a_body_that_waits(void **state)
{
    (void)state;
    int fd = connected();
    assert_true(client_send_text(fd, "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                                     "Content-Length: 3\r\n\r\n"));
    assert_true(client_receive(fd, true, &answer));
    assert_int_equal(answer.status, 100);
    assert_true(client_send_text(fd, "abc"));
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"abc\""));
    close(fd);
}

/* A route that answers without reading: the body must not become the next request. */
static void closes_on_a_body_that_nobody_read(void **state)
{
    (void)state;
    int fd = connected();
    assert_true(client_send_text(fd, "POST /unread HTTP/1.1\r\n" HOST "Content-Length: 99\r\n\r\n"
                                     "GET /smuggled HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(client_receive(fd, false, &answer));
    assert_true(answer.closes);
    assert_true(client_sees_end(fd));
    close(fd);

    /* One that is here already is skipped, and the connection stays. */
    fd = connected();
    assert_true(client_send_text(fd, "POST /unread HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                                     "GET /next HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(client_receive(fd, false, &answer));
    assert_false(answer.closes);
    assert_true(client_receive(fd, false, &answer));
    assert_non_null(strstr(answer.body, "/next"));
    close(fd);
}

static void gives_up_on_a_slow_body(void **state)
{
    (void)state;
    http_server_stop(&server);
    start_with(50, NULL, NULL);
    int fd = connected();
    assert_true(client_send_text(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\na"));
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 408);
    assert_true(answer.closes);
    assert_true(client_sees_end(fd));
    close(fd);
}

static void answers_nobody_where_a_body_is_cut(void **state)
{
    (void)state;
    int fd = connected();
    assert_true(client_send_text(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\na"));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_true(client_receive(fd, false, &answer));
    assert_int_equal(answer.status, 400);
    close(fd);
}

/* --- leaving ------------------------------------------------------------------------------- */

static void *drain_in_thread(void *unused)
{
    (void)unused;
    int64_t deadline = clock_monotonic_ms(clock_of_test) + 30000;
    return http_server_drain(server, deadline) ? &gate : NULL;
}

static void drains_before_it_stops(void **state)
{
    (void)state;
    pthread_t thread;
    void *drained = NULL;
    int under_way = connected();
    int new_one = connected();
    assert_true(client_send_text(under_way, "GET /wait HTTP/1.1\r\n" HOST "\r\n"));
    pthread_mutex_lock(&gate.mutex);
    while (gate.waiting == 0)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);

    assert_false(http_server_drain(server, clock_monotonic_ms(clock_of_test)));
    assert_int_equal(pthread_create(&thread, NULL, drain_in_thread, NULL), 0);
    assert_true(client_send_text(new_one, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(client_receive(new_one, false, &answer));
    assert_int_equal(answer.status, 503);
    assert_true(answer.closes);

    pthread_mutex_lock(&gate.mutex);
    gate.released = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
    assert_true(client_receive(under_way, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_true(answer.closes);
    assert_int_equal(pthread_join(thread, &drained), 0);
    assert_non_null(drained);
    close(under_way);
    close(new_one);
}

static void refuses_bad_settings(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "localhost:1",  "127.0.0.1", "8080x", "127.0.0.1:", "127.0.0.1:8080,0.0.0.0:1",
        "127.0.0.1:80r"};
    struct http_server *none = NULL;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_settings settings;
        struct error err = {0};
        http_settings_default(&settings);
        settings.listen = &bad[i];
        settings.listen_count = 1;
        assert_int_equal(http_server_start(&settings, clock_of_test, handle, NULL, &none, &err),
                         ERROR_INVALID);
        assert_null(none);
        assert_string_not_equal(err.message, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_what_could_be_read_in_two_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_an_end_that_is_only_made_up, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_65th_field, setup, teardown),
        cmocka_unit_test_setup_teardown(accepts_what_is_well_formed, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_http_1_0_only_where_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(says_close_where_an_upgrade_ends_the_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(answers_head_without_a_body, setup, teardown),
        cmocka_unit_test_setup_teardown(never_sends_a_header_with_a_line_break, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_or_makes_the_request_id, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_each_worker_a_mebibyte_of_stack, setup, teardown),
        cmocka_unit_test_setup_teardown(dates_every_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_a_head_that_is_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_a_body_that_is_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_a_body_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(invites_a_body_that_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(closes_on_a_body_that_nobody_read, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_up_on_a_slow_body, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_nobody_where_a_body_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(drains_before_it_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_bad_settings, setup, teardown),
    };
    return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
