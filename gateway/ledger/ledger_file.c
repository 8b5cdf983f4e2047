/* Opening and closing of what is only read. */
#include "gateway/ledger/ledger_file.h"

#include "gateway/ledger/ledger_sqlite.h"

#include <string.h>

int ledger_file_open(const char *path, struct ledger_file *out, struct error *err)
{
    int code;

    memset(out, 0, sizeof(*out));
    out->backend = ledger_sqlite_backend();
    code = ledger_sqlite_open_to_read(path, &out->store, err);
    if (code == 0)
        code = out->backend->connect(out->store, LEDGER_READ, &out->session, err);
    if (code == 0)
        code = out->backend->begin_snapshot(out->session, err);
    if (code != 0) {
        error_prefix(err, "ledger %s", path);
        ledger_file_close(out);
    }
    return code;
}

void ledger_file_close(struct ledger_file *file)
{
    file->backend->disconnect(&file->session); /* ends the snapshot, too */
    file->backend->close(&file->store);
}
