/* What a start request becomes in the ledger. */
#ifndef LOOKOUT_CONTROL_START_ROW_H
#define LOOKOUT_CONTROL_START_ROW_H

#include "gateway/control/admission.h"
#include "gateway/control/context.h"

/* Rule 7: the worst case in units: MaxInferenceUnits, else MinInferenceUnits. */
int64_t start_row_units(const struct start_request *request);

/*
 * Rule 11: SHA-256 of the canonical request, with version and lease as the caller gave them
 * ("latest", 0), so that the same words are the same request, whatever they come to.
 */
int start_row_fingerprint(const struct start_request *request,
                          unsigned char out[LEDGER_FINGERPRINT_LEN])
    __attribute__((warn_unused_result));

/*
 * The row that is to be inserted: of now, with a new id and client token, and the bytes of the
 * start request. `version` is a number. An error where there is no randomness.
 */
int start_row_make(struct control *control, const struct control_settings *settings,
                   const struct start_request *request, const char *version, int64_t lease_ms,
                   struct reservation *row) __attribute__((warn_unused_result));

#endif
