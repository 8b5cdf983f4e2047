/*
 * http_client against a scripted server: what was sent, how often, and in which class each way of
 * answering badly falls.
 */
#include "gateway/net/http_client.h"

#include "tests/unit/cmocka_all.h"
#include "tests/unit/scripted_server.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define HELLO   OK_HEAD "Content-Length: 5\r\n\r\nhello"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct http_client *make_client(const char *ca_bundle)
{
    const struct http_client_settings settings = {
        .ca_bundle = ca_bundle, .connect_timeout_ms = 10000, .max_handles = 4};
    struct http_client *client;

    assert_int_equal(http_client_create(&settings, &client, NULL), 0);
    return client;
}

struct call {
    int rc;
    unsigned sends;
    struct http_response response;
    struct error err;
};

/* POST, or GET when there is no body. */
static void send_to(struct http_client *client, const char *scheme, const char *host, int port,
                    const char *body, struct call *call)
{
    static const struct http_header headers[] = {{"X-One", "1"}, {"X-Empty", ""}};
    char url[64];
    struct http_request request = {.method = body != NULL ? "POST" : "GET",
                                   .url = url,
                                   .headers = headers,
                                   .header_count = COUNT(headers),
                                   .body = body != NULL && *body != '\0' ? body : NULL,
                                   .body_len = body != NULL ? strlen(body) : 0,
                                   .timeout_ms = 20000,
                                   .max_response_bytes = 16};

    snprintf(url, sizeof(url), "%s://%s:%d/a?b=%%20", scheme, host, port);
    memset(call, 0, sizeof(*call));
    call->rc = http_client_perform(client, &request, &call->response, &call->sends, &call->err);
}

/* One exchange with a server that gives this answer and closes the connection. */
static void exchange(const char *answer, const char *body, struct call *call)
{
    const struct scripted_answer script[] = {{.text = answer, .close = true}};
    struct scripted_server *server = scripted_server_start(script, 1, NULL);
    struct http_client *client = make_client(NULL);

    assert_non_null(server);
    send_to(client, "http", "127.0.0.1", scripted_server_port(server), body, call);
    http_client_free(&client);
    assert_null(client);
    scripted_server_stop_serving(server);
    assert_int_equal(scripted_server_requests(server), call->sends);
    scripted_server_stop(&server);
}

static void test_a_whole_answer(void **state)
{
    struct call call;

    (void)state;
    exchange("HTTP/1.1 402 No\r\nX-Amzn-ErrorType: \t Quota \t\r\nEmpty:\r\nContent-Length:5\r\n"
             "\r\nhello",
             "{}", &call);
    assert_int_equal(call.rc, 0);
    assert_int_equal(call.sends, 1);
    assert_int_equal(call.response.status, 402);
    assert_int_equal(call.response.header_count, 3);
    assert_string_equal(http_response_header(&call.response, "x-amzn-errortype"), "Quota");
    assert_string_equal(http_response_header(&call.response, "empty"), "");
    assert_null(http_response_header(&call.response, "absent"));
    assert_int_equal(call.response.body_len, 5);
    assert_string_equal(call.response.body, "hello");
    http_response_clear(&call.response);
    assert_null(call.response.body);
    http_response_clear(&call.response);
}

static void test_what_counts_as_whole(void **state)
{
    static const struct {
        const char *answer;
        int status;
        const char *body;
    } cases[] = {
        {OK_HEAD "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n", 200,
         "abcde"},
        {OK_HEAD "Content-Length: 0\r\n\r\n", 200, ""},
        {OK_HEAD "Content-Length: 16\r\n\r\n0123456789abcdef", 200, "0123456789abcdef"},
        {"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\nno", 302,
         "no"},
        {"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" HELLO, 200, "hello"},
        {"HTTP/1.1 429 \r\nContent-Length: 0\r\n\r\n", 429, ""},
        {"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", 417, ""},
        {"HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", 401, ""},
    };
    struct call call;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        exchange(cases[i].answer, "{}", &call);
        if (call.rc != 0)
            fail_msg("case %zu: %s", i, call.err.message);
        assert_int_equal(call.sends, 1);
        assert_int_equal(call.response.status, cases[i].status);
        assert_string_equal(call.response.body, cases[i].body);
        assert_null(http_response_header(&call.response, "a"));
        http_response_clear(&call.response);
    }
}

static void test_what_is_not_whole_is_uncertain(void **state)
{
    static const struct {
        const char *answer, *why;
    } cases[] = {
        {NULL, ""},
        {"HTTP/1.1 20", ""},
        {OK_HEAD, "cut short"},
        {OK_HEAD "Content-Le", "cut short"},
        {OK_HEAD "Content-Length: 0\r\n", "cut short"},
        {"HTTP/1.1 100 Continue\r\n\r\n", ""},
        {OK_HEAD "Content-Length: 6\r\n\r\nhello", ""},
        {OK_HEAD "Content-Length: x\r\n\r\nhello", ""},
        {OK_HEAD "Content-Length: 5\r\nContent-Length: 3\r\n\r\nhello", "twice"},
        {OK_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "twice"},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", ""},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", ""},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", ""},
        {OK_HEAD "Transfer-Encoding: gzip\r\n\r\nhello", "not chunked"},
        {OK_HEAD "\r\nhello", "neither"},
        {OK_HEAD "Content-Length: 17\r\n\r\n0123456789abcdefg", "too large"},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n",
         "too large"},
        {OK_HEAD "A: b\r\n c: d\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {OK_HEAD "nonsense\r\nContent-Length: 0\r\n\r\n", ""},
        {"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", ""},
        {"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", ""},
        {"SSH-2.0-OpenSSH\r\n", ""},
    };
    struct call call;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        exchange(cases[i].answer, "{}", &call);
        if (call.rc != ERROR_UNCERTAIN || strstr(call.err.message, cases[i].why) == NULL)
            fail_msg("case %zu: %d, %s", i, call.rc, call.err.message);
        assert_int_equal(call.sends, 1);
        assert_null(call.response.body);
        assert_int_equal(call.response.header_count, 0);
    }
}

static void test_heads_are_bounded(void **state)
{
    static char text[64 * 1024];
    struct call call;
    int at;

    (void)state;
    for (int extra = 0; extra <= 1; extra++) {
        at = snprintf(text, sizeof(text), OK_HEAD "Content-Length: 0\r\n");
        for (int i = 1; i < HTTP_CLIENT_MAX_HEADERS + extra; i++)
            at += snprintf(text + at, 32, "h%d: v\r\n", i);
        memcpy(text + at, "\r\n", 3);
        exchange(text, NULL, &call);
        assert_int_equal(call.rc, extra == 0 ? 0 : ERROR_UNCERTAIN);
        http_response_clear(&call.response);
    }
    at = snprintf(text, sizeof(text), OK_HEAD "Content-Length: 0\r\nLong: ");
    memset(text + at, 'x', 33 * 1024);
    memcpy(text + at + 33 * 1024, "\r\n\r\n", 5);
    exchange(text, NULL, &call);
    assert_int_equal(call.rc, ERROR_UNCERTAIN);
    assert_non_null(strstr(call.err.message, "head is too large"));
}

/* The whole text of a request, so that nothing of libcurl's own slips in. */
static void test_sends_exactly_what_it_was_given(void **state)
{
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"{\"a\":1}", "POST /a?b=%%20 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-One: 1\r\nX-Empty:\r\n"
                      "Content-Length: 7\r\n\r\n{\"a\":1}"},
        {"", "POST /a?b=%%20 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-One: 1\r\nX-Empty:\r\n"
             "Content-Length: 0\r\n\r\n"},
        {NULL, "GET /a?b=%%20 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-One: 1\r\nX-Empty:\r\n\r\n"},
    };
    const struct scripted_answer script[] = {{.text = HELLO}};
    char want[512];

    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scripted_server *server = scripted_server_start(script, 1, NULL);
        struct http_client *client = make_client(NULL);
        int port = scripted_server_port(server);
        struct call call;

        send_to(client, "http", "127.0.0.1", port, cases[i].body, &call);
        assert_int_equal(call.rc, 0);
        http_response_clear(&call.response);
        http_client_free(&client);
        scripted_server_stop_serving(server);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(want, sizeof(want), cases[i].want, port);
#pragma GCC diagnostic pop
        assert_string_equal(scripted_server_last(server), want);
        scripted_server_stop(&server);
    }
    unsetenv("http_proxy");
}

/* The target of the one request that a server got for this URL's end. */
static void check_target(const char *url_end, const char *want)
{
    const struct scripted_answer script[] = {{.text = HELLO}};
    struct scripted_server *server = scripted_server_start(script, 1, NULL);
    struct http_client *client = make_client(NULL);
    char url[128], line[128];
    const struct http_request request = {
        .method = "GET", .url = url, .timeout_ms = 20000, .max_response_bytes = 16};
    struct call call = {0};

    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", scripted_server_port(server), url_end);
    assert_int_equal(http_client_perform(client, &request, &call.response, &call.sends, &call.err),
                     0);
    http_response_clear(&call.response);
    http_client_free(&client);
    scripted_server_stop_serving(server);
    snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\n", want);
    assert_memory_equal(scripted_server_last(server), line, strlen(line));
    scripted_server_stop(&server);
}

/* What is signed is what is sent: nothing is made nicer. */
static void test_a_target_is_sent_as_it_is(void **state)
{
    (void)state;
    check_target("", "/");
    check_target("?a=b", "/?a=b");
    check_target("/a/../%2F%2f/./b//c?x=/../%C3%A4", "/a/../%2F%2f/./b//c?x=/../%C3%A4");
}

/* One handle, two servers, there and back; a URL that is none in between does no harm. */
static void test_a_handle_changes_its_server(void **state)
{
    const struct scripted_answer script[] = {{.text = HELLO}, {.text = HELLO}};
    struct scripted_server *servers[2];
    struct http_client *client = make_client(NULL);
    struct call call;

    (void)state;
    for (size_t i = 0; i < COUNT(servers); i++)
        servers[i] = scripted_server_start(script, COUNT(script), NULL);
    for (size_t i = 0; i < 2 * COUNT(servers); i++) {
        for (int wrong = 0; wrong < 2; wrong++) {
            send_to(client, "http", "127.0.0.1", 123456, NULL, &call);
            assert_int_equal(call.rc, ERROR_INVALID);
            assert_non_null(strstr(call.err.message, "123456/a?b=%20\", which"));
        }
        send_to(client, "http", "127.0.0.1", scripted_server_port(servers[i % 2]), NULL, &call);
        assert_int_equal(call.rc, 0);
        http_response_clear(&call.response);
    }
    http_client_free(&client);
    for (size_t i = 0; i < COUNT(servers); i++) {
        scripted_server_stop_serving(servers[i]);
        assert_int_equal(scripted_server_requests(servers[i]), 2);
        scripted_server_stop(&servers[i]);
    }
}

static void test_a_handle_keeps_its_connection(void **state)
{
    const struct scripted_answer script[] = {
        {.text = HELLO}, {.text = HELLO}, {.text = OK_HEAD "Content-Length: 0\r\n\r\n"}};
    const char *const bodies[] = {"{}", NULL, "{}"};
    struct scripted_server *server = scripted_server_start(script, COUNT(script), NULL);
    struct http_client *client = make_client(NULL);
    struct call call;

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        send_to(client, "http", "127.0.0.1", scripted_server_port(server), bodies[i], &call);
        assert_int_equal(call.rc, 0);
        assert_string_equal(call.response.body, i < 2 ? "hello" : "");
        http_response_clear(&call.response);
    }
    http_client_free(&client);
    scripted_server_stop_serving(server);
    assert_int_equal(scripted_server_connections(server), 1);
    assert_int_equal(scripted_server_requests(server), 3);
    scripted_server_stop(&server);
}

static void test_a_pool_of_none_keeps_no_connection(void **state)
{
    const struct http_client_settings settings = {.connect_timeout_ms = 10000};
    const struct scripted_answer script[] = {{.text = HELLO}, {.text = HELLO}};
    struct scripted_server *server = scripted_server_start(script, COUNT(script), NULL);
    struct http_client *client;
    struct call call;

    (void)state;
    assert_int_equal(http_client_create(&settings, &client, NULL), 0);
    for (size_t i = 0; i < COUNT(script); i++) {
        send_to(client, "http", "127.0.0.1", scripted_server_port(server), "{}", &call);
        assert_int_equal(call.rc, 0);
        http_response_clear(&call.response);
    }
    http_client_free(&client);
    scripted_server_stop_serving(server);
    assert_int_equal(scripted_server_connections(server), 2);
    scripted_server_stop(&server);
}

/*
 * The server reads the second POST of a kept connection and closes without an answer: libcurl would
 * send it again by itself, and the third answer of the script would be taken for the second's.
 */
static void test_nothing_is_sent_twice_in_silence(void **state)
{
    const struct scripted_answer script[] = {
        {.text = HELLO}, {.text = NULL, .close = true}, {.text = HELLO}, {.text = HELLO}};
    struct scripted_server *server = scripted_server_start(script, COUNT(script), NULL);
    struct http_client *client = make_client(NULL);
    struct call call;

    (void)state;
    send_to(client, "http", "127.0.0.1", scripted_server_port(server), "{}", &call);
    assert_int_equal(call.rc, 0);
    http_response_clear(&call.response);
    send_to(client, "http", "127.0.0.1", scripted_server_port(server), "{}", &call);
    assert_int_equal(call.rc, ERROR_UNCERTAIN);
    assert_int_equal(call.sends, 1);
    assert_non_null(strstr(call.err.message, "nothing is sent twice"));
    send_to(client, "http", "127.0.0.1", scripted_server_port(server), "{}", &call);
    assert_int_equal(call.rc, 0); /* the handle is as good as new */
    assert_int_equal(call.sends, 1);
    http_response_clear(&call.response);
    http_client_free(&client);
    scripted_server_stop_serving(server);
    assert_int_equal(scripted_server_requests(server), 3);
    scripted_server_stop(&server);
}

/* A connection that the server closed after an answer: at most one POST, whoever sees it first. */
static void test_a_closed_connection_costs_no_second_send(void **state)
{
    const struct scripted_answer script[] = {{.text = HELLO, .close = true}, {.text = HELLO}};
    struct scripted_server *server = scripted_server_start(script, COUNT(script), NULL);
    struct http_client *client = make_client(NULL);
    struct call call;

    (void)state;
    send_to(client, "http", "127.0.0.1", scripted_server_port(server), "{}", &call);
    assert_int_equal(call.rc, 0);
    http_response_clear(&call.response);
    send_to(client, "http", "127.0.0.1", scripted_server_port(server), "{}", &call);
    assert_true(call.rc == 0 || call.rc == ERROR_UNCERTAIN);
    assert_int_equal(call.sends, 1);
    http_client_free(&client);
    scripted_server_stop_serving(server);
    assert_int_equal(scripted_server_requests(server), call.rc == 0 ? 2 : 1);
    http_response_clear(&call.response);
    scripted_server_stop(&server);
}

static void test_a_late_answer_is_uncertain(void **state)
{
    const struct scripted_answer script[] = {{.text = OK_HEAD, .hold = true}};
    struct scripted_server *server = scripted_server_start(script, 1, NULL);
    struct http_client *client = make_client(NULL);
    char url[64];
    struct http_request request = {.method = "GET", .url = url, .timeout_ms = 1};
    struct call call = {0};

    (void)state;
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", scripted_server_port(server));
    for (request.timeout_ms = 1; call.sends == 0; request.timeout_ms *= 2) {
        /* Too short even to connect on a slow machine, at first. */
        call.rc = http_client_perform(client, &request, &call.response, &call.sends, &call.err);
        assert_int_equal(call.rc, call.sends == 0 ? ERROR_RETRY : ERROR_UNCERTAIN);
    }
    request.timeout_ms = 0;
    assert_int_equal(http_client_perform(client, &request, &call.response, &call.sends, &call.err),
                     ERROR_RETRY);
    assert_int_equal(call.sends, 0);
    http_client_free(&client);
    scripted_server_stop(&server);
}

static void test_a_refused_connection_sends_nothing(void **state)
{
    struct scripted_server *server = scripted_server_start(NULL, 0, NULL);
    struct http_client *client = make_client(NULL);
    int port = scripted_server_port(server);
    struct call call;

    (void)state;
    scripted_server_stop(&server);
    send_to(client, "http", "127.0.0.1", port, "{}", &call);
    assert_int_equal(call.rc, ERROR_RETRY);
    assert_int_equal(call.sends, 0);
    assert_non_null(strstr(call.err.message, "nothing was sent"));
    send_to(client, "http", "name.invalid", port, "{}", &call);
    assert_int_equal(call.rc, ERROR_RETRY);
    assert_int_equal(call.sends, 0);
    http_client_free(&client);
}

static void test_wrong_requests_are_invalid(void **state)
{
    struct http_header headers[HTTP_CLIENT_MAX_HEADERS + 1];
    char long_value[4096];
    const struct {
        struct http_header header;
        const char *method, *url;
        size_t count, body_len;
    } cases[] = {
        {{"X-Name", "v"}, "PUT", "http://127.0.0.1:1/", 1, 0},
        {{"X-Name", "v"}, "GET", "ftp://127.0.0.1:1/", 1, 0},
        {{"X-Name", "v"}, "GET", "file:///etc/passwd", 1, 0},
        {{"X-Name", "v"}, "GET", "http://127.0.0.1:x/", 1, 0},
        {{"X-Name", "v"}, "GET", "http://", 1, 0},
        {{"X-Name", "v"}, "GET", "http://127.0.0.1:1/a b", 1, 0},
        {{"X-Name", "v"}, "GET", "http://127.0.0.1:1/a\r\nX: y", 1, 0},
        {{"X-Name", "v"}, "GET", "http://127.0.0.1:1/\xC3\xA4", 1, 0},
        {{"X-Name", "v"}, "GET", "http://127.0.0.1:1/a#b", 1, 0},
        {{"X-Name", "v"}, "GET", "http://127.0.0.1:1#b", 1, 0},
        {{"X-Name", "v"}, "GET", "http://127.0.0.1:1/", 1, 1},
        {{"X-Name", "a\r\nb"}, "GET", "http://127.0.0.1:1/", 1, 0},
        {{"a b", "v"}, "GET", "http://127.0.0.1:1/", 1, 0},
        {{"", "v"}, "GET", "http://127.0.0.1:1/", 1, 0},
        {{"content-length", "v"}, "POST", "http://127.0.0.1:1/", 1, 0},
        {{"Transfer-encoding", "v"}, "POST", "http://127.0.0.1:1/", 1, 0},
        {{"X-Name", "v"}, "GET", "http://127.0.0.1:1/", HTTP_CLIENT_MAX_HEADERS + 1, 0},
        {{"X-Name", long_value}, "GET", "http://127.0.0.1:1/", HTTP_CLIENT_MAX_HEADERS, 0},
    };
    struct http_client *client = make_client(NULL);
    struct call call;

    (void)state;
    memset(long_value, 'x', sizeof(long_value) - 1);
    long_value[sizeof(long_value) - 1] = '\0';
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct http_request request = {.method = cases[i].method,
                                             .url = cases[i].url,
                                             .headers = headers,
                                             .header_count = cases[i].count,
                                             .body = "x",
                                             .body_len = cases[i].body_len,
                                             .timeout_ms = 20000};

        for (size_t j = 0; j < COUNT(headers); j++)
            headers[j] = cases[i].header;
        call.rc = http_client_perform(client, &request, &call.response, &call.sends, &call.err);
        if (call.rc != ERROR_INVALID || call.sends != 0)
            fail_msg("case %zu: %d, %s", i, call.rc, call.err.message);
    }
    http_client_free(&client);
    assert_int_equal(http_client_create(&(struct http_client_settings){0}, &client, &call.err),
                     ERROR_INVALID);
}

struct worker {
    struct http_client *client;
    int port;
    pthread_t thread;
    unsigned wrong;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct call call;

    for (int i = 0; i < 8; i++) {
        send_to(w->client, "http", "127.0.0.1", w->port, "{}", &call);
        w->wrong += call.rc != 0 || strcmp(call.response.body, "hello") != 0;
        http_response_clear(&call.response);
    }
    return NULL;
}

static void test_threads_share_the_pool(void **state)
{
    struct scripted_answer script[64];
    struct worker workers[8] = {0};
    struct scripted_server *server;
    struct http_client *client = make_client(NULL);

    (void)state;
    for (size_t i = 0; i < COUNT(script); i++)
        script[i] = (struct scripted_answer){
            .text = OK_HEAD "Connection: close\r\nContent-Length: 5\r\n\r\nhello", .close = true};
    server = scripted_server_start(script, COUNT(script), NULL);
    for (size_t i = 0; i < COUNT(workers); i++) {
        workers[i].client = client;
        workers[i].port = scripted_server_port(server);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < COUNT(workers); i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
    }
    http_client_free(&client);
    scripted_server_stop_serving(server);
    assert_int_equal(scripted_server_requests(server), COUNT(script));
    scripted_server_stop(&server);
}

/* --- TLS ----------------------------------------------------------------------------------- */

struct identity {
    char path[32]; /* PEM of the certificate, which is its own authority */
    SSL_CTX *tls;
};

static X509 *self_sign(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    X509_add_ext(cert, san, -1);
    X509_EXTENSION_free(san);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static void make_identity(struct identity *id)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = self_sign(key);
    FILE *file;

    snprintf(id->path, sizeof(id->path), "/tmp/test_http.XXXXXX");
    file = fdopen(mkstemp(id->path), "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    fclose(file);
    id->tls = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(id->tls, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(id->tls, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void drop_identity(struct identity *id)
{
    SSL_CTX_free(id->tls);
    unlink(id->path);
}

static void test_tls_trusts_only_its_bundle_and_the_right_name(void **state)
{
    const struct scripted_answer script[] = {{.text = HELLO}};
    struct identity server_id = {0}, other_id = {0};
    struct scripted_server *server;
    struct http_client *right, *wrong, *system;
    struct call call;
    int port;

    (void)state;
    make_identity(&server_id);
    make_identity(&other_id);
    server = scripted_server_start(script, 1, server_id.tls);
    port = scripted_server_port(server);
    right = make_client(server_id.path);
    wrong = make_client(other_id.path);
    system = make_client(NULL);
    send_to(wrong, "https", "127.0.0.1", port, "{}", &call);
    assert_true(call.rc == ERROR_RETRY && call.sends == 0);
    send_to(system, "https", "127.0.0.1", port, "{}", &call);
    assert_true(call.rc == ERROR_RETRY && call.sends == 0);
    send_to(right, "https", "localhost", port, "{}", &call);
    assert_true(call.rc == ERROR_RETRY && call.sends == 0);
    send_to(right, "https", "127.0.0.1", port, "{}", &call);
    assert_int_equal(call.rc, 0);
    assert_string_equal(call.response.body, "hello");
    http_response_clear(&call.response);
    http_client_free(&right);
    http_client_free(&wrong);
    http_client_free(&system);
    scripted_server_stop_serving(server);
    assert_int_equal(scripted_server_requests(server), 1);
    scripted_server_stop(&server);
    drop_identity(&server_id);
    drop_identity(&other_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_answer),
        cmocka_unit_test(test_what_counts_as_whole),
        cmocka_unit_test(test_what_is_not_whole_is_uncertain),
        cmocka_unit_test(test_heads_are_bounded),
        cmocka_unit_test(test_sends_exactly_what_it_was_given),
        cmocka_unit_test(test_a_target_is_sent_as_it_is),
        cmocka_unit_test(test_a_handle_changes_its_server),
        cmocka_unit_test(test_a_handle_keeps_its_connection),
        cmocka_unit_test(test_a_pool_of_none_keeps_no_connection),
        cmocka_unit_test(test_nothing_is_sent_twice_in_silence),
        cmocka_unit_test(test_a_closed_connection_costs_no_second_send),
        cmocka_unit_test(test_a_late_answer_is_uncertain),
        cmocka_unit_test(test_a_refused_connection_sends_nothing),
        cmocka_unit_test(test_wrong_requests_are_invalid),
        cmocka_unit_test(test_threads_share_the_pool),
        cmocka_unit_test(test_tls_trusts_only_its_bundle_and_the_right_name),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
