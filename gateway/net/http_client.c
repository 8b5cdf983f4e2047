/*
 * HTTP requests by libcurl's easy handles, kept in a pool with their connections. What is the same
 * for every request is set once for each handle; a request sets only its URL, headers, body and
 * time.
 */
#include "gateway/net/http_client.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/crypto.h"
#include "gateway/base/strbuf.h"
#include "gateway/net/http_client_url.h"
#include "gateway/net/http_head.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MAX_REQUEST_HEADERS      HTTP_CLIENT_MAX_HEADERS
#define MAX_REQUEST_HEADER_BYTES (64 * 1024)
/* A connection idle for longer is opened anew rather than trusted: the server may just close it. */
#define MAX_IDLE_SECONDS 15L

/* What libcurl would add by itself, each kept out unless the caller gives it. */
static const char *const curls_own_headers[] = {"Accept", "Content-Type", "Expect"};
#define OWN_HEADER_COUNT (sizeof(curls_own_headers) / sizeof(curls_own_headers[0]))

/* What came back so far; the callbacks fill it. */
struct exchange {
    unsigned sends;
    bool resend_stopped;
    const char *broken; /* why a callback gave up, or NULL */
    struct http_head head;
    struct strbuf body;
};

struct handle {
    struct handle *next;
    CURL *easy;
    struct http_client_url url;
    char why[CURL_ERROR_SIZE];
    struct strbuf header_text; /* lines for header_list, each with its NUL */
    struct curl_slist header_list[MAX_REQUEST_HEADERS + OWN_HEADER_COUNT];
    struct exchange exchange;
};

struct http_client {
    pthread_mutex_t mutex;
    struct handle *idle; /* last in, first out: its connection is the least likely to be dead */
    size_t idle_count;
    size_t max_handles;
    _Atomic int64_t end_ms; /* CLOCK_MONOTONIC: no request lasts longer */
    char *ca_bundle;
    long connect_timeout_ms;
};

/* --- what libcurl calls -------------------------------------------------------------------- */

/* Runs right before a request is written; the second time it is libcurl's silent resend. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static int on_send(void *data, char *peer, char *local, int peer_port, int local_port)
{
    struct exchange *x = data;

    (void)peer;
    (void)local;
    (void)peer_port;
    (void)local_port;
    if (x->sends > 0) {
        x->resend_stopped = true;
        return CURL_PREREQFUNC_ABORT;
    }
    x->sends++;
    CRASH_POINT(NET_WRITE_BEFORE);
    return CURL_PREREQFUNC_OK;
}

static int64_t now_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Runs about once a second, also while nothing comes. */
static int on_progress(void *data, curl_off_t download_total, curl_off_t downloaded,
                       curl_off_t upload_total, curl_off_t uploaded)
{
    const struct http_client *client = data;

    (void)download_total;
    (void)downloaded;
    (void)upload_total;
    if (uploaded > 0)
        CRASH_POINT(NET_WRITTEN);
    return now_ms() >= atomic_load(&client->end_ms);
}

static size_t on_header(char *line, size_t size, size_t count, void *data)
{
    struct exchange *x = data;

    CRASH_POINT(NET_ANSWER_BEGUN);
    x->broken = http_head_add_line(&x->head, line, size * count);
    return x->broken == NULL ? size * count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
    struct exchange *x = data;
    size_t len = size * count;

    if (len > x->body.max - x->body.len) {
        x->broken = "its body is too large";
        return 0;
    }
    strbuf_add(&x->body, bytes, len);
    if (!strbuf_ok(&x->body)) {
        x->broken = "there is no memory for its body";
        return 0;
    }
    return len;
}

/* --- handles and their pool ---------------------------------------------------------------- */

static void handle_free(struct handle *handle)
{
    if (handle == NULL)
        return;
    curl_easy_cleanup(handle->easy);
    http_client_url_free(&handle->url);
    strbuf_free(&handle->header_text);
    http_head_free(&handle->exchange.head);
    strbuf_free(&handle->exchange.body);
    free(handle);
}

static bool set_callbacks(const struct http_client *client, struct handle *handle)
{
    CURL *easy = handle->easy;
    struct exchange *x = &handle->exchange;

    return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, handle->why) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, x) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFODATA, client) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, x) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, x) == CURLE_OK;
}

static bool set_transport(const struct http_client *client, CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, MAX_IDLE_SECONDS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms) ==
               CURLE_OK;
}

static bool set_trust(const struct http_client *client, CURL *easy)
{
    if (curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK)
        return false;
    if (client->ca_bundle == NULL)
        return true;
    /* Without the second the system's folder of certificates would be trusted as well. */
    return curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_bundle) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL) == CURLE_OK;
}

static struct handle *handle_create(const struct http_client *client)
{
    struct handle *handle = calloc(1, sizeof(*handle));

    if (handle == NULL)
        return NULL;
    strbuf_init_secret(&handle->header_text, MAX_REQUEST_HEADER_BYTES);
    http_head_init(&handle->exchange.head);
    strbuf_init_secret(&handle->exchange.body, 0);
    http_client_url_init(&handle->url);
    handle->easy = curl_easy_init();
    if (handle->easy == NULL || !set_callbacks(client, handle) ||
        !set_transport(client, handle->easy) || !set_trust(client, handle->easy)) {
        handle_free(handle);
        return NULL;
    }
    return handle;
}

static struct handle *take_handle(struct http_client *client)
{
    struct handle *handle;

    pthread_mutex_lock(&client->mutex);
    handle = client->idle;
    if (handle != NULL) {
        client->idle = handle->next;
        client->idle_count--;
    }
    pthread_mutex_unlock(&client->mutex);
    return handle != NULL ? handle : handle_create(client);
}

static void give_back_handle(struct http_client *client, struct handle *handle)
{
    strbuf_clear(&handle->header_text); /* wipes tokens and signatures */
    strbuf_free(&handle->exchange.body);
    pthread_mutex_lock(&client->mutex);
    if (client->idle_count < client->max_handles) {
        handle->next = client->idle;
        client->idle = handle;
        client->idle_count++;
        handle = NULL;
    }
    pthread_mutex_unlock(&client->mutex);
    handle_free(handle);
}

int http_client_create(const struct http_client_settings *settings, struct http_client **out,
                       struct error *err)
{
    struct http_client *client;

    *out = NULL;
    if (settings->connect_timeout_ms <= 0)
        return error_set(err, ERROR_INVALID,
                         "saw a connect timeout of %lld ms, expected more than 0",
                         (long long)settings->connect_timeout_ms);
    client = calloc(1, sizeof(*client));
    if (client == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the HTTP client");
    if (settings->ca_bundle != NULL) {
        client->ca_bundle = strdup(settings->ca_bundle);
        if (client->ca_bundle == NULL) {
            free(client);
            return error_set(err, ERROR_NOMEM, "no memory for the HTTP client");
        }
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) { /* counted; see http_client_free */
        free(client->ca_bundle);
        free(client);
        return error_set(err, ERROR_IO, "libcurl can't be initialised");
    }
    pthread_mutex_init(&client->mutex, NULL);
    client->max_handles = settings->max_handles;
    atomic_init(&client->end_ms, INT64_MAX);
    client->connect_timeout_ms = (long)settings->connect_timeout_ms;
    *out = client;
    return 0;
}

void http_client_end_within(struct http_client *client, int64_t left_ms)
{
    atomic_store(&client->end_ms, now_ms() + left_ms);
}

void http_client_free(struct http_client **client)
{
    struct handle *next;

    if (*client == NULL)
        return;
    for (struct handle *handle = (*client)->idle; handle != NULL; handle = next) {
        next = handle->next;
        handle_free(handle);
    }
    pthread_mutex_destroy(&(*client)->mutex);
    free((*client)->ca_bundle);
    free(*client);
    *client = NULL;
    curl_global_cleanup();
}

/* --- the request --------------------------------------------------------------------------- */

/* RFC 9110 section 5.6.2: a token. */
static bool is_header_name(const char *name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    if (*name == '\0')
        return false;
    for (; *name != '\0'; name++) {
        if (!isalnum((unsigned char)*name) && strchr(others, *name) == NULL)
            return false;
    }
    return true;
}

static bool is_header_value(const char *value)
{
    for (; *value != '\0'; value++) {
        if (((unsigned char)*value < 0x20 && *value != '\t') || *value == 0x7F)
            return false;
    }
    return true;
}

static bool has_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0)
            return true;
    }
    return false;
}

static int check_request(const struct http_request *request, struct error *err)
{
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "POST") != 0)
        return error_set(err, ERROR_INVALID, "saw the method \"%.16s\", expected GET or POST",
                         request->method);
    if (strncmp(request->url, "http://", 7) != 0 && strncmp(request->url, "https://", 8) != 0)
        return error_set(err, ERROR_INVALID,
                         "saw the URL \"%.128s\", expected one with http:// or https://",
                         request->url);
    if (strcmp(request->method, "GET") == 0 && request->body_len > 0)
        return error_set(err, ERROR_INVALID, "a GET has no body, saw one of %zu bytes",
                         request->body_len);
    if (request->header_count > MAX_REQUEST_HEADERS)
        return error_set(err, ERROR_INVALID, "saw %zu headers to send, expected at most %d",
                         request->header_count, MAX_REQUEST_HEADERS);
    for (size_t i = 0; i < request->header_count; i++) {
        if (!is_header_name(request->headers[i].name) ||
            !is_header_value(request->headers[i].value))
            return error_set(err, ERROR_INVALID,
                             "the header \"%.64s\" has characters that no header can have",
                             request->headers[i].name);
    }
    if (has_header(request, "Content-Length") || has_header(request, "Transfer-Encoding"))
        return error_set(err, ERROR_INVALID,
                         "the length of a body is told by its length, never "
                         "by a header of the caller");
    return 0;
}

/* Links the lines into libcurl's list without an allocation for each. NULL when they are too long.
 */
static struct curl_slist *list_headers(struct handle *handle, const struct http_request *request)
{
    struct strbuf *text = &handle->header_text;
    size_t at[MAX_REQUEST_HEADERS + OWN_HEADER_COUNT];
    size_t count = 0;

    strbuf_clear(text);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];

        at[count++] = text->len;
        strbuf_addstr(text, header->name);
        /* "name;" is how libcurl wants to be told of an empty value. */
        strbuf_addstr(text, header->value[0] != '\0' ? ": " : ";");
        strbuf_add(text, header->value, strlen(header->value) + 1);
    }
    for (size_t i = 0; i < OWN_HEADER_COUNT; i++) {
        if (has_header(request, curls_own_headers[i]))
            continue;
        at[count++] = text->len;
        strbuf_addstr(text, curls_own_headers[i]);
        strbuf_add(text, ":", 2);
    }
    if (!strbuf_ok(text))
        return NULL;
    for (size_t i = 0; i < count; i++)
        handle->header_list[i] = (struct curl_slist){
            .data = text->data + at[i], .next = i + 1 < count ? &handle->header_list[i + 1] : NULL};
    return handle->header_list;
}

static int prepare(struct handle *handle, const struct http_request *request, struct error *err)
{
    CURL *easy = handle->easy;
    struct curl_slist *list = list_headers(handle, request);
    const int rc = http_client_url_set(&handle->url, easy, request->url, err);
    bool done;

    if (rc != 0)
        return rc;
    if (list == NULL)
        return error_set(err, ERROR_INVALID, "the headers to send are longer than %d bytes",
                         MAX_REQUEST_HEADER_BYTES);
    done = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms) == CURLE_OK;
    if (strcmp(request->method, "GET") == 0)
        done = done && curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    else
        done = done &&
               curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len) ==
                   CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                                request->body_len > 0 ? request->body : "") == CURLE_OK;
    return done ? 0 : error_set(err, ERROR_NOMEM, "no memory for the request");
}

static void exchange_reset(struct exchange *x, size_t max_body)
{
    x->sends = 0;
    x->resend_stopped = false;
    x->broken = NULL;
    http_head_clear(&x->head);
    strbuf_free(&x->body);
    strbuf_init_secret(&x->body, max_body); /* it may be credentials */
}

/* --- the answer ---------------------------------------------------------------------------- */

static int fill_response(struct exchange *x, struct http_response *out)
{
    const struct http_head *head = &x->head;

    out->body_len = x->body.len;
    out->body = strbuf_detach(&x->body);
    out->head = malloc(head->text.len + 1);
    if (out->body == NULL || out->head == NULL) {
        http_response_clear(out);
        return ERROR_NOMEM;
    }
    memcpy(out->head, head->text.data, head->text.len + 1);
    for (size_t i = 0; i < head->header_count; i++) {
        out->headers[i].name = out->head + head->name_at[i];
        out->headers[i].value = out->head + head->value_at[i];
    }
    out->header_count = head->header_count;
    out->status = head->status;
    return 0;
}

static const char *explain(const struct handle *handle, CURLcode code)
{
    const struct exchange *x = &handle->exchange;

    if (x->broken != NULL)
        return x->broken;
    if (x->resend_stopped)
        return "the connection died without an answer, and nothing is sent twice";
    if (code == CURLE_OK) /* which libcurl says of a head that ends too early */
        return "its head was cut short";
    return handle->why[0] != '\0' ? handle->why : curl_easy_strerror(code);
}

/* The classes of http_client.h, from what libcurl says and what the callbacks saw. */
static int judge(const struct http_request *request, struct handle *handle, CURLcode code,
                 struct http_response *out, struct error *err)
{
    struct exchange *x = &handle->exchange;

    if (x->sends == 0)
        return error_set(err, code == CURLE_URL_MALFORMAT ? ERROR_INVALID : ERROR_RETRY,
                         "%s %.128s: nothing was sent: %s", request->method, request->url,
                         explain(handle, code));
    if (code != CURLE_OK || !x->head.whole)
        return error_set(err, ERROR_UNCERTAIN, "%s %.128s: no whole answer: %s", request->method,
                         request->url, explain(handle, code));
    if (fill_response(x, out) != 0)
        return error_set(err, ERROR_UNCERTAIN, "%s %.128s: no memory for the answer",
                         request->method, request->url);
    return 0;
}

int http_client_perform(struct http_client *client, const struct http_request *request,
                        struct http_response *out, unsigned *sends, struct error *err)
{
    struct handle *handle;
    int rc;

    *sends = 0;
    memset(out, 0, sizeof(*out));
    rc = check_request(request, err);
    if (rc != 0)
        return rc;
    if (request->timeout_ms <= 0) /* libcurl would take it for "no limit" */
        return error_set(err, ERROR_RETRY, "%s %.128s: nothing was sent: no time was left",
                         request->method, request->url);
    handle = take_handle(client);
    if (handle == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a connection");
    rc = prepare(handle, request, err);
    if (rc == 0) {
        CURLcode code;

        exchange_reset(&handle->exchange, request->max_response_bytes);
        handle->why[0] = '\0';
        code = curl_easy_perform(handle->easy);
        CRASH_POINT(NET_ANSWER_READ);
        rc = judge(request, handle, code, out, err);
        *sends = handle->exchange.sends;
    }
    give_back_handle(client, handle);
    return rc;
}

void http_response_clear(struct http_response *response)
{
    if (response->body != NULL)
        crypto_wipe(response->body, response->body_len);
    free(response->body);
    free(response->head);
    memset(response, 0, sizeof(*response));
}

const char *http_response_header(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcmp(response->headers[i].name, name) == 0)
            return response->headers[i].value;
    }
    return NULL;
}
