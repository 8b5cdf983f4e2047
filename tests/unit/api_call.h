/*
 * One call to the API as its tests make it: built field by field, handled, and the answer checked.
 * For programs of one thread; the names are short because every line of those tests has one.
 */
#ifndef LOOKOUT_TESTS_UNIT_API_CALL_H
#define LOOKOUT_TESTS_UNIT_API_CALL_H

#include "gateway/http/exchange.h"

#include <jansson.h>
#include <stdbool.h>

#define MODEL "/v1/projects/circuit-boards/models/3"
#define UNITS "{\"MinInferenceUnits\":1,\"MaxInferenceUnits\":2}"

/* Tokens: of assembly-line with all scopes and with models:read, of two teams, gateway:admin. */
extern char all_scopes[], reader[], two_teams[], admin[];

extern struct exchange exchange;
extern json_t *json; /* of the last answer, or NULL */

/* What exchange_read_body answers. */
struct to_read {
    const char *body;
    enum problem_type problem;
};
extern struct to_read to_read;

/* cmocka's setup and teardown: a new world, and nothing asked yet. */
int api_setup(void **state);
int api_teardown(void **state);
#define API_TEST(name) cmocka_unit_test_setup_teardown(name, api_setup, api_teardown)

void begin(const char *method, const char *path, const char *query);
void add_field(const char *name, const char *value);
void add_token(const char *token);
/* Has it answered, and checks that the status is the expected one. */
void finish(int status);

/* The whole of it; `token` NULL: none. */
void call(const char *method, const char *path, const char *query, const char *token, int status);
void post(const char *path, const char *query, const char *token, const char *body, int status);
void start(const char *query, const char *token, const char *body, int status);

/* Members of the last answer by a path such as "Reservation.Id" or "Rules.0.Limit". */
json_t *member_of(const char *path); /* NULL: there is none */
const char *text_of(const char *path);
int64_t number_of(const char *path);
bool has_header(const char *line);
void expect_problem(const char *name);

#endif
