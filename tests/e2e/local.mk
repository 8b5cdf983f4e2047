# The whole: real gateway and emulator processes, driven by Debian's pytest.
e2e_tests = %D%/test_start.py %D%/test_doubt.py %D%/test_crash.py %D%/test_stop.py \
	%D%/test_tokens.py %D%/test_disk.py %D%/test_hostile.py %D%/test_ledger.py %D%/test_program.py \
	%D%/test_adversity.py %D%/test_admin.py %D%/test_drift.py %D%/test_unwritable.py %D%/test_clocks.py \
	%D%/test_lease.py %D%/test_unit_hours.py %D%/test_usage.py
EXTRA_DIST += %D%/conftest.py %D%/harness.py $(e2e_tests)
dist_check_SCRIPTS += %D%/e2e.sh
TESTS += %D%/e2e.sh
