/*
 * The suite that every ledger backend passes: through the calls of ledger.h only. A backend gives a
 * factory of places; the suite opens, closes and kills ledgers there.
 */
#ifndef LOOKOUT_TESTS_LEDGER_CONTRACT_H
#define LOOKOUT_TESTS_LEDGER_CONTRACT_H

#include "gateway/ledger/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct contract_place; /* where one ledger lives; defined by the factory */

struct ledger_contract {
    const char *name;
    struct contract_place *(*make)(void); /* empty; NULL = it could not */
    void (*destroy)(struct contract_place **place);
    int (*open)(struct contract_place *place, const char *endpoint, const char *region,
                struct ledger **out, struct error *err);
};

/* Runs all of it; returns what main returns. */
int ledger_contract_run(const struct ledger_contract *contract);

/* --- for the parts of the suite ------------------------------------------------------------ */

#define CONTRACT_NOW_MS   1700000000000
#define CONTRACT_QUIET_MS 900000
/* Why the suite changes something. */
extern const struct ledger_cause contract_cause;
#define CONTRACT_ENDPOINT "https://lookoutvision.eu-central-1.amazonaws.com"
#define CONTRACT_REGION   "eu-central-1"

struct contract_fixture {
    const struct ledger_contract *contract;
    struct contract_place *place;
    struct ledger *ledger;
};

typedef void contract_test_fn(void **state);

void contract_open(struct contract_fixture *fixture);
void contract_reopen(struct contract_fixture *fixture);
/* Opens it for a test that needs nothing else of its fixture. */
struct ledger *contract_opened(void **state);

/* A whole PENDING row with an id of its own; the model is (project, "1"). */
struct reservation contract_row(const char *team, const char *project, int64_t units);
/* A request for it that anybody admits; `key` may be NULL; the fingerprint is `print` repeated. */
struct ledger_reserve contract_request(const struct reservation *row, const char *key,
                                       unsigned char print);
/* Reserves and fails the test where the outcome is another. */
struct ledger_reserve_result contract_reserve(struct ledger *ledger,
                                              const struct ledger_reserve *request,
                                              enum ledger_reserve_outcome expected);
/* Reserves a new model and takes it to `state`, by legal edges. */
struct reservation contract_row_in(struct ledger *ledger, const char *team, const char *project,
                                   int64_t units, enum reservation_state state);
/* Updates; fails the test where that gives anything but `expected`. */
void contract_move(struct ledger *ledger, struct reservation *row, enum reservation_state to,
                   int expected);
/* Compares the balances with the sum over the live rows; `teams` ends with NULL. */
void contract_check_balances(struct ledger *ledger, const char *const *teams);

struct contract_case {
    const char *name;
    contract_test_fn *run;
};
/* The parts; each list ends with {NULL, NULL}. */
extern const struct contract_case contract_reserve_cases[];
extern const struct contract_case contract_row_cases[];
extern const struct contract_case contract_race_cases[];
extern const struct contract_case contract_life_cases[];
extern const struct contract_case contract_book_cases[];
extern const struct contract_case contract_report_cases[];

#endif
