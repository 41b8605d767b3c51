# A sample configuration of HAProxy in front of several hosts.
HAPROXY_FILES := conf/haproxy/haproxy.cfg conf/haproxy/inetd.conf

# Its test runs the real one. Installing it starts nothing that serves: Debian's configuration has no frontend.
DEPS_TEST += haproxy

install-extra::
	$(INSTALL) -d '$(DESTDIR)$(DOCDIR)/haproxy'
	$(INSTALL) -m 0644 $(HAPROXY_FILES) '$(DESTDIR)$(DOCDIR)/haproxy/'
uninstall-extra::
	for file in $(notdir $(HAPROXY_FILES)); do rm -f "$(DESTDIR)$(DOCDIR)/haproxy/$$file"; done
	-rmdir '$(DESTDIR)$(DOCDIR)/haproxy' '$(DESTDIR)$(DOCDIR)' 2>/dev/null
