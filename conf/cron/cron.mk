# What gives users of `image = host` their crontabs; an administrator copies it where it is to work.
install-extra::
	$(INSTALL) -d '$(DESTDIR)$(PREFIX)/share/gocker/cron'
	$(INSTALL) -m 0755 conf/cron/crontab conf/cron/gocker-crontabs '$(DESTDIR)$(PREFIX)/share/gocker/cron/'
uninstall-extra::
	rm -rf '$(DESTDIR)$(PREFIX)/share/gocker/cron'
