/* Finds the file of a zone. */
#include "gateway/base/zone_file.h"

#include "gateway/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_FOLDER "/usr/share/zoneinfo"
#define PATH_SIZE     4096

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const char *find_folder(const char *context)
{
    const char *folder = context != NULL ? context : getenv("TZDIR");
    return folder != NULL && folder[0] != '\0' ? folder : SYSTEM_FOLDER;
}

static int check_name(const char *name, struct error *err)
{
    size_t len = strlen(name);
    if (len <= TIME_ZONE_MAX_NAME && strspn(name, LETTERS) > 0 &&
        strspn(name, LETTERS "0123456789_+-/") == len)
        return 0;
    return error_set(
        err, ERROR_INVALID,
        "saw the time zone \"%.*s\", expected a name like \"Europe/Berlin\" of at most "
        "%d of A-Z, a-z, 0-9, `_`, `+`, `-`, `/`",
        TIME_ZONE_MAX_NAME, name, TIME_ZONE_MAX_NAME);
}

int zone_file_load(void *context, const char *name, struct time_zone **out, struct error *err)
{
    const char *folder = find_folder(context);
    char path[PATH_SIZE];
    char *content = NULL;
    size_t content_len = 0;
    *out = NULL;
    int result = check_name(name, err);
    if (result != 0)
        return result;
    int len = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return error_set(err, ERROR_INVALID, "the folder of the time zones has too long a name");
    if (access(path, F_OK) != 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no time zone \"%s\" in %s: correct its name, or install tzdata "
                         "(TZDIR names another folder)",
                         name, folder);
    result = file_read(path, TIME_ZONE_MAX_BYTES, &content, &content_len, err);
    if (result == 0) {
        result = time_zone_parse(name, content, content_len, out, err);
        if (result != 0)
            error_prefix(err, "%s", path);
    }
    file_free(&content, content_len);
    return result;
}
