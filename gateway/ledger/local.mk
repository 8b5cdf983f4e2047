# F2: the durable truth.
noinst_LIBRARIES += gateway/ledger/libledger.a
gateway_ledger_libledger_a_SOURCES = \
	%D%/ledger.h %D%/ledger.c \
	%D%/ledger_backend.h \
	%D%/ledger_sqlite.h %D%/ledger_sqlite.c \
	%D%/reservation.h %D%/reservation.c
