/* The schema of the SQLite ledger, as the steps that lead from each version to the next. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_SCHEMA_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_SCHEMA_H

/* PRAGMA application_id: "LkLg", so that no other program's file is taken for a ledger. */
#define LEDGER_SQLITE_APPLICATION_ID 0x4C6B4C67

/* Step n makes version n (1, 2, ...; PRAGMA user_version) out of the one before; NULL ends the
 * list. */
extern const char *const ledger_sqlite_migrations[];

#endif
