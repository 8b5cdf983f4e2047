/*
 * bench_floor THREADS PORT-FILE: CivetWeb of the gateway's own build and settings, which answers
 * everything with one constant: what no handler in it can be faster than. Ends when standard input
 * does.
 */
#include <civetweb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A status as the gateway answers it, head and body; written once, at the start. */
static char answer[1024];
static size_t answer_len;

static int answer_all(struct mg_connection *conn)
{
    (void)mg_write(conn, answer, answer_len);
    return 200;
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
    const struct mg_callbacks callbacks = {.begin_request = answer_all};
    char ignored;

    if (argc != 3) {
        (void)fprintf(stderr, "usage: bench_floor THREADS PORT-FILE\n");
        return 64;
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
