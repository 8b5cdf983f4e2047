/* The memory of client tokens: what was asked with each and what was answered first. */
#ifndef LOOKOUT_EMULATOR_HOSTING_TOKEN_H
#define LOOKOUT_EMULATOR_HOSTING_TOKEN_H

#include "tests/emulator/hosting.h"

struct hosting_token {
    char text[HOSTING_TOKEN_MAX + 1];
    enum hosting_operation operation;
    int64_t min_units, max_units; /* of a start */
    enum hosting_status answered;
    int64_t at_ms;
};

/* The entry of an unexpired token, borrowed; NULL for none and for "". */
const struct hosting_token *hosting_token_find(const struct hosting_model *model,
                                               enum hosting_operation operation, const char *token,
                                               int64_t now_ms);

/* Makes room for one more, forgetting those that have expired; false when there is none. */
bool hosting_token_reserve(struct hosting_model *model, int64_t now_ms);

/* Needs a reserved place. "" is not remembered. */
void hosting_token_remember(struct hosting_model *model, enum hosting_operation operation,
                            const struct hosting_call *call, enum hosting_status answered,
                            int64_t now_ms);

#endif
