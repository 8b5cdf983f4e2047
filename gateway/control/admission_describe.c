/* A look at a model: its status, and the reservation that the caller may see. */
#include "gateway/control/admission.h"

#include "gateway/control/context.h"
#include "gateway/control/model_name.h"
#include "gateway/control/model_status.h"

#include <stdio.h>
#include <string.h>

void admission_describe(struct control *control, const char *team, const char *project,
                        const char *version, int64_t deadline_ms, struct model_view *out)
{
    struct model_status_view view;
    struct error err = {0};
    memset(out, 0, sizeof(*out));
    model_status_get(control->statuses, project, version, deadline_ms, &view);
    (void)snprintf(out->version, sizeof(out->version), "%s", version);
    out->observed_ms = view.observed_ms;
    if (view.answer.fate == UPSTREAM_ACCEPTED) {
        out->outcome = STATUS_KNOWN;
        (void)snprintf(out->version, sizeof(out->version), "%s", view.description.version);
        (void)snprintf(out->status, sizeof(out->status), "%s",
                       model_status_name(view.answer.status));
        (void)snprintf(out->status_message, sizeof(out->status_message), "%s",
                       view.description.status_message);
    } else if (view.answer.http_status == 404) {
        out->outcome = STATUS_UNKNOWN_MODEL;
        control_say(out->detail, "AWS knows no model %s/%s", project, version);
    } else {
        out->outcome = STATUS_UNAVAILABLE;
        control_say(out->detail, "AWS could not be asked: %s", view.answer.message);
    }
    if (!model_name_is_latest(out->version) &&
        ledger_find_live(control->ledger, project, out->version, &out->row, &err) == 0)
        out->has_row = team == NULL || strcmp(out->row.team, team) == 0;
}
