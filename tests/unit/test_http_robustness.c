/*
 * The whole server under requests that are meant to break it, a thousand times each: an answer
 * every time, and no memory kept.
 */
#include "tests/unit/cmocka_all.h"

#include "gateway/http/server.h"
#include "tests/unit/api_world.h"
#include "tests/unit/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPEATS      1000
#define WARM_UP      50 /* threads and allocator take what they will ever have */
#define GROWTH_BYTES (1024 * 1024)
#define NESTED       100000
#define LARGE_BODY   (10 * 1024 * 1024)
#define LARGE_HEADER (64 * 1024)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_JUDGED 0 /* sanitizers keep freed memory aside */
#else
#define MEMORY_IS_JUDGED 1
#endif

static struct http_server *server;
static uint16_t port;
static char token[WORLD_MAX_TOKEN];
static struct client_answer answer;

static int setup(void **state)
{
    static const char *const addresses[] = {"127.0.0.1:0"};
    struct http_settings settings;
    struct error err = {0};
    uint16_t ports[HTTP_MAX_LISTENERS];
    (void)state;
    if (world_open() != 0)
        return -1;
    world_token("assembly-line", "models:start models:read", token);
    http_settings_default(&settings);
    settings.listen = addresses;
    settings.listen_count = 1;
    settings.threads = 2;
    /* Large enough that the depth is what refuses the nested body. */
    settings.max_body_bytes = 1024 * 1024;
    if (http_server_start(&settings, world.clock, api_handle, world.api, &server, &err) != 0) {
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
    world_close();
    return 0;
}

static long resident_bytes(void)
{
    char text[128] = "";
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    const char *second = strchr(text, ' ');
    assert_non_null(second);
    return strtol(second, NULL, 10) * sysconf(_SC_PAGESIZE);
}

/* Sends all of it first, as a client does that does not look, then expects the answer. */
static void send_and_expect(const char *request, size_t len, int status, const char *problem)
{
    char type[128];
    int fd = client_connect(port);
    assert_true(fd >= 0);
    (void)client_send(fd, request, len);
    if (!client_receive(fd, false, &answer))
        fail_msg("no answer where %d was expected", status);
    close(fd);
    assert_int_equal(answer.status, status);
    snprintf(type, sizeof(type), "\"/problems/%s\"", problem);
    assert_non_null(strstr(answer.body, type));
}

static void repeat(const char *request, size_t len, int status, const char *problem)
{
    for (int i = 0; i < WARM_UP; i++)
        send_and_expect(request, len, status, problem);
    long before = resident_bytes();
    for (int i = 0; i < REPEATS; i++)
        send_and_expect(request, len, status, problem);
    long growth = resident_bytes() - before;
    if (MEMORY_IS_JUDGED && growth > GROWTH_BYTES)
        fail_msg("%ld bytes more after %d repeats", growth, REPEATS);
}

/* A head, and `count` times `fill` behind it. */
static char *make_request(const char *head, char fill, size_t count, const char *tail, size_t *len)
{
    size_t head_len = strlen(head);
    char *request = malloc(head_len + count + strlen(tail) + 1);
    assert_non_null(request);
    memcpy(request, head, head_len);
    memset(request + head_len, fill, count);
    memcpy(request + head_len + count, tail, strlen(tail) + 1);
    *len = head_len + count + strlen(tail);
    return request;
}

#define POST_HEAD                                                                                  \
    "POST /v1/projects/circuit-boards/models/3/start HTTP/1.1\r\nHost: h\r\n"                      \
    "Content-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"

static void survives_nested_json(void **state)
{
    (void)state;
    char head[WORLD_MAX_TOKEN + 512];
    size_t len;
    snprintf(head, sizeof(head), POST_HEAD, token, NESTED);
    char *request = make_request(head, '[', NESTED, "", &len);
    repeat(request, len, 400, "invalid-body");
    free(request);
}

/* "W1tb" is base64url for three brackets; nothing in it is parsed before the signature fits. */
static void survives_a_nested_token(void **state)
{
    (void)state;
    static const char head[] = "GET /v1/quota HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
                               "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.";
    char request[14 * 1024];
    size_t len = sizeof(head) - 1;
    memcpy(request, head, len);
    for (; len < 13 * 1024; len += 4)
        memcpy(request + len, "W1tb", 4);
    len += (size_t)snprintf(request + len, sizeof(request) - len, ".AAAA\r\n\r\n");
    repeat(request, len, 401, "invalid-token");
}

static void survives_a_large_header(void **state)
{
    (void)state;
    size_t len;
    char *request = make_request("GET /v1/quota HTTP/1.1\r\nHost: h\r\nX-Large: ", 'a',
                                 LARGE_HEADER, "\r\n\r\n", &len);
    repeat(request, len, 431, "head-too-large");
    free(request);
}

static void survives_a_large_body(void **state)
{
    (void)state;
    char head[WORLD_MAX_TOKEN + 512];
    size_t len;
    snprintf(head, sizeof(head), POST_HEAD, token, LARGE_BODY);
    char *request = make_request(head, '[', LARGE_BODY, "", &len);
    repeat(request, len, 413, "body-too-large");
    free(request);
}

int main(void)
{
#define ROBUSTNESS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROBUSTNESS_TEST(survives_nested_json),
        ROBUSTNESS_TEST(survives_a_nested_token),
        ROBUSTNESS_TEST(survives_a_large_header),
        ROBUSTNESS_TEST(survives_a_large_body),
    };
    return cmocka_run_group_tests_name("http_robustness", tests, NULL, NULL);
}
