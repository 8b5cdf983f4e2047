/* The SQLite ledger's statements as text, and the table of columns that they are made from. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_SQL_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_SQL_H

#include <stddef.h>

enum column_type {
    COLUMN_TEXT,
    COLUMN_INT64,
    COLUMN_INT,
    COLUMN_BOOL,
    COLUMN_BODY,
    COLUMN_STATE,
    COLUMN_ORIGIN,
    COLUMN_END
};

/* An update writes the columns up to the class that it needs, and touches only their indexes. */
enum column_change {
    COLUMN_FIXED,  /* for life */
    COLUMN_FREE,   /* in no index */
    COLUMN_MOVED,  /* in the index of states only */
    COLUMN_INDEXED /* in the others */
};

struct column {
    const char *name;
    enum column_type type;
    enum column_change change;
    size_t offset, size; /* of the member of struct reservation */
};

/* Of the table reservation. The n-th is parameter n + 1 of the statements that write a row. */
#define COLUMNS            37
#define COLUMN_ID          0
#define COLUMN_ROW_VERSION 1
#define PARAMETER_LIVE     (COLUMNS + 1)
#define PARAMETER_EXPECTED (COLUMNS + 2) /* the row_version before */
#define PARAMETER_NUMBER   (COLUMNS + 3)
extern const struct column ledger_sqlite_columns[COLUMNS];

/* What a statement of these names is asked, ledger_backend.h tells; its parameters stand in its
 * text. */
enum statement {
    GET_ROW,
    GET_LIVE,
    GET_KEY,
    GET_META,
    GET_STOP_DOUBT,
    GET_USAGE,
    GET_JOURNAL_HEAD,
    LIVE_TIMES,
    LIVE_TIMES_OF_TEAM,
    SUM_SETTLED,
    EACH_USED,
    GET_FREEZE,
    LIST_FREEZES,
    EACH_ENTRY,
    EACH_ROW,
    EACH_USAGE,
    EACH_SETTLED,
    BEGIN_SNAPSHOT,
    END_SNAPSHOT,
    LIST_BY_PROJECT,
    LIST_BY_LEASE,
    LIST_BY_TEAM,
    LIST_BY_STATE,
    READ_STATEMENTS, /* those before are prepared in every session, those after to write */
    BEGIN = READ_STATEMENTS,
    COMMIT,
    ROLLBACK,
    INSERT_ROW,
    FIND_NUMBER,
    UPDATE_FREE,
    UPDATE_MOVED,
    UPDATE_INDEXED,
    PUT_KEY,
    PUT_META,
    ADD_USAGE,
    APPEND_ENTRY,
    ADD_SETTLED,
    TAKE_SETTLED,
    PUT_FREEZE,
    DELETE_FREEZE,
    INSERT_USAGE,
    FORGET_KEYS,
    FORGET_ROWS,
    ALL_STATEMENTS
};

#define LEDGER_SQL_MAX 8192 /* bytes of the longest statement, with its NUL */

struct ledger_sql {
    char text[LEDGER_SQL_MAX];
    size_t len;
};

void ledger_sqlite_write_sql(enum statement which, struct ledger_sql *out);

#endif
