# The Ansible role that brings users in on many hosts, and a playbook that plays it.
DOCDIR ?= $(PREFIX)/share/doc/gocker
ANSIBLE_FILES := gocker.yml $(patsubst conf/ansible/%,%,$(wildcard conf/ansible/roles/gocker/*/main.yml))

install-extra::
	for file in $(ANSIBLE_FILES); do \
		$(INSTALL) -d "$(DESTDIR)$(DOCDIR)/ansible/$$(dirname "$$file")" && \
		sed 's|/usr/local/bin|$(BINDIR)|' "conf/ansible/$$file" >$(BUILD)/ansible.yml && \
		$(INSTALL) -m 0644 $(BUILD)/ansible.yml "$(DESTDIR)$(DOCDIR)/ansible/$$file" || exit 1; \
	done
uninstall-extra::
	for file in $(ANSIBLE_FILES); do rm -f "$(DESTDIR)$(DOCDIR)/ansible/$$file"; done
	-find '$(DESTDIR)$(DOCDIR)/ansible' -depth -type d -exec rmdir {} + 2>/dev/null
	-rmdir '$(DESTDIR)$(DOCDIR)' 2>/dev/null
