/* lookoutvision: what stands on the wire, one send a call, and the fate of each call. */
#include "gateway/upstream/lookoutvision.h"

#include "gateway/aws/sigv4.h"
#include "gateway/base/log.h"
#include "tests/unit/cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 16384
#define REPLIES_MAX 8
#define SECRET      "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define STARTING    "{\"Status\":\"STARTING_HOSTING\"}"
#define MINUTE_MS   INT64_C(60000)

/* ---- a server that reads whole requests and answers each with the next reply ---- */

struct server {
    int listener;
    int port;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    char *replies[REPLIES_MAX];
    unsigned reply_count;
    unsigned requests;
    char last[REQUEST_MAX]; /* the last request, as it came */
};

static int listen_on_loopback(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* True when a whole request, body included, was read into `text`. */
static bool read_request(int fd, char text[REQUEST_MAX])
{
    size_t len = 0;

    for (;;) {
        const char *end = strstr(text, "\r\n\r\n");
        if (end != NULL) {
            const char *length = strcasestr(text, "\r\nContent-Length:");
            const size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
            if (len >= (size_t)(end + 4 - text) + body)
                return true;
        }
        const ssize_t got = read(fd, text + len, REQUEST_MAX - 1 - len);
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
    }
}

static void answer_connection(struct server *server, int fd)
{
    char text[REQUEST_MAX] = "";
    const char *reply = NULL;

    if (!read_request(fd, text))
        return;
    pthread_mutex_lock(&server->mutex);
    if (server->requests < server->reply_count)
        reply = server->replies[server->requests];
    server->requests++;
    memcpy(server->last, text, sizeof(text));
    pthread_mutex_unlock(&server->mutex);
    for (size_t sent = 0; reply != NULL && sent < strlen(reply);) {
        const ssize_t count = write(fd, reply + sent, strlen(reply) - sent);
        if (count <= 0)
            return;
        sent += (size_t)count;
    }
}

static void *serve(void *data)
{
    struct server *server = data;

    for (;;) {
        const int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        answer_connection(server, fd);
        close(fd);
    }
}

static void server_start(struct server *server)
{
    *server = (struct server){.listener = -1};
    server->listener = listen_on_loopback(&server->port);
    assert_int_equal(pthread_mutex_init(&server->mutex, NULL), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    close(server->listener);
    for (unsigned i = 0; i < server->reply_count; i++)
        free(server->replies[i]);
}

/* Takes the text as it is; NULL = the connection ends without an answer. */
static void add_raw_reply(struct server *server, const char *text)
{
    pthread_mutex_lock(&server->mutex);
    assert_true(server->reply_count < REPLIES_MAX);
    server->replies[server->reply_count++] = text != NULL ? strdup(text) : NULL;
    pthread_mutex_unlock(&server->mutex);
}

static void add_reply(struct server *server, int status, const char *headers, const char *body)
{
    char *text = NULL;

    assert_true(asprintf(&text,
                         "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
                         status, strlen(body), headers, body) > 0);
    add_raw_reply(server, text);
    free(text);
}

static unsigned request_count(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    const unsigned count = server->requests;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

/* The value of a header of the last request, or NULL; in a buffer that the next call reuses. */
static const char *sent_header(struct server *server, const char *name)
{
    static char value[4096];
    char key[128];
    const char *found = NULL;

    snprintf(key, sizeof(key), "\r\n%s: ", name);
    pthread_mutex_lock(&server->mutex);
    const char *at = strcasestr(server->last, key);
    if (at != NULL) {
        at += strlen(key);
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
        found = value;
    }
    pthread_mutex_unlock(&server->mutex);
    return found;
}

/* ---- an upstream that talks to it ---- */

struct fixture {
    struct server server;
    struct clock *clock;
    struct http_client *client;
    struct aws_credentials_provider *credentials;
    struct upstream *upstream;
    int log_fd;
};

/* Gives one key and a session token; or fails with `code`. */
static int fixed_code;

static int fixed_get(void *self, struct aws_credentials **out, struct error *err)
{
    (void)self;
    if (fixed_code != 0)
        return error_set(err, (enum error_code)fixed_code, "the test has no credentials");
    return aws_credentials_create("AKIDEXAMPLE", SECRET, "session/token==", AWS_NEVER_EXPIRES, out,
                                  err);
}

static void fixed_free(void *self)
{
    (void)self;
}

static const struct aws_credentials_provider_ops fixed_ops = {"test", fixed_get, fixed_free};

static struct upstream *open_upstream(const struct fixture *f, const char *prefix,
                                      int64_t per_second)
{
    char endpoint[128];
    struct upstream *upstream = NULL;
    struct error err = {0};

    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d%s", f->server.port, prefix);
    const struct lookoutvision_settings settings = {
        .endpoint = endpoint,
        .region = "eu-central-1",
        .attempt_timeout_ms = MINUTE_MS,
        .start_pacing.per_second = per_second,
        .stop_pacing.per_second = per_second,
        .describe_pacing.per_second = per_second,
        .list_pacing.per_second = per_second,
        .credentials = f->credentials,
        .client = f->client,
        .clock = f->clock,
    };
    if (lookoutvision_open(&settings, &upstream, &err) != 0)
        fail_msg("%s", err.message);
    return upstream;
}

static int setup(void **state)
{
    static struct fixture f;
    const struct http_client_settings settings = {.connect_timeout_ms = MINUTE_MS,
                                                  .max_handles = 4};

    signal(SIGPIPE, SIG_IGN);
    fixed_code = 0;
    server_start(&f.server);
    assert_int_equal(clock_open(&f.clock, NULL), 0);
    f.log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    log_init(f.clock, f.log_fd, LOG_ERROR);
    assert_int_equal(http_client_create(&settings, &f.client, NULL), 0);
    assert_int_equal(aws_credentials_provider_create(&fixed_ops, NULL, &f.credentials, NULL), 0);
    f.upstream = open_upstream(&f, "", 0);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    upstream_free(&f->upstream);
    http_client_free(&f->client);
    aws_credentials_provider_free(&f->credentials);
    server_stop(&f->server);
    clock_close(&f->clock);
    close(f->log_fd);
    return 0;
}

static const char start_bytes[] = "{\"MinInferenceUnits\":1,\"MaxInferenceUnits\":2}";

static struct upstream_call make_call(const struct fixture *f)
{
    return (struct upstream_call){
        .model = {.project = "circuit-boards", .version = "3"},
        .client_token = "0123-token",
        .deadline_ms = clock_monotonic_ms(f->clock) + MINUTE_MS,
    };
}

static struct upstream_answer call_start(const struct fixture *f, const struct upstream *upstream)
{
    struct upstream_call call = make_call(f);
    struct upstream_answer answer;

    call.body = start_bytes;
    call.body_len = sizeof(start_bytes) - 1;
    memset(&answer, 0xff, sizeof(answer)); /* it must be filled in every case */
    upstream->ops->start(upstream->self, &call, &answer);
    return answer;
}

/* ---- the wire ---- */

static void assert_not_sent(struct fixture *f, const struct upstream_answer *answer,
                            const char *why, unsigned requests)
{
    assert_int_equal(answer->fate, UPSTREAM_NOT_SENT);
    assert_int_equal(answer->sends, 0);
    assert_int_equal(answer->http_status, 0);
    assert_non_null(strstr(answer->message, why));
    assert_true(answer->began_monotonic_ms <= answer->ended_monotonic_ms);
    assert_int_equal(request_count(&f->server), requests);
}

/* Signs again what arrived, with our own names for what was signed. `query` may be NULL. */
static void assert_signature_of(struct fixture *f, const char *method, const char *path,
                                const char *query, const char *const *names, size_t count,
                                const char *body)
{
    struct sigv4_header headers[8];
    char *values[8];
    struct sigv4_scope scope = {.region = "eu-central-1", .service = "lookoutvision"};
    const struct sigv4_request request = {.method = method,
                                          .path = path,
                                          .query = query,
                                          .headers = headers,
                                          .header_count = count,
                                          .body = body,
                                          .body_len = strlen(body),
                                          .normalize_path = true};
    struct strbuf expected;

    snprintf(scope.date, sizeof(scope.date), "%s", sent_header(&f->server, "X-Amz-Date"));
    for (size_t i = 0; i < count; i++) {
        values[i] = strdup(sent_header(&f->server, names[i]));
        headers[i] = (struct sigv4_header){names[i], values[i]};
    }
    strbuf_init(&expected, 4096);
    assert_int_equal(sigv4_sign(&request, &scope, "AKIDEXAMPLE", SECRET, NULL, &expected, NULL), 0);
    assert_string_equal(sent_header(&f->server, "Authorization"), expected.data);
    strbuf_free(&expected);
    for (size_t i = 0; i < count; i++)
        free(values[i]);
}

static void assert_signature(struct fixture *f, const char *method, const char *path,
                             const char *const *names, size_t count, const char *body)
{
    assert_signature_of(f, method, path, NULL, names, count, body);
}

static void assert_request_line(struct fixture *f, const char *expected)
{
    pthread_mutex_lock(&f->server.mutex);
    assert_memory_equal(f->server.last, expected, strlen(expected));
    pthread_mutex_unlock(&f->server.mutex);
}

static void assert_body(struct fixture *f, const char *expected)
{
    pthread_mutex_lock(&f->server.mutex);
    assert_string_equal(strstr(f->server.last, "\r\n\r\n") + 4, expected);
    pthread_mutex_unlock(&f->server.mutex);
}

static void test_start_on_the_wire(void **state)
{
    static const char *const names[] = {"host", "content-type", "x-amz-date",
                                        "x-amz-security-token", "x-amzn-client-token"};
    struct fixture *f = *state;
    char host[64];

    add_reply(&f->server, 202, "x-amzn-RequestId: r-1\r\nDate: Sun, 30 Aug 2015 12:36:00 GMT\r\n",
              STARTING);
    const int64_t before = clock_monotonic_ms(f->clock);
    const struct upstream_answer answer = call_start(f, f->upstream);
    assert_int_equal(answer.fate, UPSTREAM_ACCEPTED);
    assert_int_equal(answer.status, MODEL_STARTING_HOSTING);
    assert_int_equal(answer.sends, 1);
    assert_int_equal(answer.http_status, 202);
    assert_string_equal(answer.request_id, "r-1");
    assert_int_equal(answer.date_wall_ms, INT64_C(1440938160000));
    assert_true(before <= answer.began_monotonic_ms);
    assert_true(answer.began_monotonic_ms <= answer.ended_monotonic_ms);
    assert_int_equal(request_count(&f->server), 1);

    assert_request_line(f, "POST /2020-11-20/projects/circuit-boards/models/3/start HTTP/1.1\r\n");
    snprintf(host, sizeof(host), "127.0.0.1:%d", f->server.port);
    assert_string_equal(sent_header(&f->server, "Host"), host);
    assert_string_equal(sent_header(&f->server, "Content-Type"), "application/json");
    assert_string_equal(sent_header(&f->server, "Content-Length"), "45");
    assert_string_equal(sent_header(&f->server, "X-Amzn-Client-Token"), "0123-token");
    assert_string_equal(sent_header(&f->server, "X-Amz-Security-Token"), "session/token==");
    assert_null(sent_header(&f->server, "Expect"));
    assert_body(f, start_bytes);
    assert_signature(f, "POST", "/2020-11-20/projects/circuit-boards/models/3/start", names, 5,
                     start_bytes);
}

static void test_stop_on_the_wire(void **state)
{
    static const char *const names[] = {"host", "x-amz-date", "x-amz-security-token",
                                        "x-amzn-client-token"};
    struct fixture *f = *state;
    const struct upstream_call call = make_call(f);
    struct upstream_answer answer;

    add_reply(&f->server, 202, "", "{\"Status\":\"STOPPING_HOSTING\"}");
    f->upstream->ops->stop(f->upstream->self, &call, &answer);
    assert_int_equal(answer.fate, UPSTREAM_ACCEPTED);
    assert_int_equal(answer.status, MODEL_STOPPING_HOSTING);
    assert_request_line(f, "POST /2020-11-20/projects/circuit-boards/models/3/stop HTTP/1.1\r\n");
    assert_string_equal(sent_header(&f->server, "Content-Length"), "0");
    assert_null(sent_header(&f->server, "Content-Type"));
    assert_signature(f, "POST", "/2020-11-20/projects/circuit-boards/models/3/stop", names, 4, "");
}

/* Behind a path prefix, and with a name that no route would let through. */
static void test_describe_on_the_wire(void **state)
{
    static const char *const names[] = {"host", "x-amz-date", "x-amz-security-token"};
    struct fixture *f = *state;
    struct upstream *upstream = open_upstream(f, "/base/path", 0);
    struct upstream_call call = make_call(f);
    struct upstream_answer answer;
    struct upstream_description description;

    call.model.project = "a/b c%2F";
    call.model.version = "latest";
    add_reply(&f->server, 200, "",
              "{\"ModelDescription\":{\"ModelVersion\":\"7\",\"Status\":\"TRAINED\"}}");
    upstream->ops->describe(upstream->self, &call, &answer, &description);
    assert_int_equal(answer.fate, UPSTREAM_ACCEPTED);
    assert_int_equal(answer.status, MODEL_TRAINED);
    assert_string_equal(description.version, "7");
    assert_request_line(
        f, "GET /base/path/2020-11-20/projects/a%2Fb%20c%252F/models/latest HTTP/1.1\r\n");
    assert_null(sent_header(&f->server, "X-Amzn-Client-Token"));
    assert_null(sent_header(&f->server, "Content-Length"));
    assert_signature(f, "GET", "/base/path/2020-11-20/projects/a%2Fb%20c%252F/models/latest", names,
                     3, "");
    upstream_free(&upstream);
}

static const char *const list_names[] = {"host", "x-amz-date", "x-amz-security-token"};

static void test_list_projects_on_the_wire(void **state)
{
    struct fixture *f = *state;
    const struct upstream_call call = {.deadline_ms = clock_monotonic_ms(f->clock) + MINUTE_MS};
    struct upstream_answer answer;
    struct upstream_page page;

    memset(&page, 0xff, sizeof(page));
    add_reply(&f->server, 200, "",
              "{\"Projects\":[{\"ProjectName\":\"circuit-boards\",\"ProjectArn\":"
              "\"arn:aws:lookoutvision:eu-central-1:123456789012:project/circuit-boards\"}],"
              "\"NextToken\":\"a+/b==\"}");
    f->upstream->ops->list_projects(f->upstream->self, &call, &answer, &page);
    assert_int_equal(answer.fate, UPSTREAM_ACCEPTED);
    assert_int_equal(answer.sends, 1);
    assert_int_equal(page.count, 1);
    assert_string_equal(page.entries[0].name, "circuit-boards");
    assert_string_equal(page.account, "123456789012");
    assert_string_equal(page.next_token, "a+/b==");
    assert_request_line(f, "GET /2020-11-20/projects?maxResults=100 HTTP/1.1\r\n");
    assert_null(sent_header(&f->server, "X-Amzn-Client-Token"));
    assert_signature_of(f, "GET", "/2020-11-20/projects", "maxResults=100", list_names, 3, "");
}

/* The token's '+', '/' and '=' arrive as they were given: a '+' as such would be a blank. */
static void test_list_models_on_the_wire(void **state)
{
    struct fixture *f = *state;
    struct upstream *upstream = open_upstream(f, "/base", 0);
    struct upstream_call call = make_call(f);
    struct upstream_answer answer;
    struct upstream_page page;

    call.page_token = "a+/b==";
    add_reply(&f->server, 200, "",
              "{\"Models\":[{\"ModelVersion\":\"1\",\"Status\":\"HOSTED\"},"
              "{\"ModelVersion\":\"2\",\"Status\":\"TRAINED\"}]}");
    upstream->ops->list_models(upstream->self, &call, &answer, &page);
    assert_int_equal(answer.fate, UPSTREAM_ACCEPTED);
    assert_int_equal(page.count, 2);
    assert_string_equal(page.entries[1].name, "2");
    assert_int_equal(page.entries[0].status, MODEL_HOSTED);
    assert_int_equal(page.entries[1].status, MODEL_TRAINED);
    assert_string_equal(page.next_token, "");
    assert_request_line(f, "GET /base/2020-11-20/projects/circuit-boards/models"
                           "?maxResults=100&nextToken=a%2B%2Fb%3D%3D HTTP/1.1\r\n");
    assert_signature_of(f, "GET", "/base/2020-11-20/projects/circuit-boards/models",
                        "maxResults=100&nextToken=a%2B%2Fb%3D%3D", list_names, 3, "");
    upstream_free(&upstream);
}

/* The longest token, all of it encoded, has its place; and each list has turns of its own. */
static void test_long_page_token_and_turns(void **state)
{
    struct fixture *f = *state;
    struct upstream *upstream = open_upstream(f, "", 1);
    struct upstream_call call = make_call(f);
    struct upstream_answer answer;
    struct upstream_page page;
    char token[UPSTREAM_PAGE_TOKEN_MAX + 1];

    memset(token, '+', sizeof(token) - 1);
    token[sizeof(token) - 1] = '\0';
    call.page_token = token;
    add_reply(&f->server, 200, "", "{\"Projects\":[]}");
    add_reply(&f->server, 200, "", "{\"Models\":[]}");
    upstream->ops->list_projects(upstream->self, &call, &answer, &page);
    assert_int_equal(answer.fate, UPSTREAM_ACCEPTED);
    assert_int_equal(page.count, 0);
    upstream->ops->list_models(upstream->self, &call, &answer, &page);
    assert_int_equal(answer.fate, UPSTREAM_ACCEPTED);
    call.deadline_ms = clock_monotonic_ms(f->clock) - 1;
    upstream->ops->list_models(upstream->self, &call, &answer, &page);
    assert_not_sent(f, &answer, "", 2);
    upstream_free(&upstream);
}

/* ---- the fate ---- */

static void test_answers_and_their_fate(void **state)
{
    static const struct {
        const char *headers, *body;
        int status;
        enum upstream_fate fate;
    } rows[] = {
        {"", STARTING, 200, UPSTREAM_ACCEPTED},
        {"", "", 202, UPSTREAM_DOUBT},
        {"X-Amzn-Errortype: ServiceQuotaExceededException\r\n", "{}", 402, UPSTREAM_REFUSED},
        {"X-Amzn-Errortype: ThrottlingException\r\nRetry-After: 2\r\n", "{}", 429,
         UPSTREAM_THROTTLED},
        {"X-Amzn-Errortype: ConflictException\r\n", "{}", 409, UPSTREAM_DOUBT},
        {"X-Amzn-Errortype: InternalServerException\r\n", "{}", 500, UPSTREAM_DOUBT},
        {"Location: http://127.0.0.1:1/\r\n", "", 307, UPSTREAM_DOUBT},
        {"", "<html>", 403, UPSTREAM_DOUBT},
    };
    struct fixture *f = *state;

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        add_reply(&f->server, rows[i].status, rows[i].headers, rows[i].body);
        const struct upstream_answer answer = call_start(f, f->upstream);
        if (answer.fate != rows[i].fate)
            fail_msg("row %u: saw %s: %s", i, upstream_fate_name(answer.fate), answer.message);
        assert_int_equal(answer.sends, 1);
        assert_int_equal(answer.http_status, rows[i].status);
        assert_int_equal(answer.retry_after_ms, rows[i].status == 429 ? 2000 : 0);
        assert_int_equal(request_count(&f->server), i + 1);
    }
}

/* None of these is repeated here, and none is a definite no. */
static void test_broken_answers_are_doubt(void **state)
{
    static const char *const replies[] = {
        NULL,
        "garbage\r\n\r\n",
        "HTTP/1.1 202 X\r\nContent-Le",
        "HTTP/1.1 202 X\r\nContent-Length: 100\r\n\r\n{\"Status\":\"STARTING_HOSTING\"}",
        "HTTP/1.1 403 X\r\nX-Amzn-Errortype: AccessDeniedException\r\nContent-Length: 9\r\n\r\n{}",
    };
    struct fixture *f = *state;

    for (unsigned i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        add_raw_reply(&f->server, replies[i]);
        const struct upstream_answer answer = call_start(f, f->upstream);
        if (answer.fate != UPSTREAM_DOUBT)
            fail_msg("row %u: saw %s: %s", i, upstream_fate_name(answer.fate), answer.message);
        assert_int_equal(answer.sends, 1);
        assert_int_equal(answer.http_status, 0);
        assert_string_not_equal(answer.message, "");
        assert_int_equal(request_count(&f->server), i + 1);
    }
}

static void test_too_large_answer_is_doubt(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, 64 * 1024 + 2);

    memset(body, ' ', 64 * 1024 + 1);
    memcpy(body, STARTING, strlen(STARTING));
    add_reply(&f->server, 202, "", body);
    body[64 * 1024] = '\0';
    add_reply(&f->server, 202, "", body);
    free(body);
    assert_int_equal(call_start(f, f->upstream).fate, UPSTREAM_DOUBT);
    assert_int_equal(call_start(f, f->upstream).fate, UPSTREAM_ACCEPTED);
}

static void test_refused_connection_is_not_sent(void **state)
{
    struct fixture *f = *state;
    const int port = f->server.port;

    close(listen_on_loopback(&f->server.port));
    struct upstream *upstream = open_upstream(f, "", 0);
    f->server.port = port;
    const struct upstream_answer answer = call_start(f, upstream);
    assert_not_sent(f, &answer, "127.0.0.1", 0);
    upstream_free(&upstream);
}

static void test_no_credentials_is_not_sent(void **state)
{
    struct fixture *f = *state;

    fixed_code = ERROR_NOT_FOUND;
    struct upstream_answer answer = call_start(f, f->upstream);
    assert_not_sent(f, &answer, "no credentials", 0);
    fixed_code = ERROR_RETRY;
    answer = call_start(f, f->upstream);
    assert_not_sent(f, &answer, "no credentials", 0);
}

/* The turn comes first: whoever gets none never asks for credentials. */
static void test_no_turn_is_not_sent(void **state)
{
    struct fixture *f = *state;
    struct upstream *upstream = open_upstream(f, "", 1);
    struct upstream_call call = make_call(f);
    struct upstream_answer answer;

    add_reply(&f->server, 202, "", STARTING);
    assert_int_equal(call_start(f, upstream).fate, UPSTREAM_ACCEPTED);
    fixed_code = ERROR_NOT_FOUND;
    call.deadline_ms = clock_monotonic_ms(f->clock) - 1;
    upstream->ops->start(upstream->self, &call, &answer);
    assert_int_equal(answer.fate, UPSTREAM_NOT_SENT);
    assert_null(strstr(answer.message, "credentials"));
    assert_int_equal(request_count(&f->server), 1);
    fixed_code = 0;
    /* each API has its own turns */
    add_reply(&f->server, 202, "", STARTING);
    call.deadline_ms += 2 * MINUTE_MS;
    upstream->ops->stop(upstream->self, &call, &answer);
    assert_int_equal(answer.fate, UPSTREAM_ACCEPTED);
    upstream_free(&upstream);
}

static void test_past_deadline_is_not_sent(void **state)
{
    struct fixture *f = *state;
    struct upstream_call call = make_call(f);
    struct upstream_answer answer;

    call.deadline_ms = clock_monotonic_ms(f->clock);
    f->upstream->ops->stop(f->upstream->self, &call, &answer);
    assert_not_sent(f, &answer, "time was over", 0);
}

static void test_closed_upstream_sends_nothing(void **state)
{
    struct fixture *f = *state;

    f->upstream->ops->close(f->upstream->self);
    const struct upstream_answer answer = call_start(f, f->upstream);
    assert_not_sent(f, &answer, "", 0);
}

/* ---- the clock ---- */

static void add_clock_reply(struct fixture *f, const char *type, const char *message,
                            int64_t offset_ms)
{
    const time_t moment = (time_t)((clock_wall_ms(f->clock) + offset_ms) / 1000);
    struct tm utc;
    char date[64];
    char headers[256];
    char body[256];

    gmtime_r(&moment, &utc);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    snprintf(headers, sizeof(headers), "Date: %s\r\nX-Amzn-Errortype: %s\r\n", date, type);
    snprintf(body, sizeof(body), "{\"Message\":\"%s\"}", message);
    add_reply(&f->server, 403, headers, body);
}

/* How far the time of the last signature was from ours. */
static int64_t signed_offset_ms(struct fixture *f)
{
    struct tm utc = {0};
    const char *end = strptime(sent_header(&f->server, "X-Amz-Date"), "%Y%m%dT%H%M%SZ", &utc);

    assert_non_null(end);
    return (int64_t)timegm(&utc) * 1000 - clock_wall_ms(f->clock);
}

static void assert_next_is_signed_at(struct fixture *f, int64_t offset_ms)
{
    const struct upstream_answer answer = call_start(f, f->upstream);
    const int64_t seen_ms = signed_offset_ms(f);

    assert_int_equal(answer.sends, 1);
    if (seen_ms < offset_ms - MINUTE_MS || seen_ms > offset_ms + MINUTE_MS)
        fail_msg("signed %lld ms off, expected %lld", (long long)seen_ms, (long long)offset_ms);
}

static void test_clock_is_corrected(void **state)
{
    struct fixture *f = *state;

    add_clock_reply(f, "AccessDeniedException", "no", 60 * MINUTE_MS);
    add_clock_reply(f, "InvalidSignatureException", "The request signature", 60 * MINUTE_MS);
    add_clock_reply(f, "RequestTimeTooSkewed", "small", 2 * MINUTE_MS);
    add_clock_reply(f, "InvalidSignatureException", "Signature expired: x", 60 * MINUTE_MS);
    add_clock_reply(f, "InvalidSignatureException", "Signature not yet current", -60 * MINUTE_MS);
    add_clock_reply(f, "RequestTimeTooSkewed", "our clock was set", 0);
    add_reply(&f->server, 202, "", STARTING);
    for (int i = 0; i < 4; i++) /* the fourth is the first to blame the clock with cause */
        assert_next_is_signed_at(f, 0);
    assert_next_is_signed_at(f, 60 * MINUTE_MS);
    assert_next_is_signed_at(f, -60 * MINUTE_MS);
    assert_next_is_signed_at(f, 0);
}

/* ---- the rest ---- */

#define CALLERS 4

struct caller {
    const struct fixture *fixture;
    unsigned accepted;
};

static void *call_twice(void *data)
{
    struct caller *caller = data;

    for (int i = 0; i < 2; i++)
        if (call_start(caller->fixture, caller->fixture->upstream).fate == UPSTREAM_ACCEPTED)
            caller->accepted++;
    return NULL;
}

static void test_callers_on_many_threads(void **state)
{
    struct fixture *f = *state;
    struct caller callers[CALLERS];
    pthread_t threads[CALLERS];

    for (int i = 0; i < 2 * CALLERS; i++)
        add_reply(&f->server, 202, "", STARTING);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.fixture = f};
        assert_int_equal(pthread_create(&threads[i], NULL, call_twice, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(callers[i].accepted, 2);
    }
    assert_int_equal(request_count(&f->server), 2 * CALLERS);
}

static void test_start_body(void **state)
{
    struct fixture *f = *state;
    const struct upstream *u = f->upstream;
    char out[128];

    assert_int_equal(u->ops->start_body(u->self, 1, 2, out, sizeof(out)), 0);
    assert_string_equal(out, start_bytes);
    assert_int_equal(u->ops->start_body(u->self, 3, 0, out, sizeof(out)), 0);
    assert_string_equal(out, "{\"MinInferenceUnits\":3}");
    assert_int_equal(u->ops->start_body(u->self, INT64_MAX, INT64_MAX, out, sizeof(out)), 0);
    assert_int_equal(u->ops->start_body(u->self, 3, 0, out, 23), ERROR_INVALID);
    assert_int_equal(u->ops->start_body(u->self, 3, 0, out, 24), 0);
    assert_int_equal(u->ops->start_body(u->self, 0, 0, out, sizeof(out)), ERROR_INVALID);
    assert_int_equal(u->ops->start_body(u->self, 1, -1, out, sizeof(out)), ERROR_INVALID);
}

static void test_settings_are_checked(void **state)
{
    struct fixture *f = *state;
    const struct lookoutvision_settings good = {.endpoint = "https://h",
                                                .region = "eu-central-1",
                                                .attempt_timeout_ms = 1,
                                                .credentials = f->credentials,
                                                .client = f->client,
                                                .clock = f->clock};
    struct lookoutvision_settings bad[6] = {good, good, good, good, good, good};
    struct upstream *upstream = NULL;

    bad[0].endpoint = "ftp://h";
    bad[1].region = "";
    bad[2].region = "eu/central";
    bad[3].attempt_timeout_ms = 0;
    bad[4].describe_pacing.per_second = -1;
    bad[5].list_pacing.per_second = -1;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(lookoutvision_open(&bad[i], &upstream, NULL), ERROR_INVALID);
        assert_null(upstream);
    }
    assert_int_equal(lookoutvision_open(&good, &upstream, NULL), 0);
    upstream_free(&upstream);
    assert_null(upstream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_start_on_the_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_on_the_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_describe_on_the_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_projects_on_the_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_models_on_the_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_page_token_and_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers_and_their_fate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_answers_are_doubt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large_answer_is_doubt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_connection_is_not_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_credentials_is_not_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_turn_is_not_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_past_deadline_is_not_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_upstream_sends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clock_is_corrected, setup, teardown),
        cmocka_unit_test_setup_teardown(test_callers_on_many_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_start_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings_are_checked, setup, teardown),
    };
    return cmocka_run_group_tests_name("lookoutvision", tests, NULL, NULL);
}
