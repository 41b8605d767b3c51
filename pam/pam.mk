# The PAM door: the module, which other people's daemons load, its keeper, and the entry stub.

PAM_SRC := $(addprefix pam/,pam_gocker.c door.c children.c filter.c join.c powers.c view.c who.c options.c variables.c) \
	$(addprefix src/,base/err.c base/fdpass.c run/privilege/landlock-enter.c run/privilege/seccomp.c)
PAM_OBJS := $(patsubst %.c,$(BUILD)/pic/%.o,$(PAM_SRC))
# Stacks are read by one reader, `gocker doctor`'s.
KEEPER_OBJS := $(call objs,$(wildcard pam/keeper*.c) pam/stack.c pam/stack-ask.c pam/judge.c)

# The module is position-independent and exports its six entry points only. It calls libpam and
# libc; never marked nodlopen. Once loaded it stays (-z nodelete): dlclose(3) would take its fork
# handlers away, and with them what brings a daemon's children inside.
$(BUILD)/pic/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(GK_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<
$(BUILD)/pic/src/run/privilege/seccomp.o: $(BUILD)/gen/filters.h
$(BUILD)/pam_gocker.so: $(PAM_OBJS) pam/pam_gocker.map
	$(call say,LD,$@)
	$(Q)$(CC) $(GK_CFLAGS) -shared $(GK_LDFLAGS) -Wl,-z,nodelete -Wl,--no-undefined \
		-Wl,--version-script=pam/pam_gocker.map -o $@ $(PAM_OBJS) -lpam

$(BUILD)/gocker-keeper: $(KEEPER_OBJS) $(CORE_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(GK_CFLAGS) $(PIE_LDFLAGS) $(GK_LDFLAGS) -o $@ $^ $(INIPARSER_LIBS)

# The stub runs inside, where the C library is another one or none: static. It takes from our own
# libraries what loads the filter. The sanitizers have no static form: there it is as the others are.
$(BUILD)/gocker-entry: $(BUILD)/pam/entry.o $(RUN_LIB) $(PLAN_LIB) $(BASE_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(GK_CFLAGS) $(if $(SANITIZE),$(PIE_LDFLAGS),-static-pie) $(GK_LDFLAGS) -Wl,--gc-sections -o $@ $^

# Ready-made stacks and sshd drop-ins, to be copied by an administrator (or `gocker enable`).
install-extra::
	$(INSTALL) -d '$(DESTDIR)$(PREFIX)/share/gocker/pam.d' \
		'$(DESTDIR)$(PREFIX)/share/gocker/sshd_config.d'
	$(INSTALL) -m 0644 $(wildcard conf/pam.d/*) '$(DESTDIR)$(PREFIX)/share/gocker/pam.d/'
	$(INSTALL) -m 0644 $(wildcard conf/sshd_config.d/*) \
		'$(DESTDIR)$(PREFIX)/share/gocker/sshd_config.d/'
uninstall-extra::
	rm -rf '$(DESTDIR)$(PREFIX)/share/gocker/pam.d' '$(DESTDIR)$(PREFIX)/share/gocker/sshd_config.d'
	-rmdir '$(DESTDIR)$(PREFIX)/share/gocker' 2>/dev/null
