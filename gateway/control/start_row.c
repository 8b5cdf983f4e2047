/* What a start request becomes in the ledger. */
#include "gateway/control/start_row.h"

#include "gateway/base/crypto.h"

#include <stdio.h>
#include <string.h>

#define FINGERPRINT_MAX 1024

int64_t start_row_units(const struct start_request *request)
{
    return request->max_units != 0 ? request->max_units : request->min_units;
}

int start_row_fingerprint(const struct start_request *request,
                          unsigned char out[LEDGER_FINGERPRINT_LEN])
{
    char text[FINGERPRINT_MAX];
    int len = snprintf(text, sizeof(text), "start\n%s\n%s\n%lld\n%lld\n%lld", request->project,
                       request->version, (long long)request->min_units,
                       (long long)request->max_units, (long long)request->lease_minutes);
    return crypto_sha256(text, (size_t)len, out);
}

int start_row_make(struct control *control, const struct control_settings *settings,
                   const struct start_request *request, const char *version, int64_t lease_ms,
                   struct reservation *row)
{
    memset(row, 0, sizeof(*row));
    row->created_ms = control_now_ms(control);
    /* Ids in the order of time keep the ledger's indexes compact; a token must not be guessed. */
    if (crypto_uuid7(row->created_ms, row->id) != 0 || crypto_uuid4(row->client_token) != 0)
        return ERROR_IO;
    row->state = RESERVATION_PENDING;
    (void)snprintf(row->team, sizeof(row->team), "%s", request->team);
    (void)snprintf(row->subject, sizeof(row->subject), "%s", request->subject);
    (void)snprintf(row->project, sizeof(row->project), "%s", request->project);
    (void)snprintf(row->version, sizeof(row->version), "%s", version);
    row->min_units = request->min_units;
    row->max_units = request->max_units;
    row->units = start_row_units(request);
    int result = control->upstream->ops->start_body(control->upstream->self, row->min_units,
                                                    row->max_units, row->body, sizeof(row->body));
    if (result != 0)
        return result;
    row->body_len = strlen(row->body);
    row->first_send_ms = row->created_ms;
    row->last_send_ms = row->created_ms;
    row->lease_from_ms = row->created_ms;
    row->lease_end_ms = row->lease_from_ms + lease_ms;
    row->worst_end_ms = row->lease_end_ms + settings->stop_allowance_ms;
    return 0;
}
