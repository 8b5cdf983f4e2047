/* Which live reservation a caller means. */
#include "gateway/control/held.h"

#include "gateway/control/model_name.h"

#include <string.h>

#define HELD_PAGE 16 /* live versions of one project read at a time */

/* Versions are numbers without leading zeros: the longer one is the larger one. */
static bool is_newer(const char *version, const char *than)
{
    size_t len = strlen(version), than_len = strlen(than);
    return len != than_len ? len > than_len : strcmp(version, than) > 0;
}

/* "latest" here: the newest version of the project that is held. */
static int find_newest_held(struct control *control, const char *team, const char *project,
                            struct reservation *row, struct error *err)
{
    struct ledger_filter filter = {.team = team, .project = project};
    struct reservation page[HELD_PAGE];
    char after[RESERVATION_ID_LEN + 1] = "";
    size_t count = HELD_PAGE;
    row->version[0] = '\0';
    while (count == HELD_PAGE) {
        int result =
            ledger_list_live(control->ledger, &filter, after, page, HELD_PAGE, &count, err);
        if (result != 0)
            return result;
        for (size_t i = 0; i < count; i++)
            if (is_newer(page[i].version, row->version))
                *row = page[i];
        if (count > 0)
            memcpy(after, page[count - 1].id, sizeof(after));
    }
    if (row->version[0] == '\0')
        return error_set(err, ERROR_NOT_FOUND, "nothing of that project is held");
    return 0;
}

int held_find(struct control *control, const char *team, const char *project, const char *version,
              struct reservation *row, struct error *err)
{
    int result = model_name_is_latest(version)
                     ? find_newest_held(control, team, project, row, err)
                     : ledger_find_live(control->ledger, project, version, row, err);
    if (result != 0)
        return result;
    if (team != NULL && strcmp(row->team, team) != 0)
        return error_set(err, ERROR_NOT_FOUND, "held by another team");
    (void)unrecorded_find(control->unrecorded, row->id, row);
    return 0;
}
