# The example of how to bring users in on many hosts.
DOCDIR ?= $(PREFIX)/share/doc/gocker

install-extra::
	$(INSTALL) -d '$(DESTDIR)$(DOCDIR)/ansible'
	sed 's|/usr/local/bin|$(BINDIR)|' conf/ansible/gocker.yml >$(BUILD)/gocker.yml
	$(INSTALL) -m 0644 $(BUILD)/gocker.yml '$(DESTDIR)$(DOCDIR)/ansible/'
uninstall-extra::
	rm -f '$(DESTDIR)$(DOCDIR)/ansible/gocker.yml'
	-rmdir '$(DESTDIR)$(DOCDIR)/ansible' '$(DESTDIR)$(DOCDIR)' 2>/dev/null
