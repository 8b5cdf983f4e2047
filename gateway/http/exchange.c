/* Exchanges: bookkeeping of one request, and its response made into bytes. */
#include "gateway/http/exchange.h"

#include "gateway/http/json_out.h"

#include <stdio.h>
#include <string.h>

/* A worker keeps a response's buffer for the next one unless it grew beyond this. */
#define KEPT_BYTES (64 * 1024)

void exchange_init(struct exchange *exchange)
{
    memset(exchange, 0, sizeof(*exchange));
    strbuf_init(&exchange->headers, EXCHANGE_MAX_HEADERS);
    strbuf_init(&exchange->body, EXCHANGE_MAX_RESPONSE);
}

void exchange_free(struct exchange *exchange)
{
    strbuf_free(&exchange->headers);
    strbuf_free(&exchange->body);
}

void exchange_reset(struct exchange *exchange)
{
    strbuf_clear(&exchange->headers);
    if (exchange->body.capacity > KEPT_BYTES)
        strbuf_free(&exchange->body);
    strbuf_clear(&exchange->body);
    exchange->head.field_count = 0;
    exchange->head.bytes = NULL;
    exchange->head.len = 0;
    exchange->head.method = exchange->head.path = "";
    exchange->head.query = NULL;
    exchange->head.version = "1.1";
    exchange->target.segment_count = 0;
    exchange->target.parameter_count = 0;
    exchange->request_id[0] = '\0';
    exchange->remote_address[0] = '\0';
    exchange->fault = PROBLEM_NONE;
    exchange->fault_detail[0] = '\0';
    exchange->read = NULL;
    exchange->transport = NULL;
    exchange->authenticated = false;
    exchange->status = 0;
    exchange->content_type = NULL;
    exchange->close = false;
    exchange->route = NULL;
    exchange->team[0] = '\0';
    exchange->outcome = NULL;
}

enum problem_type exchange_read_body(struct exchange *exchange, const char **body, size_t *len,
                                     struct error *err)
{
    *body = "";
    *len = 0;
    if (exchange->read == NULL)
        return PROBLEM_NONE;
    return exchange->read(exchange->transport, body, len, err);
}

static bool is_header_safe(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

void exchange_add_header(struct exchange *exchange, const char *name, const char *value)
{
    if (!is_header_safe(name) || !is_header_safe(value))
        return;
    strbuf_addstr(&exchange->headers, name);
    strbuf_add(&exchange->headers, ": ", 2);
    strbuf_addstr(&exchange->headers, value);
    strbuf_add(&exchange->headers, "\r\n", 2);
}

void exchange_add_retry_after(struct exchange *exchange, int64_t ms)
{
    if (ms <= 0)
        return;
    char seconds[24];
    snprintf(seconds, sizeof(seconds), "%lld", (long long)((ms + 999) / 1000));
    exchange_add_header(exchange, "Retry-After", seconds);
}

struct strbuf *exchange_begin_json(struct exchange *exchange, int status)
{
    exchange->status = status;
    exchange->content_type = "application/json";
    strbuf_clear(&exchange->body);
    json_out_open(&exchange->body, NULL, '{');
    return &exchange->body;
}

void exchange_end_json(struct exchange *exchange)
{
    json_out_close(&exchange->body, '}');
}

struct strbuf *exchange_begin_problem(struct exchange *exchange, enum problem_type type, int status,
                                      const char *detail)
{
    const struct problem_info *info = problem_info(type);
    struct strbuf *body = exchange_begin_json(exchange, status != 0 ? status : info->status);
    exchange->content_type = "application/problem+json";
    exchange->outcome = info->name;
    strbuf_addf(body, "\"type\":\"/problems/%s\"", info->name);
    json_out_string(body, "title", info->title);
    json_out_int(body, "status", exchange->status);
    json_out_string(body, "detail", detail);
    json_out_string(body, "RequestId", exchange->request_id);
    return body;
}

void exchange_problem(struct exchange *exchange, enum problem_type type, const char *detail)
{
    (void)exchange_begin_problem(exchange, type, 0, detail);
    exchange_end_json(exchange);
}

void exchange_problem_error(struct exchange *exchange, enum problem_type type,
                            const struct error *err)
{
    struct strbuf *body = exchange_begin_problem(exchange, type, 0, err->message);
    if (err->pointer[0] != '\0')
        json_out_string(body, "Pointer", err->pointer);
    exchange_end_json(exchange);
}

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {202, "Accepted"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

void exchange_serialize(struct exchange *exchange, const struct exchange_framing *framing,
                        struct strbuf *wire)
{
    if (!strbuf_ok(&exchange->body) || !strbuf_ok(&exchange->headers)) {
        strbuf_clear(&exchange->headers);
        exchange_problem(exchange, PROBLEM_INTERNAL_ERROR, "the answer could not be written");
    }
    strbuf_addf(wire, "HTTP/1.1 %d %s\r\nDate: %s\r\n", exchange->status,
                reason_phrase(exchange->status), framing->date);
    if (exchange->content_type != NULL)
        strbuf_addf(wire, "Content-Type: %s\r\n", exchange->content_type);
    strbuf_addf(wire,
                "Content-Length: %zu\r\nCache-Control: no-store\r\n"
                "x-amzn-RequestId: %s\r\nX-Request-Id: %s\r\n",
                exchange->body.len, exchange->request_id, exchange->request_id);
    if (!framing->keep_alive)
        strbuf_addstr(wire, "Connection: close\r\n");
    else if (framing->http_1_0)
        strbuf_addstr(wire, "Connection: keep-alive\r\n");
    strbuf_add(wire, exchange->headers.data, exchange->headers.len);
    strbuf_add(wire, "\r\n", 2);
    if (!framing->head_only)
        strbuf_add(wire, exchange->body.data, exchange->body.len);
}
