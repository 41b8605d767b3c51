# gocker: each login in its own container.
#
# `make` builds everything as any user; `sudo make demo` shows it; `make check` tests it.
# `make help` lists the targets. V=1 prints the commands, WERROR=1 makes warnings errors.

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/gocker
MANDIR ?= $(PREFIX)/share/man
LOCALSTATEDIR ?= /var
RUNDIR ?= /run/gocker
DESTDIR ?=
BUILD ?= build

CC ?= cc
AR ?= ar
PKG_CONFIG ?= pkg-config
INSTALL ?= install
VERSION := 0.1.0

# Where this host's PAM looks for its modules: beside pam_unix.so, wherever that is.
PAMDIR ?= $(firstword $(patsubst %/pam_unix.so,%,$(wildcard \
	/lib/$(shell $(CC) -print-multiarch 2>/dev/null)/security/pam_unix.so \
	/usr/lib/$(shell $(CC) -print-multiarch 2>/dev/null)/security/pam_unix.so \
	/lib64/security/pam_unix.so /usr/lib64/security/pam_unix.so \
	/lib/security/pam_unix.so /usr/lib/security/pam_unix.so)) /lib/security)

WARN := -Wall -Wextra -Wformat=2 -Wformat-security -Wconversion -Wsign-conversion -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wundef \
	-Wcast-qual -Wwrite-strings -Wimplicit-fallthrough -Wvla -Wdate-time -Wunused-result
HARDEN := -fstack-protector-strong -fstack-clash-protection -fno-strict-overflow \
	-fno-delete-null-pointer-checks
# clang before 16 has this one only behind a second flag.
HARDEN += $(shell $(CC) -Werror -ftrivial-auto-var-init=zero -x c -c /dev/null -o /dev/null \
	2>/dev/null && echo -ftrivial-auto-var-init=zero)
ifeq ($(shell uname -m),x86_64)
HARDEN += -fcf-protection=full
endif
ifeq ($(shell uname -m),aarch64)
HARDEN += -mbranch-protection=standard
endif
FORTIFY ?= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
OPT ?= -O2 -g
SANITIZE ?=
ifeq ($(WERROR),1)
WARN += -Werror
endif
CPPFLAGS += -D_GNU_SOURCE -Isrc -I. -I$(BUILD)/gen \
	-DGK_VERSION='"$(VERSION)"' \
	-DGK_CONFIG_PATH='"$(SYSCONFDIR)/gocker.ini"' \
	-DGK_SYSCONFDIR='"$(SYSCONFDIR)"' \
	-DGK_BINDIR='"$(BINDIR)"' \
	-DGK_LIBEXECDIR='"$(LIBEXECDIR)"' \
	-DGK_DATADIR='"$(PREFIX)/share/gocker"' \
	-DGK_RUNDIR='"$(RUNDIR)"' \
	-DGK_STATEDIR='"$(LOCALSTATEDIR)/lib/gocker"'
GK_CFLAGS = -std=gnu17 $(OPT) $(WARN) $(HARDEN) $(if $(SANITIZE),,$(FORTIFY)) $(SANITIZE) $(CFLAGS)
GK_LDFLAGS = -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed $(SANITIZE) $(LDFLAGS)
PIE_CFLAGS = -fPIE
PIE_LDFLAGS = -pie

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
MAKEFLAGS += --no-print-directory
endif

# gocker-shell and gocker take iniparser and json-c in statically: fewer libraries for ld.so to find
# and map.
INIPARSER_LIBS ?= $(or $(wildcard $(shell $(CC) -print-file-name=libiniparser.a)),-liniparser)
JSON_LIBS ?= $(or $(wildcard $(shell $(CC) -print-file-name=libjson-c.a)),-ljson-c)
ARCHIVE_LIBS ?= -larchive
# libcrypto is there for the sums.
CURL_LIBS ?= -lcurl -lcrypto
NCURSES_LIBS ?= -lncursesw -ltinfo

BASE_SRC := $(wildcard src/base/*.c)
PLAN_SRC := $(wildcard src/plan/*.c)
RUN_SRC := $(wildcard src/run/*/*.c)
IMAGE_SRC := $(wildcard src/image/*.c)
CLI_SRC := $(wildcard src/cli/*.c src/cli/*/*.c)

objs = $(patsubst %.c,$(BUILD)/%.o,$(1))
BASE_LIB := $(BUILD)/libgkbase.a
PLAN_LIB := $(BUILD)/libgkplan.a
RUN_LIB := $(BUILD)/libgkrun.a
IMAGE_LIB := $(BUILD)/libgkimage.a
CLI_LIB := $(BUILD)/libgkcli.a
CORE_LIBS := $(RUN_LIB) $(PLAN_LIB) $(BASE_LIB)

PROGRAMS := $(patsubst src/%.c,$(BUILD)/%,$(wildcard src/gocker-shell.c src/gocker.c src/gocker-admin.c))
# The PAM door is built when its sources are there, what belongs to systemd where there is libsystemd.
SYSTEMD ?= $(if $(shell $(PKG_CONFIG) --exists libsystemd 2>/dev/null && echo yes),yes,no)
ifneq ($(wildcard pam/pam_gocker.c),)
PROGRAMS += $(BUILD)/pam_gocker.so $(BUILD)/gocker-keeper $(BUILD)/gocker-entry
endif
ifeq ($(SYSTEMD),yes)
PROGRAMS += $(BUILD)/gocker-scope
endif

.PHONY: all build clean distclean help deps install uninstall rootfs run demo version
all: build
build: $(PROGRAMS)

$(BUILD)/libgkbase.a: $(call objs,$(BASE_SRC))
$(BUILD)/libgkplan.a: $(call objs,$(PLAN_SRC))
$(BUILD)/libgkrun.a: $(call objs,$(RUN_SRC))
$(BUILD)/libgkimage.a: $(call objs,$(IMAGE_SRC))
$(BUILD)/libgkcli.a: $(call objs,$(CLI_SRC) pam/stack.c pam/stack-ask.c pam/judge.c)
$(BUILD)/%.a:
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcD $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(GK_CFLAGS) $(PIE_CFLAGS) -MMD -MP -c -o $@ $<

# A change of compiler or flags rebuilds everything.
$(BUILD)/flags: FORCE
	$(Q)mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(CC) $(CPPFLAGS) $(GK_CFLAGS))' >$@.new; \
	if cmp -s $@.new $@; then rm -f $@.new; else mv $@.new $@; fi
FORCE:

# The seccomp filters are made at build time by libseccomp, so that no program that runs
# with privilege loads it: the set-uid program carries finished BPF.
$(BUILD)/mkfilter: src/tools/mkfilter.c $(wildcard src/tools/*.h) $(BUILD)/flags
	$(call say,HOSTCC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) -std=gnu17 $(OPT) $(WARN) -o $@ $< -lseccomp
$(BUILD)/gen/filters.h: $(BUILD)/mkfilter
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && $< >$@.new && mv $@.new $@
$(BUILD)/src/run/privilege/seccomp.o: $(BUILD)/gen/filters.h

# The allow-list of image = host, as a table in the program: nothing to find, read or parse at a login.
$(BUILD)/gen/host-rules.h: conf/host.allow $(BUILD)/flags
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && awk '!/^[ \t]*(#|$$)/ { gsub(/["\\]/, "\\\\&"); printf "{ \"%s\", %d },\n", $$1, NR }' $< \
		>$@.new && mv $@.new $@
$(BUILD)/src/plan/hostroot.o: $(BUILD)/gen/host-rules.h

$(BUILD)/gocker-shell: $(BUILD)/src/gocker-shell.o $(CORE_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(GK_CFLAGS) $(PIE_LDFLAGS) $(GK_LDFLAGS) -o $@ $^ $(INIPARSER_LIBS)

# gocker links what gocker-shell links; the commands that need more are in gocker-admin.
$(BUILD)/gocker: $(BUILD)/src/gocker.o $(CLI_LIB) $(CORE_LIBS) | $(BUILD)/gocker-admin
	$(call say,LD,$@)
	$(Q)$(CC) $(GK_CFLAGS) $(PIE_LDFLAGS) $(GK_LDFLAGS) -o $@ $^ $(INIPARSER_LIBS) $(JSON_LIBS)

$(BUILD)/gocker-admin: $(BUILD)/src/gocker-admin.o $(CLI_LIB) $(IMAGE_LIB) $(CORE_LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(GK_CFLAGS) $(PIE_LDFLAGS) $(GK_LDFLAGS) -o $@ $^ $(INIPARSER_LIBS) \
		$(JSON_LIBS) $(ARCHIVE_LIBS) $(CURL_LIBS) $(NCURSES_LIBS) -lpam

-include $(wildcard pam/*.mk conf/*/*.mk src/*/*.mk src/*.mk tests/*.mk tests/*/*.mk packaging/*.mk)
-include $(shell find $(BUILD) \( -path $(BUILD)/tests/images -o -path $(BUILD)/vm \) -prune -o -type f -name '*.d' -print 2>/dev/null)

DEPS_BUILD := make gcc libc6-dev pkg-config libiniparser-dev libseccomp-dev libpam0g-dev \
	libarchive-dev libcurl4-openssl-dev libssl-dev libjson-c-dev libncurses-dev libsystemd-dev libcmocka-dev
DEPS_RUN := openssh-server openssh-client openssh-sftp-server busybox-static iproute2 ca-certificates

deps:
	@if command -v apt-get >/dev/null; then \
		miss=$$(for p in $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_TEST); do \
			dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
		if [ -n "$$miss" ]; then \
			[ "$$(id -u)" = 0 ] || { echo "make deps: run as root to install:" $$miss >&2; exit 1; }; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
				--no-install-recommends $$miss >/dev/null; \
		fi; \
	else \
		printf '%s\n' 'make deps knows apt only. Install the equivalents of:' \
			'  $(DEPS_BUILD)' '  $(DEPS_RUN)' '  $(DEPS_TEST)'; exit 1; \
	fi

# gocker-entry: who can't read it can't trace it either, before it has its filter.
install: build
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(LIBEXECDIR)' '$(DESTDIR)$(SYSCONFDIR)' \
		'$(DESTDIR)$(PAMDIR)'
	$(INSTALL) -d -m 0755 '$(DESTDIR)$(LOCALSTATEDIR)/lib/gocker' \
		'$(DESTDIR)$(LOCALSTATEDIR)/lib/gocker/images'
	$(INSTALL) -m 0755 $(BUILD)/gocker '$(DESTDIR)$(BINDIR)/gocker'
	$(INSTALL) -m 4755 $(BUILD)/gocker-shell '$(DESTDIR)$(BINDIR)/gocker-shell'
	for p in admin keeper scope; do if [ -e $(BUILD)/gocker-$$p ]; then \
		$(INSTALL) -m 0755 $(BUILD)/gocker-$$p '$(DESTDIR)$(LIBEXECDIR)/' || exit 1; fi; done
	if [ -e $(BUILD)/gocker-entry ]; then \
		$(INSTALL) -m 0711 $(BUILD)/gocker-entry '$(DESTDIR)$(LIBEXECDIR)/'; fi
	if [ -e $(BUILD)/pam_gocker.so ]; then \
		$(INSTALL) -m 0644 $(BUILD)/pam_gocker.so '$(DESTDIR)$(PAMDIR)/'; fi
	$(INSTALL) -d '$(DESTDIR)$(PREFIX)/share/gocker'
	$(INSTALL) -m 0644 conf/host.allow '$(DESTDIR)$(PREFIX)/share/gocker/host.allow'
	[ -e '$(DESTDIR)$(SYSCONFDIR)/gocker.ini' ] || \
		$(INSTALL) -m 0644 conf/gocker.ini '$(DESTDIR)$(SYSCONFDIR)/gocker.ini'
	$(MAKE) install-extra

# Man pages, completions, units: each room adds its own lines to install-extra.
.PHONY: install-extra uninstall-extra
install-extra::
uninstall-extra::

# A PAM stack that names a module which is gone refuses every login, root's too. FORCE=1 overrides.
uninstall:
	@in_use=$$(sh packaging/in-use.sh '$(BINDIR)' '$(SYSCONFDIR)' '$(DESTDIR)') || { \
		printf '%s\n' "$$in_use" | sed 's/^/make uninstall: in use: /' >&2; \
		[ '$(FORCE)' = 1 ] || { echo 'make uninstall: nothing was removed; logins would be refused. Run' \
			'"gocker disable" for the users, "gocker disable --door pam" for the stacks,' \
			'remove what is left by hand, or insist with FORCE=1' >&2; exit 1; }; }
	@# What `gocker doctor --fix` made goes with the program that undoes it.
	@[ -n '$(DESTDIR)' ] || [ ! -d '$(LOCALSTATEDIR)/lib/gocker/fixes' ] || '$(BINDIR)/gocker' disable --fix
	$(MAKE) uninstall-extra
	rm -f '$(DESTDIR)$(BINDIR)/gocker' '$(DESTDIR)$(BINDIR)/gocker-shell' \
		'$(DESTDIR)$(PAMDIR)/pam_gocker.so'
	rm -f '$(DESTDIR)$(LIBEXECDIR)/gocker-admin' '$(DESTDIR)$(LIBEXECDIR)/gocker-keeper' '$(DESTDIR)$(LIBEXECDIR)/gocker-entry' \
		'$(DESTDIR)$(LIBEXECDIR)/gocker-scope'
	rm -f '$(DESTDIR)$(PREFIX)/share/gocker/host.allow'
	-rmdir '$(DESTDIR)$(LIBEXECDIR)' '$(DESTDIR)$(PREFIX)/share/gocker' 2>/dev/null
	@echo 'left in place: $(SYSCONFDIR)/gocker.ini and the images in $(LOCALSTATEDIR)/lib/gocker'

clean:
	rm -rf $(BUILD)
distclean: clean
	rm -rf build-* compile_commands.json

# For clangd and other tools that read a compilation database; needs jq.
.PHONY: compile-commands
compile-commands: $(BUILD)/gen/filters.h $(BUILD)/gen/launcher.h
	$(Q)printf '%s\n' $(wildcard src/*.c src/*/*.c src/*/*/*.c pam/*.c) | \
		jq -R --arg dir '$(CURDIR)' --arg cc '$(subst ','\'',$(CC) $(CPPFLAGS) $(GK_CFLAGS))' \
			'{ directory: $$dir, file: ., command: ($$cc + " -c " + .) }' | \
		jq -s . >compile_commands.json

version:
	@echo $(VERSION)

help:
	@printf '%s\n' \
	'make               build everything (any user); the same as make build' \
	'make deps          install the packages that building and testing need (apt, root)' \
	'make demo          show SSH logins landing in containers; leaves nothing behind (root)' \
	'make run           open /bin/sh in a container, installing nothing (root); RUN_CMD="..."' \
	'make rootfs        fetch the pinned Alpine root into the image directory (root)' \
	'make install       install below DESTDIR, PREFIX=$(PREFIX), SYSCONFDIR=$(SYSCONFDIR),' \
	'                   the PAM module in $(PAMDIR)' \
	'make uninstall     remove what install put there; refuses while PAM, passwd or sshd names it (FORCE=1)' \
	'make deb           build a Debian package' \
	'make clean         remove the build; make distclean also what else was made here' \
	'' \
	'make check         run the tests; as a plain user those that need no root' \
	'make check-unit    one family of them; the others: check-golden, and for root' \
	'                   $(ROOT_CHECKS)' \
	'make check-asan    unit and golden tests under AddressSanitizer and UBSan' \
	'make session.svg  record the picture in README.md again (root)' \
	'make compile-commands  write compile_commands.json, for clangd and the like' \
	'make format        lay the C code out as .clang-format says' \
	'make check-openssh OpenSSH'\''s own tests through both doors (root)' \
	'make check-vm      whole hosts under emulation (root; make deps-vm)' \
	'make lint          both compilers, clang-tidy, cppcheck, the analyzer, shellcheck' \
	'make fuzz          each fuzzer for FUZZ_SECONDS=$(FUZZ_SECONDS)' \
	'make audit         every test in its long form: hours (root; make deps-tools deps-slurm)' \
	'make bench         what a contained login costs, beside its peers (root; make bench-deps)' \
	'' \
	'V=1 shows commands, WERROR=1 turns warnings into errors'
