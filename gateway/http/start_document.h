/* The bodies of start requests, read strictly. */
#ifndef LOOKOUT_HTTP_START_DOCUMENT_H
#define LOOKOUT_HTTP_START_DOCUMENT_H

#include "policy/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define START_DOCUMENT_MAX_DEPTH 4

/*
 * What AWS's CLI prints for `start-model --generate-cli-skeleton`, with its placeholders, and our
 * LeaseMinutes.
 */
extern const char start_document_skeleton[];

struct start_document {
    json_t *json;        /* owns the strings */
    const char *project; /* NULL where it is not part of the document */
    const char *version;
    const char *team;         /* NULL where absent */
    const char *client_token; /* NULL where absent */
    int64_t min_units;
    int64_t max_units;     /* 0 = absent */
    int64_t lease_minutes; /* 0 = absent */
};

/*
 * {"MinInferenceUnits":1,"MaxInferenceUnits":2} with optional LeaseMinutes, ClientToken and Team;
 * `with_model` wants ProjectName and ModelVersion too (the CLI's document). Unknown members,
 * placeholders (0, "") and a maximum below the minimum are ERROR_INVALID with their pointer. Names
 * are not checked here.
 */
int start_document_parse(const char *body, size_t len, bool with_model, struct start_document *out,
                         struct error *err) __attribute__((warn_unused_result));
void start_document_free(struct start_document *document);

#endif
