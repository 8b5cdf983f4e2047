# Keys and certificates for development and tests; none is ever committed.
EXTRA_DIST += %D%/make-dev-certs.sh
dist_check_SCRIPTS += %D%/check-dev-certs.sh
TESTS += %D%/check-dev-certs.sh
