/*
 * bench_floor THREADS PORT-FILE [UPSTREAM-PORT]: CivetWeb of the gateway's own build and settings,
 * which answers everything with one constant: what no handler in it can be faster than. With an
 * upstream each thread first exchanges one constant request with it, on a socket that it keeps, by
 * send and recv alone: what nothing that forwards in a thread for each connection can be faster
 * than. Ends when standard input does.
 */
#include <arpa/inet.h>
#include <civetweb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY                                                                                       \
    "{\"ProjectName\":\"circuit-boards\",\"ModelVersion\":\"1\",\"Status\":\"HOSTED\","            \
    "\"ObservedAt\":\"2026-11-23T12:00:00.000Z\"}"
#define HEAD                                                                                       \
    "HTTP/1.1 200 OK\r\n"                                                                          \
    "Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n"                                                      \
    "Content-Type: application/json\r\n"                                                           \
    "Cache-Control: no-store\r\n"                                                                  \
    "x-amzn-RequestId: 0f8fad5b-d9cb-469f-a165-70867728950e\r\n"                                   \
    "X-Request-Id: 0f8fad5b-d9cb-469f-a165-70867728950e\r\n"                                       \
    "Content-Length: %zu\r\n\r\n" BODY

/* As long as what the gateway sends: path, date, credentials and signature. */
#define UPSTREAM_REQUEST                                                                           \
    "GET /2020-11-20/projects/circuit-boards/models/1 HTTP/1.1\r\n"                                \
    "Host: 127.0.0.1\r\n"                                                                          \
    "X-Amz-Date: 20261123T120000Z\r\n"                                                             \
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/us-east-1/"          \
    "lookoutvision/aws4_request, SignedHeaders=host;x-amz-date, Signature="                        \
    "0000000000000000000000000000000000000000000000000000000000000000\r\n\r\n"

/* A status as the gateway answers it, head and body; written once, at the start. */
static char answer[1024];
static size_t answer_len;
static struct sockaddr_in upstream; /* sin_port 0 = none */
static size_t upstream_answer_len;  /* the same for each: the upstream is constant, too */

static int connect_upstream(void)
{
    const int on = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&upstream, sizeof(upstream)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        perror("bench_floor: upstream");
        exit(EXIT_FAILURE);
    }
    return fd;
}

/* One exchange; the answer is whole when `expected` bytes are there (0: with the first). */
static size_t exchange(int fd, size_t expected)
{
    char bytes[4096];
    size_t have = 0;

    if (send(fd, UPSTREAM_REQUEST, sizeof(UPSTREAM_REQUEST) - 1, MSG_NOSIGNAL) !=
        (ssize_t)sizeof(UPSTREAM_REQUEST) - 1)
        return 0;
    do {
        const ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

        if (got <= 0)
            return 0;
        have += (size_t)got;
    } while (have < expected);
    return have;
}

/* On the thread's socket; one that the upstream has closed while other works were measured is
 * replaced. */
static bool ask_again(int *fd)
{
    if (exchange(*fd, upstream_answer_len) == upstream_answer_len)
        return true;
    close(*fd);
    *fd = connect_upstream();
    return exchange(*fd, upstream_answer_len) == upstream_answer_len;
}

static int answer_all(struct mg_connection *conn)
{
    int *fd = mg_get_thread_pointer(conn);

    if (fd != NULL && !ask_again(fd))
        return 0; /* CivetWeb's 404: the run is void */
    (void)mg_write(conn, answer, answer_len);
    return 200;
}

/* CivetWeb's init_thread: type 1 is a worker. */
static void *begin_thread(const struct mg_context *server, int type)
{
    int *fd = NULL;

    (void)server;
    if (type == 1 && upstream.sin_port != 0 && (fd = malloc(sizeof(*fd))) != NULL)
        *fd = connect_upstream();
    return fd;
}

static void end_thread(const struct mg_context *server, int type, void *fd)
{
    (void)server;
    (void)type;
    if (fd != NULL)
        close(*(int *)fd);
    free(fd);
}

/* Learns how long the upstream's answer is. */
static bool ask_upstream(const char *port)
{
    upstream = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = connect_upstream();

    upstream_answer_len = exchange(fd, 0);
    close(fd);
    return upstream_answer_len > 0;
}

static bool write_port(struct mg_context *server, const char *path)
{
    struct mg_server_port port;
    FILE *file = fopen(path, "we");
    const bool wrote = file != NULL && mg_get_server_ports(server, 1, &port) == 1 &&
                       fprintf(file, "%d\n", port.port) > 0;

    return file != NULL && fclose(file) == 0 && wrote;
}

int main(int argc, char **argv)
{
    const struct mg_callbacks callbacks = {
        .begin_request = answer_all, .init_thread = begin_thread, .exit_thread = end_thread};
    char ignored;

    if (argc != 3 && argc != 4) {
        (void)fprintf(stderr, "usage: bench_floor THREADS PORT-FILE [UPSTREAM-PORT]\n");
        return 64;
    }
    if (argc == 4 && !ask_upstream(argv[3])) {
        (void)fprintf(stderr, "bench_floor: no answer from the upstream at %s\n", argv[3]);
        return EXIT_FAILURE;
    }
    const char *options[] = {"listening_ports",
                             "127.0.0.1:0",
                             "num_threads",
                             argv[1],
                             "enable_keep_alive",
                             "yes",
                             "tcp_nodelay",
                             "1",
                             "decode_url",
                             "no",
                             "keep_alive_timeout_ms",
                             "30000",
                             "request_timeout_ms",
                             "10000",
                             "connection_queue",
                             "128",
                             NULL};
    answer_len = (size_t)snprintf(answer, sizeof(answer), HEAD, sizeof(BODY) - 1);
    mg_init_library(0);
    struct mg_context *server = mg_start(&callbacks, NULL, options);
    if (server == NULL || !write_port(server, argv[2])) {
        (void)fprintf(stderr, "bench_floor: can't listen, or write %s\n", argv[2]);
        return EXIT_FAILURE;
    }
    while (read(STDIN_FILENO, &ignored, 1) > 0)
        continue;
    mg_stop(server);
    mg_exit_library();
    return EXIT_SUCCESS;
}
