/* The schema of the SQLite ledger, as the steps that lead from each version to the next. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_SCHEMA_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_SCHEMA_H

/* PRAGMA application_id: "LkLg", so that no other program's file is taken for a ledger. */
#define LEDGER_SQLITE_APPLICATION_ID 0x4C6B4C67

/* The first that was released; what is below was made while the program was being written. */
#define LEDGER_SQLITE_FIRST_VERSION 3

/*
 * Step 0 makes that version out of an empty file, step n the n-th after it out of the one before
 * (PRAGMA user_version); NULL ends the list.
 */
extern const char *const ledger_sqlite_migrations[];

#endif
