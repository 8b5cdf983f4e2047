/*
 * Refuses a request that AWS would refuse, in AWS's words (IAM User Guide, "Create a signed AWS API
 * request" and "Troubleshoot Signature Version 4 signed requests"). Time is an input. A request
 * that comes twice, byte for byte, is legal: SDKs repeat so within a second.
 */
#ifndef LOOKOUT_EMULATOR_VERIFIER_H
#define LOOKOUT_EMULATOR_VERIFIER_H

#include "gateway/aws/sigv4.h"
#include "policy/error.h"
#include "tests/emulator/answer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFIER_WINDOW_MS (INT64_C(5) * 60 * 1000)

struct verifier_config {
    const char *region;
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL: long-lived keys; requests carry no token */
};

struct verifier; /* immutable once made: any thread */

/* Copies the configuration. */
int verifier_create(struct verifier **out, const struct verifier_config *config, struct error *err)
    __attribute__((warn_unused_result));
void verifier_free(struct verifier **verifier);

/* A request as it stood on the wire. */
struct verifier_request {
    const char *method;
    const char *path;
    const char *query; /* NULL or "" for none */
    const struct sigv4_header *headers;
    size_t header_count;
    const void *body;
    size_t body_len;
};

/* True when the request may pass; else `answer` is the refusal. */
bool verifier_check(const struct verifier *verifier, const struct verifier_request *request,
                    int64_t now_ms, struct answer *answer);

#endif
