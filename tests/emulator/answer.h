/* One answer of the service: status, error type and JSON body, in the shapes of rest-json. */
#ifndef LOOKOUT_EMULATOR_ANSWER_H
#define LOOKOUT_EMULATOR_ANSWER_H

#include "gateway/base/strbuf.h"

#define ANSWER_BODY_MAX (128 * 1024) /* a page of a hundred longest names */

struct answer {
    int status;             /* HTTP */
    const char *error_type; /* bare shape name, a literal; NULL on success */
    int retry_after_s;      /* 0 = no header */
    struct strbuf body;
};

/* What an error says besides its message; members that the shape does not have stay NULL. */
struct answer_details {
    const char *resource_id;
    const char *resource_type;
    const char *quota_code; /* with it goes "ServiceCode":"lookoutvision" */
};

void answer_init(struct answer *answer);
void answer_free(struct answer *answer);

/* 202 {"Status": …}, the answer of StartModel and StopModel. */
void answer_set_hosting(struct answer *answer, const char *status);

/* An error by its bare name, which decides the HTTP status (answer_error_status). */
void answer_set_error(struct answer *answer, const char *error_type,
                      const struct answer_details *details, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * The HTTP status of an error type that the emulator knows; 0 for any other. `*literal` (may be
 * NULL) becomes the table's own copy of the name.
 */
int answer_error_status(const char *error_type, const char **literal);

#endif
