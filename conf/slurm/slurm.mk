# What contains the jobs of a Slurm cluster. The plugin is built on the compute nodes, for the Slurm that is there:
# Slurm loads none that was built for another release. packaging/slurm.md has the command.
DEPS_SLURM := munge slurmctld slurmd slurm-client libpam-slurm-adopt libslurm-dev
.PHONY: deps-slurm audit-slurm
deps-slurm:
	$(Q)$(MAKE) deps DEPS_BUILD= DEPS_RUN= DEPS_TEST='$(DEPS_SLURM)'

audit:: audit-slurm
audit-slurm: test-stage test-images test-helpers # after make deps-slurm
	$(Q)GKT_FULL=1 $(RUN_TESTS) tests/admin/slurm.sh tests/admin/slurm-signals.sh tests/admin/slurm-site.sh tests/hostile/slurm.sh \
		tests/packaging/walk-slurm.sh

install-extra::
	$(INSTALL) -d '$(DESTDIR)$(PREFIX)/share/gocker/slurm'
	sed 's|/usr/local/bin|$(BINDIR)|' conf/slurm/spank_gocker.c >$(BUILD)/spank_gocker.c
	$(INSTALL) -m 0644 $(BUILD)/spank_gocker.c '$(DESTDIR)$(PREFIX)/share/gocker/slurm/'
uninstall-extra::
	rm -f '$(DESTDIR)$(PREFIX)/share/gocker/slurm/spank_gocker.c'
	-rmdir '$(DESTDIR)$(PREFIX)/share/gocker/slurm' 2>/dev/null
