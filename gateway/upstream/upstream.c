/* The words of the service's model, and what all backends share. */
#include "gateway/upstream/upstream.h"

#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {
    [MODEL_STATUS_UNKNOWN] = "UNKNOWN",
    [MODEL_TRAINING] = "TRAINING",
    [MODEL_TRAINED] = "TRAINED",
    [MODEL_TRAINING_FAILED] = "TRAINING_FAILED",
    [MODEL_STARTING_HOSTING] = "STARTING_HOSTING",
    [MODEL_HOSTED] = "HOSTED",
    [MODEL_HOSTING_FAILED] = "HOSTING_FAILED",
    [MODEL_STOPPING_HOSTING] = "STOPPING_HOSTING",
    [MODEL_SYSTEM_UPDATING] = "SYSTEM_UPDATING",
    [MODEL_DELETING] = "DELETING",
};
#define STATUS_COUNT (sizeof(status_names) / sizeof(status_names[0]))

const char *model_status_name(enum model_status status)
{
    return (size_t)status < STATUS_COUNT ? status_names[status] : "UNKNOWN";
}

enum model_status model_status_parse(const char *word)
{
    for (size_t i = 0; i < STATUS_COUNT; i++)
        if (strcmp(word, status_names[i]) == 0)
            return (enum model_status)i;
    return MODEL_STATUS_UNKNOWN;
}

bool model_status_is_running(enum model_status status)
{
    switch (status) {
    case MODEL_TRAINING:
    case MODEL_TRAINED:
    case MODEL_TRAINING_FAILED:
    case MODEL_HOSTING_FAILED:
    case MODEL_DELETING: /* AWS deletes no model that runs */
        return false;
    case MODEL_STATUS_UNKNOWN:
    case MODEL_STARTING_HOSTING:
    case MODEL_HOSTED:
    case MODEL_STOPPING_HOSTING:
    case MODEL_SYSTEM_UPDATING:
        return true;
    }
    return true;
}

const char *upstream_fate_name(enum upstream_fate fate)
{
    switch (fate) {
    case UPSTREAM_ACCEPTED:
        return "accepted";
    case UPSTREAM_NOT_SENT:
        return "not_sent";
    case UPSTREAM_THROTTLED:
        return "throttled";
    case UPSTREAM_REFUSED:
        return "refused";
    case UPSTREAM_DOUBT:
        return "doubt";
    }
    return "doubt";
}

void upstream_page_clear(struct upstream_page *page)
{
    page->count = 0;
    page->account[0] = '\0';
    page->next_token[0] = '\0';
}

void upstream_free(struct upstream **upstream)
{
    if (upstream == NULL || *upstream == NULL)
        return;
    (*upstream)->ops->free((*upstream)->self);
    free(*upstream);
    *upstream = NULL;
}
