# F2: the durable truth.
noinst_LIBRARIES += gateway/ledger/libledger.a
gateway_ledger_libledger_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
gateway_ledger_libledger_a_SOURCES = \
	%D%/ledger.h %D%/ledger.c \
	%D%/ledger_admin.c \
	%D%/ledger_backend.h \
	%D%/ledger_balances.h %D%/ledger_balances.c \
	%D%/ledger_copy.h %D%/ledger_copy.c \
	%D%/ledger_entry.h %D%/ledger_entry.c \
	%D%/ledger_file.h %D%/ledger_file.c \
	%D%/ledger_handle.h \
	%D%/ledger_journal.h %D%/ledger_journal.c \
	%D%/ledger_lock.h %D%/ledger_lock.c \
	%D%/ledger_logic.h %D%/ledger_logic.c %D%/ledger_logic_admin.c \
	%D%/ledger_readers.h %D%/ledger_readers.c \
	%D%/ledger_recent.h %D%/ledger_recent.c \
	%D%/ledger_releases.h %D%/ledger_releases.c \
	%D%/ledger_show.h %D%/ledger_show.c \
	%D%/ledger_sqlite.h %D%/ledger_sqlite.c \
	%D%/ledger_sqlite_books.h %D%/ledger_sqlite_books.c \
	%D%/ledger_sqlite_file.h %D%/ledger_sqlite_file.c \
	%D%/ledger_sqlite_journal.h %D%/ledger_sqlite_journal.c \
	%D%/ledger_sqlite_log.h %D%/ledger_sqlite_log.c \
	%D%/ledger_sqlite_row.h %D%/ledger_sqlite_row.c \
	%D%/ledger_sqlite_scan.h %D%/ledger_sqlite_scan.c \
	%D%/ledger_sqlite_schema.h %D%/ledger_sqlite_schema.c \
	%D%/ledger_sqlite_session.h %D%/ledger_sqlite_session.c \
	%D%/ledger_sqlite_sql.h %D%/ledger_sqlite_sql.c \
	%D%/ledger_unit_time.h %D%/ledger_unit_time.c \
	%D%/ledger_verify.h %D%/ledger_verify.c \
	%D%/ledger_verify_rows.h %D%/ledger_verify_rows.c \
	%D%/ledger_verify_sums.h %D%/ledger_verify_sums.c \
	%D%/ledger_writer.h %D%/ledger_writer.c \
	%D%/live_cache.h %D%/live_cache.c \
	%D%/reservation.h %D%/reservation.c \
	%D%/usage_report.h %D%/usage_report.c %D%/usage_write.c \
	%D%/usage_words.h %D%/usage_words.c

EXTRA_DIST += tests/ledger/check_journal.py

noinst_PROGRAMS += tests/ledger/bench_ledger
tests_ledger_bench_ledger_SOURCES = tests/ledger/bench_ledger.c
tests_ledger_bench_ledger_LDADD = $(ledger_libs)

if HAVE_CMOCKA
ledger_tests = tests/unit/test_live_cache tests/unit/test_reservation tests/ledger/test_ledger_contract \
	tests/ledger/test_ledger_faults tests/ledger/test_ledger_sqlite \
	tests/ledger/test_ledger_verify
check_PROGRAMS += $(ledger_tests)
TESTS += $(ledger_tests)

tests_unit_test_live_cache_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_live_cache_LDADD = $(ledger_libs) $(CMOCKA_LIBS)

tests_unit_test_reservation_SOURCES = tests/unit/test_reservation.c
tests_unit_test_reservation_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_reservation_LDADD = $(ledger_libs) $(CMOCKA_LIBS)

ledger_contract = \
	tests/ledger/contract.h tests/ledger/contract.c \
	tests/ledger/contract_books.c tests/ledger/contract_life.c tests/ledger/contract_races.c \
	tests/ledger/contract_reports.c tests/ledger/contract_reserve.c tests/ledger/contract_rows.c \
	tests/ledger/place_sqlite.h tests/ledger/place_sqlite.c
tests_ledger_test_ledger_contract_SOURCES = \
	$(ledger_contract) tests/ledger/test_ledger_contract.c
tests_ledger_test_ledger_contract_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_ledger_test_ledger_contract_LDADD = $(ledger_libs) $(CMOCKA_LIBS)
tests_ledger_test_ledger_faults_SOURCES = $(ledger_contract) tests/ledger/test_ledger_faults.c
tests_ledger_test_ledger_faults_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_ledger_test_ledger_faults_LDADD = $(ledger_libs) $(CMOCKA_LIBS)

tests_ledger_test_ledger_verify_SOURCES = $(ledger_contract) tests/ledger/test_ledger_verify.c
tests_ledger_test_ledger_verify_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(SQLITE_CFLAGS)
tests_ledger_test_ledger_verify_LDADD = $(ledger_libs) $(CMOCKA_LIBS)

tests_ledger_test_ledger_sqlite_SOURCES = $(ledger_contract) tests/ledger/test_ledger_sqlite.c
tests_ledger_test_ledger_sqlite_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(SQLITE_CFLAGS)
tests_ledger_test_ledger_sqlite_LDADD = $(ledger_libs) $(CMOCKA_LIBS)
endif
