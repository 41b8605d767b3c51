# Alert rules and a dashboard for what `gocker stats --prometheus` tells.
PROMETHEUS_FILES := conf/prometheus/gocker.rules.yml conf/prometheus/grafana.json

install-extra::
	$(INSTALL) -d '$(DESTDIR)$(DOCDIR)/prometheus'
	$(INSTALL) -m 0644 $(PROMETHEUS_FILES) '$(DESTDIR)$(DOCDIR)/prometheus/'
uninstall-extra::
	for file in $(notdir $(PROMETHEUS_FILES)); do rm -f "$(DESTDIR)$(DOCDIR)/prometheus/$$file"; done
	-rmdir '$(DESTDIR)$(DOCDIR)/prometheus' '$(DESTDIR)$(DOCDIR)' 2>/dev/null
