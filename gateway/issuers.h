/* The `issuers` of the configuration, with their keys read, as an authority. */
#ifndef LOOKOUT_ISSUERS_H
#define LOOKOUT_ISSUERS_H

#include "gateway/auth/principal.h"

#include <jansson.h>

#define ISSUERS_MAX 16

/*
 * Builds an authority from an array of objects such as
 *   {"issuer": "https://sso.example", "audience": "lookout-gateway", "jwks_file": "keys.json"}
 * with the further members `keys` (array of {kid, algorithm, pem_file | secret_file}),
 * `default_algorithm`, `team_claim`, `subject_claim`, `scope_claim`, `leeway_seconds` and
 * `max_lifetime_seconds`. Strict: an unknown member is an error with its JSON pointer. Relative
 * files are relative to `folder`. `*out` is a reference of the caller's.
 */
int issuers_load(const json_t *issuers, const char *folder, struct authority **out,
                 struct error *err) __attribute__((warn_unused_result));

#endif
