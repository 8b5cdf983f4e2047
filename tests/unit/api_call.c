/* The calls of the API's tests. */
#include "tests/unit/api_call.h"

#include "tests/unit/api_world.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char all_scopes[WORLD_MAX_TOKEN], reader[WORLD_MAX_TOKEN], two_teams[WORLD_MAX_TOKEN],
    admin[WORLD_MAX_TOKEN];
struct exchange exchange;
json_t *json;
struct to_read to_read;

int api_setup(void **state)
{
    (void)state;
    exchange_init(&exchange);
    json = NULL;
    if (world_open() != 0)
        return -1;
    world_token("assembly-line", "models:start models:stop models:read", all_scopes);
    world_token("assembly-line", "models:read", reader);
    world_token("assembly-line,paint-shop", "models:start models:stop models:read", two_teams);
    world_token("", "gateway:admin", admin);
    return 0;
}

int api_teardown(void **state)
{
    (void)state;
    json_decref(json);
    exchange_free(&exchange);
    world_close();
    return 0;
}

/* --- asking -------------------------------------------------------------------------------- */

static enum problem_type read_body(void *transport, const char **body, size_t *len,
                                   struct error *err)
{
    (void)transport;
    error_set(err, ERROR_INVALID, "as the test says");
    *body = to_read.body;
    *len = strlen(to_read.body);
    return to_read.problem;
}

void add_field(const char *name, const char *value)
{
    exchange.head.fields[exchange.head.field_count++] =
        (struct request_field){.name = name, .value = value};
}

void begin(const char *method, const char *path, const char *query)
{
    struct error err = {0};
    exchange_reset(&exchange);
    exchange.head.method = method;
    exchange.head.path = path;
    exchange.head.query = query;
    snprintf(exchange.request_id, sizeof(exchange.request_id), "id-1");
    assert_int_equal(request_parse_target(&exchange.head, &exchange.target, &err), PROBLEM_NONE);
    to_read.body = "";
    to_read.problem = PROBLEM_NONE;
    exchange.read = read_body;
}

static char authorization[WORLD_MAX_TOKEN + 8];

void add_token(const char *token)
{
    snprintf(authorization, sizeof(authorization), "Bearer %s", token);
    add_field("Authorization", authorization);
}

void finish(int status)
{
    json_error_t error;
    api_handle(world.api, &exchange);
    json_decref(json);
    json = json_loadb(exchange.body.data, exchange.body.len, JSON_REJECT_DUPLICATES, &error);
    if (exchange.status != status)
        fail_msg("saw %d, expected %d: %s", exchange.status, status, exchange.body.data);
    /* Our own tokens towards AWS are never shown. */
    assert_null(strstr(exchange.body.data, "c11e27"));
    assert_null(strstr(exchange.body.data, "5709-"));
}

void call(const char *method, const char *path, const char *query, const char *token, int status)
{
    begin(method, path, query);
    if (token != NULL)
        add_token(token);
    finish(status);
}

void post(const char *path, const char *query, const char *token, const char *body, int status)
{
    begin("POST", path, query);
    add_token(token);
    add_field("Content-Type", "application/json");
    to_read.body = body;
    finish(status);
}

void start(const char *query, const char *token, const char *body, int status)
{
    post(MODEL "/start", query, token, body, status);
}

/* --- the answer ---------------------------------------------------------------------------- */

json_t *member_of(const char *path)
{
    char names[256];
    char *rest = names;
    json_t *at = json;
    snprintf(names, sizeof(names), "%s", path);
    for (char *name; at != NULL && (name = strsep(&rest, ".")) != NULL;)
        at = json_is_array(at) ? json_array_get(at, strtoul(name, NULL, 10))
                               : json_object_get(at, name);
    return at;
}

const char *text_of(const char *path)
{
    const char *value = json_string_value(member_of(path));
    return value != NULL ? value : "(absent)";
}

int64_t number_of(const char *path)
{
    const json_t *value = member_of(path);
    if (!json_is_integer(value))
        fail_msg("%s is not a whole number in %s", path, exchange.body.data);
    return json_integer_value(value);
}

bool has_header(const char *line)
{
    return strstr(exchange.headers.data, line) != NULL;
}

void expect_problem(const char *name)
{
    char uri[128];
    snprintf(uri, sizeof(uri), "/problems/%s", name);
    assert_string_equal(text_of("type"), uri);
    assert_string_equal(exchange.content_type, "application/problem+json");
    assert_int_equal(number_of("status"), exchange.status);
    assert_string_equal(text_of("RequestId"), "id-1");
}
