/* What a client can't do to the others: hold a thread for ever, or leave a trace it did not make.
 */
#include "tests/unit/cmocka_all.h"

#include "gateway/base/log.h"
#include "gateway/http/json_out.h"
#include "gateway/http/server.h"
#include "tests/unit/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS     20000 /* until a test gives up waiting for what should come */
#define WRITE_MS        500   /* the server's time for an answer */
#define LARGE_BYTES     (3 * 1024 * 1024)
#define SMALL_WINDOW    2048 /* bytes that a slow reader lets come at a time */
#define READ_PAUSE_MS   20
#define READ_EACH_PAUSE 512

static struct clock *clock_of_test;
static struct http_server *server;
static uint16_t port;
static struct client_answer answer;
static atomic_int handled, faulty;

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool inside, released;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void pass_gate(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.inside = true;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.released)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
}

static void handle(void *context, struct exchange *exchange)
{
    (void)context;
    handled++;
    if (exchange->fault != PROBLEM_NONE) {
        faulty++;
        exchange_problem(exchange, exchange->fault, exchange->fault_detail);
        return;
    }
    if (strcmp(exchange->head.path, "/wait") == 0)
        pass_gate();
    struct strbuf *out = exchange_begin_json(exchange, 200);
    if (strcmp(exchange->head.path, "/large") == 0) {
        json_out_string(out, "Text", "");
        out->len--; /* the closing quote comes behind the filling */
        for (int i = 0; i < LARGE_BYTES / 16; i++)
            strbuf_add(out, "0123456789abcdef", 16);
        strbuf_addch(out, '"');
    }
    exchange_end_json(exchange);
}

/* One thread: whoever holds it keeps out everybody else. */
static int setup(void **state)
{
    static const char *const addresses[] = {"127.0.0.1:0"};
    struct http_settings settings;
    struct error err = {0};
    uint16_t ports[HTTP_MAX_LISTENERS];
    (void)state;
    handled = faulty = 0;
    gate.inside = gate.released = false;
    if (clock_open(&clock_of_test, &err) != 0)
        return -1;
    http_settings_default(&settings);
    settings.listen = addresses;
    settings.listen_count = 1;
    settings.threads = 1;
    settings.request_timeout_ms = WRITE_MS;
    settings.keep_alive_timeout_ms = PATIENCE_MS;
    if (http_server_start(&settings, clock_of_test, handle, NULL, &server, &err) != 0)
        return -1;
    (void)http_server_ports(server, ports);
    port = ports[0];
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_server_stop(&server);
    clock_close(&clock_of_test);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int connected(void)
{
    int fd = client_connect(port);
    assert_true(fd >= 0);
    return fd;
}

static void ask(int fd, const char *path)
{
    char text[128];
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    assert_true(client_send_text(fd, text));
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    return poll(&readable, 1, timeout_ms) > 0;
}

static void a_busy_connection_gives_way_to_one_that_waits(void **state)
{
    (void)state;
    int busy = connected();
    ask(busy, "/");
    assert_true(client_receive(busy, false, &answer));
    assert_false(answer.closes);
    int waiting = connected();
    ask(waiting, "/");
    /* Until the server has accepted the other, it keeps the connection rightly. */
    int64_t until_ms = now_ms() + PATIENCE_MS;
    while (!answer.closes && now_ms() < until_ms) {
        ask(busy, "/");
        assert_true(client_receive(busy, false, &answer));
    }
    assert_true(answer.closes);
    assert_true(client_sees_end(busy));
    assert_true(client_receive(waiting, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_false(answer.closes);
    close(busy);
    close(waiting);
}

static int connected_with_small_window(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int window = SMALL_WINDOW;
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void a_slow_reader_is_cut_off(void **state)
{
    (void)state;
    char waste[READ_EACH_PAUSE];
    int slow = connected_with_small_window();
    ask(slow, "/large");
    assert_true(is_readable(slow, PATIENCE_MS));
    int waiting = connected();
    ask(waiting, "/");
    int64_t until_ms = now_ms() + PATIENCE_MS;
    while (!is_readable(waiting, READ_PAUSE_MS) && now_ms() < until_ms)
        (void)recv(slow, waste, sizeof(waste), MSG_DONTWAIT);
    assert_true(is_readable(waiting, 0));
    assert_true(client_receive(waiting, false, &answer));
    assert_int_equal(answer.status, 200);
    close(slow);
    close(waiting);
}

/* The answer can't be written, and that is no second request. */
static void a_client_that_leaves_is_counted_once(void **state)
{
    (void)state;
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int leaving = connected();
    assert_true(client_send_text(leaving, "GET /wait HTTP/1.1\r\nHost: a\r\n"
                                          "Connection: close\r\n\r\n"));
    pthread_mutex_lock(&gate.mutex);
    while (!gate.inside)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
    assert_int_equal(setsockopt(leaving, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close(leaving);
    pthread_mutex_lock(&gate.mutex);
    gate.released = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
    /* The only thread answers this when it is done with the other. */
    int next = connected();
    ask(next, "/");
    assert_true(client_receive(next, false, &answer));
    assert_int_equal(handled, 2);
    assert_int_equal(faulty, 0);
    close(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_busy_connection_gives_way_to_one_that_waits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_slow_reader_is_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_leaves_is_counted_once, setup, teardown),
    };
    return cmocka_run_group_tests_name("http_fairness", tests, NULL, NULL);
}
