# Proofs of money: the control floor on a real ledger, the emulator's bill, and time moved by hand.
EXTRA_DIST += tests/README.md
if HAVE_CMOCKA
money_world = \
	tests/money/clock_by_hand.h tests/money/clock_by_hand.c \
	tests/money/hosting_upstream.h tests/money/hosting_upstream.c \
	tests/money/money_world.h tests/money/money_world.c \
	tests/money/slow_books.h tests/money/slow_books.c
# The clock by hand stands in the programs themselves, in place of a clock's library.
money_libs = tests/emulator/libemulator.a $(control_libs) $(CMOCKA_LIBS)

money_tests = tests/money/test_budgets tests/money/test_money_rules tests/money/test_month \
	tests/money/test_promise tests/money/test_zones
check_PROGRAMS += $(money_tests)
TESTS += $(money_tests)
tests_money_test_budgets_SOURCES = $(money_world) tests/money/test_budgets.c
tests_money_test_budgets_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_money_test_budgets_LDADD = $(money_libs)
tests_money_test_money_rules_SOURCES = $(money_world) tests/money/test_money_rules.c
tests_money_test_money_rules_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_money_test_money_rules_LDADD = $(money_libs)
tests_money_test_month_SOURCES = $(money_world) tests/money/test_month.c
tests_money_test_month_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_money_test_month_LDADD = $(money_libs)
tests_money_test_promise_SOURCES = $(money_world) \
	tests/money/promise_model.h tests/money/promise_model.c tests/money/test_promise.c
tests_money_test_promise_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_money_test_promise_LDADD = $(money_libs)
tests_money_test_zones_SOURCES = $(money_world) tests/money/test_zones.c
tests_money_test_zones_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_money_test_zones_LDADD = $(money_libs)
endif
