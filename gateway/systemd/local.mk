# The unit file, with the folders that configure was told.
systemdunitdir = $(prefix)/lib/systemd/system
nodist_systemdunit_DATA = %D%/lookout-gateway.service
EXTRA_DIST += %D%/lookout-gateway.service.in
CLEANFILES += %D%/lookout-gateway.service
%D%/lookout-gateway.service: %D%/lookout-gateway.service.in Makefile
	@$(MKDIR_P) %D%
	$(AM_V_GEN)$(SED) -e 's|@bindir[@]|$(bindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
		$(srcdir)/%D%/lookout-gateway.service.in >$@
