# What a host with systemd needs: the scope that holds the shell door's sessions, and who makes it.

SYSTEMD_LIBS ?= $(shell $(PKG_CONFIG) --libs libsystemd 2>/dev/null)
UNITDIR ?= $(PREFIX)/lib/systemd/system
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d

$(BUILD)/gocker-scope: $(BUILD)/src/gocker-scope.o $(RUN_LIB) $(BASE_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(GK_CFLAGS) $(PIE_LDFLAGS) $(GK_LDFLAGS) -o $@ $^ $(SYSTEMD_LIBS)

# Paths that the compiled programs have too.
$(BUILD)/conf/%: conf/%.in $(BUILD)/flags
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && sed -e 's|@LIBEXECDIR@|$(LIBEXECDIR)|g' -e 's|@RUNDIR@|$(RUNDIR)|g' \
		-e 's|@STATEDIR@|$(LOCALSTATEDIR)/lib/gocker|g' -e 's|@BINDIR@|$(BINDIR)|g' $< >$@

SYSTEMD_UNITS := $(BUILD)/conf/systemd/gocker.service conf/systemd/gocker.slice \
	$(BUILD)/conf/systemd/gocker-stats.service conf/systemd/gocker-stats.timer \
	$(BUILD)/conf/systemd/gocker-agent@.service conf/systemd/gocker-agent.socket \
	$(BUILD)/conf/systemd/gocker-network.service
# What a contained user's own units of systemd's are given.
SYSTEMD_DROPINS := user@.service.d user-runtime-dir@.service.d

install-extra:: $(if $(filter $(BUILD)/gocker-scope,$(PROGRAMS)),install-systemd)
.PHONY: install-systemd
install-systemd: $(SYSTEMD_UNITS) $(BUILD)/conf/tmpfiles.d/gocker.conf
	$(INSTALL) -d '$(DESTDIR)$(UNITDIR)' '$(DESTDIR)$(TMPFILESDIR)'
	$(INSTALL) -m 0644 $(SYSTEMD_UNITS) '$(DESTDIR)$(UNITDIR)/'
	for dir in $(SYSTEMD_DROPINS); do \
		$(INSTALL) -D -m 0644 "conf/systemd/$$dir/gocker.conf" "$(DESTDIR)$(UNITDIR)/$$dir/gocker.conf" || exit; \
	done
	$(INSTALL) -m 0644 $(BUILD)/conf/tmpfiles.d/gocker.conf '$(DESTDIR)$(TMPFILESDIR)/'

uninstall-extra::
	for unit in $(notdir $(SYSTEMD_UNITS)); do rm -f "$(DESTDIR)$(UNITDIR)/$$unit"; done
	rm -f '$(DESTDIR)$(TMPFILESDIR)/gocker.conf'
	for dir in $(SYSTEMD_DROPINS); do \
		rm -f "$(DESTDIR)$(UNITDIR)/$$dir/gocker.conf"; rmdir "$(DESTDIR)$(UNITDIR)/$$dir" 2>/dev/null || :; \
	done
