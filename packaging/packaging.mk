# Packages, pages and completions.
# dpkg takes build-essential for granted. The jails are those of packaging/panels.md.
DEPS_TEST += mandoc debhelper dpkg-dev build-essential lintian musl-tools bubblewrap jailkit

MAN_PAGES := $(wildcard packaging/man/*.[1-8])

install-extra::
	for page in $(MAN_PAGES); do \
		section=$${page##*.}; \
		$(INSTALL) -d "$(DESTDIR)$(MANDIR)/man$$section" && \
		$(INSTALL) -m 0644 "$$page" "$(DESTDIR)$(MANDIR)/man$$section/" || exit 1; \
	done
uninstall-extra::
	for page in $(MAN_PAGES); do \
		rm -f "$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}"; \
	done

COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
install-extra::
	$(INSTALL) -d '$(DESTDIR)$(COMPLETIONDIR)'
	$(INSTALL) -m 0644 packaging/completions/gocker.bash '$(DESTDIR)$(COMPLETIONDIR)/gocker'
uninstall-extra::
	rm -f '$(DESTDIR)$(COMPLETIONDIR)/gocker'

# A Debian package from the files that git knows, built outside of the checkout's own build. The steps of
# debhelper that take their time are shown; all of the output is in build/deb/build.log.
DEB_STEPS := -e 's/^dh_auto_build --.*/  DEB     compile/p' -e 's/^ *dh_prep$$/  DEB     install/p' \
	-e 's/^ *dh_strip -.*/  DEB     strip/p' -e 's/^ *dh_builddeb$$/  DEB     pack/p'
.PHONY: deb
deb:
	@echo '  DEB     copy the sources'
	$(Q)rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb/gocker-$(VERSION)
	$(Q)git ls-files -z | xargs -0 cp --parents -t $(BUILD)/deb/gocker-$(VERSION)
	$(Q)cp -r packaging/debian $(BUILD)/deb/gocker-$(VERSION)/debian
	$(Q)cd $(BUILD)/deb/gocker-$(VERSION) && { MAKEFLAGS= dpkg-buildpackage -us -uc -b 2>&1 || echo failed >../failed; } | \
		tee ../build.log | sed -un $(DEB_STEPS); [ ! -e ../failed ] || { tail -n 40 ../build.log; exit 1; }
	@ls $(BUILD)/deb/*.deb

# The packages that other distributions' recipes make.
.PHONY: audit audit-packaging
audit:: audit-packaging
audit-packaging: test-stage test-images test-helpers
	$(Q)GKT_FULL=1 $(RUN_TESTS) tests/packaging/recipes.sh tests/packaging/from-0.1.0.sh
