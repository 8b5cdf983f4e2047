/* Places on the file system. TMPDIR says where; the default is /tmp. */
#include "tests/ledger/place_sqlite.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct contract_place *place_make(void)
{
    const char *root = getenv("TMPDIR");
    struct contract_place *place = calloc(1, sizeof(*place));

    if (place == NULL)
        return NULL;
    snprintf(place->folder, sizeof(place->folder), "%.32s/ledger.XXXXXX",
             root != NULL ? root : "/tmp");
    if (mkdtemp(place->folder) == NULL) {
        free(place);
        return NULL;
    }
    snprintf(place->path, sizeof(place->path), "%s/ledger.sqlite", place->folder);
    return place;
}

void place_destroy(struct contract_place **place)
{
    DIR *folder;
    struct dirent *entry;

    if (*place == NULL)
        return;
    folder = opendir((*place)->folder);
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
    rmdir((*place)->folder);
    free(*place);
    *place = NULL;
}

int place_open(struct contract_place *place, const char *endpoint, const char *region,
               struct ledger **out, struct error *err)
{
    const struct ledger_settings settings = {
        .path = place->path, .endpoint = endpoint, .region = region};

    return ledger_open(&settings, out, err);
}
