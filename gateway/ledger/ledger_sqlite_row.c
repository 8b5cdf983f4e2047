/* A reservation and the columns of its row, by the table of columns. */
#include "gateway/ledger/ledger_sqlite_row.h"

#include <string.h>

void ledger_sqlite_bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
    sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
}

void ledger_sqlite_bind_column(sqlite3_stmt *statement, int parameter, const struct column *column,
                               const struct reservation *row)
{
    const void *member = (const char *)row + column->offset;

    switch (column->type) {
    case COLUMN_TEXT:
        ledger_sqlite_bind_text(statement, parameter, member);
        break;
    case COLUMN_INT64:
        sqlite3_bind_int64(statement, parameter, *(const int64_t *)member);
        break;
    case COLUMN_INT:
        sqlite3_bind_int(statement, parameter, *(const int *)member);
        break;
    case COLUMN_BOOL:
        sqlite3_bind_int(statement, parameter, *(const bool *)member);
        break;
    case COLUMN_BODY:
        sqlite3_bind_blob(statement, parameter, row->body, (int)row->body_len, SQLITE_STATIC);
        break;
    case COLUMN_STATE:
        ledger_sqlite_bind_text(statement, parameter, reservation_state_name(row->state));
        break;
    case COLUMN_ORIGIN:
        ledger_sqlite_bind_text(statement, parameter, reservation_origin_name(row->origin));
        break;
    case COLUMN_END:
        ledger_sqlite_bind_text(statement, parameter, reservation_end_name(row->end));
        break;
    }
}

bool ledger_sqlite_copy_text(sqlite3_stmt *statement, int index, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(statement, index);
    const size_t len = (size_t)sqlite3_column_bytes(statement, index);

    if (text == NULL || len >= size)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

static bool copy_body(sqlite3_stmt *statement, int index, struct reservation *row)
{
    const void *body = sqlite3_column_blob(statement, index);

    row->body_len = (size_t)sqlite3_column_bytes(statement, index);
    if (row->body_len > sizeof(row->body))
        return false;
    if (row->body_len > 0)
        memcpy(row->body, body, row->body_len);
    return true;
}

/* False when the value is none that we could have written. */
static bool read_column(sqlite3_stmt *statement, int index, const struct column *column,
                        struct reservation *row)
{
    void *member = (char *)row + column->offset;

    switch (column->type) {
    case COLUMN_TEXT:
        return ledger_sqlite_copy_text(statement, index, member, column->size);
    case COLUMN_INT64:
        *(int64_t *)member = sqlite3_column_int64(statement, index);
        return true;
    case COLUMN_INT:
        *(int *)member = sqlite3_column_int(statement, index);
        return true;
    case COLUMN_BOOL:
        *(bool *)member = sqlite3_column_int(statement, index) != 0;
        return true;
    case COLUMN_BODY:
        return copy_body(statement, index, row);
    case COLUMN_STATE:
        return reservation_state_parse((const char *)sqlite3_column_text(statement, index),
                                       &row->state);
    case COLUMN_ORIGIN:
        return reservation_origin_parse((const char *)sqlite3_column_text(statement, index),
                                        &row->origin);
    case COLUMN_END:
        return reservation_end_parse((const char *)sqlite3_column_text(statement, index),
                                     &row->end);
    }
    return false;
}

int ledger_sqlite_read_row(sqlite3_stmt *statement, struct reservation *row, struct error *err)
{
    memset(row, 0, sizeof(*row));
    for (size_t i = 0; i < COLUMNS; i++) {
        if (!read_column(statement, (int)i, &ledger_sqlite_columns[i], row))
            return error_set(err, ERROR_IO, "reservation %s has an unreadable %s: restore a backup",
                             row->id, ledger_sqlite_columns[i].name);
    }
    return 0;
}
