# SPDX-License-Identifier: BSD-3-Clause
# sandlock sessions: one flat Makefile. `make help` lists the targets.
#
# Objects and programs go below $(BUILD). What a confined login executes before and while it is
# confined (sandlock-shell, sandlock-supervisor) is static with musl, everything else is glibc.

VERSION    ?= 0.1.0
PREFIX     ?= /usr
BINDIR     ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/sandlock
SYSCONFDIR ?= /etc
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
DOCDIR     ?= $(DATADIR)/doc/sandlock
# Where libpam looks, wherever the rest goes.
PAMDIR     ?= $(firstword $(wildcard $(patsubst %,/usr/%/security,lib/$(shell $(CC) -print-multiarch \
		2>/dev/null) lib64 lib)) /usr/lib/security)
DESTDIR    ?=

BUILD  ?= build
WERROR ?=
V      ?= 0
Q      := $(if $(filter 1,$(V)),,@)
say     = $(if $(filter 1,$(V)),,@echo "  $(1)	$@")

JOBS         ?= $(shell nproc)
SCDOC        ?= scdoc
PYTHON       ?= /usr/bin/python3
FUZZ_SECONDS ?= 10
# Private machines on which root tests run side by side.
MACHINES     ?= $(JOBS)

# Compilers ---------------------------------------------------------------------------------------

MACHINE := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
CLANG   := $(findstring clang,$(notdir $(CC)))

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wundef -Wvla -Wcast-qual \
	    -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	    -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference $(if $(WERROR),-Werror)

HARDEN_x86_64  := -fcf-protection=full
HARDEN_aarch64 := -mbranch-protection=standard
HARDEN := -fstack-protector-strong -fstack-clash-protection $(HARDEN_$(MACHINE)) \
	  $(if $(CLANG),,-ftrivial-auto-var-init=zero)
FORTIFY := -D_FORTIFY_SOURCE=$(if $(CLANG),2,3)

CFLAGS  ?= -O2 -g
DEFINES := -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DBINDIR='"$(BINDIR)"' \
	   -DLIBEXECDIR='"$(LIBEXECDIR)"' -DSYSCONFDIR='"$(SYSCONFDIR)"'

# SANITIZE replaces what it cannot stand beside; only the san and fuzz targets set it.
SANITIZE ?=
INCLUDE := $(addprefix -iquote ,$(patsubst %/,%,$(wildcard lib/*/)) ctl ctl/pam)
COMMON  = -std=gnu11 $(INCLUDE) $(DEFINES) $(WARNINGS) -fvisibility=hidden -MMD -MP
ifeq ($(SANITIZE),)
HOST_CFLAGS  = $(CPPFLAGS) $(COMMON) -fPIC $(HARDEN) $(FORTIFY) $(CFLAGS)
else
HOST_CFLAGS  = $(CPPFLAGS) $(COMMON) -fPIC $(CFLAGS) $(SANITIZE)
endif
HARDEN_LINK := -Wl,-z,relro,-z,now,-z,noexecstack
HOST_LDFLAGS = -pie $(HARDEN_LINK),-z,defs $(SANITIZE) $(LDFLAGS)

# musl without its wrapper: musl-gcc can not make a static-pie. The kernel's own headers come
# last, from the host.
MUSL_TRIPLET ?= $(MACHINE)-linux-musl
MUSL_INCLUDE ?= /usr/include/$(MUSL_TRIPLET)
MUSL_LIB     ?= /usr/lib/$(MUSL_TRIPLET)
KERNEL_INCLUDE ?= /usr/include /usr/include/$(MACHINE)-linux-gnu
COMPILER_INCLUDE := $(shell $(CC) -print-file-name=include 2>/dev/null)
CRT_BEGIN := $(shell $(CC) -print-file-name=crtbeginS.o 2>/dev/null)
CRT_END   := $(shell $(CC) -print-file-name=crtendS.o 2>/dev/null)
STATIC_CFLAGS = $(CPPFLAGS) -nostdinc -isystem $(MUSL_INCLUDE) -isystem $(COMPILER_INCLUDE) \
		$(addprefix -idirafter ,$(KERNEL_INCLUDE)) $(COMMON) -fPIE $(HARDEN) $(CFLAGS)
STATIC_LDFLAGS = -static-pie -nostdlib -nostartfiles $(HARDEN_LINK) -Wl,--no-dynamic-linker
STATIC_START = $(MUSL_LIB)/rcrt1.o $(MUSL_LIB)/crti.o $(CRT_BEGIN)
STATIC_END   = -Wl,--start-group $(MUSL_LIB)/libc.a -lgcc -lgcc_eh -Wl,--end-group \
	       $(CRT_END) $(MUSL_LIB)/crtn.o

# What is built -----------------------------------------------------------------------------------

HOST   := $(BUILD)/host
STATIC := $(BUILD)/static

# Shell and supervisor parse no policy and resolve no name: the musl archive holds everything else.
HOST_ONLY  := $(addprefix lib/base/,accounts.c groups.c module_arguments.c network_namespace.c nss_services.c) \
	      $(wildcard lib/dns/*.c) lib/confine/bounding.c \
	      $(addprefix lib/session/,login.c login_supervisor.c) $(wildcard lib/policy/*.c)
STATIC_LIB := $(STATIC)/libsandlock.a
HOST_LIB   := $(HOST)/libsandlock.a

sources = $(wildcard $(1)/*.c)
objects = $(patsubst %.c,$(1)/%.o,$(call sources,$(2)))

SHELL_OBJECTS      := $(call objects,$(STATIC),shell)
SUPERVISOR_OBJECTS := $(call objects,$(STATIC),supervisor)
NETWORK_OBJECTS    := $(call objects,$(STATIC),network)
PLANNER_OBJECTS    := $(call objects,$(HOST),planner)
RESOLVER_OBJECTS   := $(call objects,$(HOST),resolver)
CTL_OBJECTS        := $(call objects,$(HOST),ctl) $(call objects,$(HOST),ctl/pam)
# Of ctl/pam, what reads stacks and knows nothing of this machine; tests link it too.
STACK_OBJECTS      := $(addprefix ctl/pam/,arena.o pam_line.o pam_stack.o pam_outcome.o)
MODULE_OBJECTS     := $(call objects,$(HOST),pam_module)
LIB_SOURCES        := $(wildcard lib/*/*.c)
LIB_OBJECTS        := $(patsubst %.c,$(HOST)/%.o,$(LIB_SOURCES))
STATIC_OBJECTS     := $(patsubst %.c,$(STATIC)/%.o,$(filter-out $(HOST_ONLY),$(LIB_SOURCES)))
UNIT_OBJECTS       := $(call objects,$(HOST),tests/unit)
UNIT_TESTS         := $(patsubst tests/unit/%.c,$(HOST)/tests/%,$(wildcard tests/unit/test_*.c))
UNIT_HELPERS       := $(filter-out $(HOST)/tests/unit/test_%,$(UNIT_OBJECTS))

BIN     := $(HOST)/sandlockctl $(STATIC)/sandlock-shell
LIBEXEC := $(HOST)/sandlock-planner $(HOST)/sandlock-resolver $(STATIC)/sandlock-supervisor \
	   $(STATIC)/sandlock-network
MODULE  := $(HOST)/pam_sandlock.so
MAN     := $(addprefix $(BUILD)/man/,sandlock-shell.8 pam_sandlock.8 sandlock-policy.5 \
	   sandlockctl.8)

all: $(BIN) $(LIBEXEC) $(MODULE) $(MAN)

# Each library that is loaded costs every login 40 us: the planner holds its own where it can.
archived = $(or $(filter /%,$(shell $(CC) -print-file-name=lib$(1).a 2>/dev/null)),-l$(1))

$(STATIC)/sandlock-shell: $(SHELL_OBJECTS) $(STATIC_LIB)
$(STATIC)/sandlock-supervisor: $(SUPERVISOR_OBJECTS) $(STATIC_LIB)
$(STATIC)/sandlock-network: $(NETWORK_OBJECTS) $(STATIC_LIB)
$(STATIC)/sandlock-%:
	$(call say,LINK)
	$(Q)$(CC) $(STATIC_LDFLAGS) -o $@ $(STATIC_START) $^ $(STATIC_END)

$(HOST)/sandlock-planner: $(PLANNER_OBJECTS) $(HOST_LIB)
$(HOST)/sandlock-planner: LIBS := $(call archived,iniparser) $(call archived,seccomp) $(call archived,cap-ng)
$(HOST)/sandlock-resolver: $(RESOLVER_OBJECTS) $(HOST_LIB)
$(HOST)/sandlock-resolver: LIBS := -pthread
$(HOST)/sandlockctl: $(CTL_OBJECTS) $(HOST_LIB)
$(HOST)/sandlockctl: LIBS := -liniparser -lseccomp -lcap-ng -ljansson
$(HOST)/sandlock-planner $(HOST)/sandlock-resolver $(HOST)/sandlockctl:
	$(call say,LINK)
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^ $(LIBS)

# It lives in processes of others: its symbols are its own, and no library comes that it does not
# name.
$(MODULE): $(MODULE_OBJECTS) $(HOST_LIB) pam_module/module.map
	$(call say,LINK)
	$(Q)$(CC) -shared $(HARDEN_LINK)$(if $(SANITIZE),,$(comma)-z$(comma)defs) \
		-Wl,--version-script=pam_module/module.map $(SANITIZE) $(LDFLAGS) -o $@ $(MODULE_OBJECTS) $(HOST_LIB) -lpam -lcap-ng

$(HOST_LIB): $(LIB_OBJECTS)
$(STATIC_LIB): $(STATIC_OBJECTS)
$(HOST_LIB) $(STATIC_LIB):
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(HOST)/tests/%: $(HOST)/tests/unit/%.o $(UNIT_HELPERS) $(STACK_OBJECTS:%=$(HOST)/%) $(HOST_LIB)
	$(call say,LINK)
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^ $(LIBS) -lcmocka -liniparser -lseccomp -lpam -lcap-ng \
		-pthread

# Parts of the resolver, which is no library.
RESOLVER_TESTS := $(addprefix $(HOST)/tests/test_,covered cache)
$(HOST)/libresolver.a: $(filter-out %/sandlock-resolver.o,$(RESOLVER_OBJECTS))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(RESOLVER_TESTS): $(HOST)/libresolver.a
$(RESOLVER_TESTS): LIBS := $(HOST_LIB)

# Judged against libpam itself, by a module that returns what the test wants.
$(HOST)/tests/test_pam_outcome: LIBS := -lpam
$(HOST)/tests/test_pam_outcome: | $(HOST)/tests/pam_answer.so
$(HOST)/tests/pam_answer.so: tests/unit/modules/pam_answer.c
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 $(WARNINGS) $(CFLAGS) -fPIC -shared -o $@ $< -lpam

$(HOST)/%.o: %.c $(BUILD)/flags
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(HOST_CFLAGS) -c -o $@ $<

# cmocka's macros cast between integers; what they assert is checked by the compiler elsewhere.
$(UNIT_OBJECTS): WARNINGS += -Wno-conversion

# What root tests run inside of sessions, and what they have the machine's programs load.
PROBE_SOURCES := $(wildcard tests/root/probes/*.c)
PROBES        := $(HOST)/probes
PROBE_LIBS    := $(patsubst tests/root/probes/%.c,$(PROBES)/lib%.so.2,$(wildcard tests/root/probes/nss_*.c)) \
		 $(PROBES)/preloaded.so
PROBE_32      := $(if $(filter x86_64,$(MACHINE)),$(PROBES)/escape_32)
PROBE_PROGRAMS := $(patsubst tests/root/probes/%.c,$(PROBES)/%,$(filter-out \
		  %/escape_32.c %/preloaded.c tests/root/probes/nss_%,$(PROBE_SOURCES)))

PROBE_FILES   := $(PROBE_PROGRAMS) $(PROBE_LIBS) $(PROBE_32)

probes: $(PROBE_FILES)
# execve(2), sendmsg(2) and struct group take what they do not change without const.
$(PROBE_PROGRAMS:$(PROBES)/%=$(HOST)/tests/root/probes/%.o): WARNINGS += -Wno-cast-qual
$(PROBES)/%: $(HOST)/tests/root/probes/%.o
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(HOST_LDFLAGS) -Wl,--as-needed -o $@ $< -pthread -lpam
# glibc calls the functions of a service by names that no header has, and binds them when it does.
define probe_library
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(HOST_CFLAGS) -fvisibility=default -Wno-cast-qual \
		-Wno-missing-prototypes -shared -Wl,-z,lazy -o $@ $<
endef
$(PROBES)/lib%.so.2: tests/root/probes/%.c $(BUILD)/flags
	$(probe_library)
$(PROBES)/%.so: tests/root/probes/%.c $(BUILD)/flags
	$(probe_library)
$(PROBES)/escape_32: tests/root/probes/escape_32.c
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) -std=gnu11 $(WARNINGS) -m32 -O1 -ffreestanding -nostdlib -static \
		-fno-pie $(if $(CLANG),,-no-pie) -fno-stack-protector -o $@ $<

$(STATIC)/%.o: %.c $(BUILD)/flags
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(STATIC_CFLAGS) -c -o $@ $<

$(BUILD)/man/%: docs/man/%.scd
	$(call say,MAN)
	$(Q)mkdir -p $(@D) && $(SCDOC) <$< >$@.new && mv $@.new $@

# The knobs are compiled in: a change of any of them rebuilds.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(CC) $(HOST_CFLAGS) / $(STATIC_CFLAGS)) >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
comma := ,
quote = '$(subst ','\'',$(1))'

-include $(shell find $(HOST) $(STATIC) -name '*.d' 2>/dev/null)

# Packages ----------------------------------------------------------------------------------------

DEPS_BUILD := gcc libc6-dev musl-dev libseccomp-dev libiniparser-dev libpam0g-dev \
	      libcap-ng-dev libjansson-dev scdoc
DEPS_DEMO  := python3 iproute2 passwd login openssh-server openssh-client
DEPS_TEST  := adduser libcmocka-dev binutils python3 openssh-server openssh-client openssh-sftp-server \
	      rsync git tmux screen gdb strace curl iproute2 procps login passwd bsdutils \
	      sudo cron at iputils-ping xauth gpg-agent man-db aspell aspell-en publicsuffix \
	      bind9-dnsutils knot unbound netcat-openbsd lftp mosh xvfb x11-utils emacs-nox
# Beside what is built and tested there.
DEPS_DEB   := build-essential debhelper
DEPS_KIOSK := chromium dbus lightdm lightdm-gtk-greeter xvfb
DEPS_SUITES := libpython3.11-testsuite golang-go golang-src stress-ng cmake dpkg-dev
# What people would use instead, and the whole programs that are measured.
DEPS_BENCH := bubblewrap firejail redis-server redis-tools make
DEPS_LINT  := clang clang-tools clang-tidy clang-format libclang-rt-14-dev cppcheck mandoc valgrind

DEPS_FOREIGN := rpm makepkg libarchive-tools zstd fakeroot

deps: deps-build deps-test
deps-build:
	$(Q)packaging/apt-install $(DEPS_BUILD)
deps-demo:
	$(Q)packaging/apt-install $(DEPS_BUILD) $(DEPS_DEMO)
deps-test:
	$(Q)packaging/apt-install $(DEPS_BUILD) $(DEPS_TEST)
deps-deb:
	$(Q)packaging/apt-install $(DEPS_BUILD) $(DEPS_DEB) libcmocka-dev binutils python3
deps-kiosk:
	$(Q)packaging/apt-install $(DEPS_BUILD) $(DEPS_TEST) $(DEPS_KIOSK)
deps-suites:
	$(Q)packaging/apt-install $(DEPS_BUILD) $(DEPS_TEST) $(DEPS_SUITES)
deps-bench:
	$(Q)packaging/apt-install $(DEPS_BUILD) $(DEPS_TEST) $(DEPS_BENCH)
deps-lint:
	$(Q)packaging/apt-install $(DEPS_BUILD) $(DEPS_TEST) $(DEPS_LINT)

# Tests -------------------------------------------------------------------------------------------

# Each suite ends in `N passed, N failed, N skipped`; the last line of `make test` is their sum.
SUITES := unit live root check-deps
RUN     = $(PYTHON) tests/run.py --results $(BUILD)/results

test: deps
	$(Q)rm -rf $(BUILD)/results
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) all unit-build
	$(Q)status=0; for suite in $(SUITES); do \
		$(MAKE) --no-print-directory $$suite || status=1; done; \
		$(RUN) total $(SUITES) && exit $$status

unit: unit-build
	$(Q)$(RUN) unit $(UNIT_TESTS)

# Live and root tests run what is installed. As root that happens on a private machine, into which
# the staged installation is copied (tests/machine.py); nothing is installed here.
ifeq ($(shell id -u),0)
TEST_PREFIX := /opt/sandlock-test
TEST_STAGE  := $(abspath $(BUILD))/test/stage
else
TEST_PREFIX := $(abspath $(BUILD))/test/prefix
TEST_STAGE  :=
endif
export TEST_PREFIX
test-install:
	$(Q)rm -rf $(BUILD)/test/stage
	$(Q)$(MAKE) -s -j$(JOBS) BUILD=$(BUILD)/test DESTDIR=$(TEST_STAGE) PREFIX=$(TEST_PREFIX) \
		SYSCONFDIR=$(TEST_PREFIX)/etc PAMDIR=$(TEST_PREFIX)/lib/security install

# With what the root tests need beside it.
test-programs: test-install
	$(Q)$(MAKE) -s -j$(JOBS) BUILD=$(BUILD)/test probes
	$(Q)install -D -t $(TEST_STAGE)$(TEST_PREFIX)/probes $(PROBE_FILES:$(BUILD)/%=$(BUILD)/test/%)

live: test-install
	$(Q)$(RUN) --stage '$(TEST_STAGE)' $@ $(ONLY)
root: test-programs
	$(Q)$(RUN) --stage '$(TEST_STAGE)' --machines $(MACHINES) $@ $(ONLY)

# A display manager and a browser, which are much to install.
kiosk: deps-kiosk test-programs
	$(Q)$(RUN) --stage '$(TEST_STAGE)' $@ $(ONLY)

# The suites of real programs, bare and inside; some minutes. libuv has no package of its tests.
LIBUV := $(abspath $(BUILD))/suites/libuv
suites: deps-suites test-programs $(LIBUV)/build/uv_run_tests_a
	$(Q)cp -r $(LIBUV)/build/uv_run_tests_a $(LIBUV)/test $(TEST_STAGE)/opt
	$(Q)$(RUN) --stage '$(TEST_STAGE)' $@ $(ONLY)
$(LIBUV)/build/uv_run_tests_a: | deps-suites
	$(Q)packaging/apt-source libuv1 $(LIBUV)
	$(Q)cmake -S $(LIBUV) -B $(@D) -DCMAKE_BUILD_TYPE=Release
	$(Q)$(MAKE) -C $(@D) uv_run_tests_a

check-deps: all
	$(Q)$(RUN) script tests/check-deps $(BUILD)

# Sanitizers change what the compiler can prove: their builds warn wrongly, so WERROR is off.
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
san:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/san WERROR= CFLAGS='-O1 -g' \
		SANITIZE='$(SAN)' unit

# The root tests of sandlockctl, with the sanitizers in it; everything else is as installed.
san-ctl: test-programs
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/san-ctl WERROR= CFLAGS='-O1 -g' \
		SANITIZE='$(SAN)' PREFIX=$(TEST_PREFIX) SYSCONFDIR=$(TEST_PREFIX)/etc $(BUILD)/san-ctl/host/sandlockctl
	$(Q)install $(BUILD)/san-ctl/host/sandlockctl $(TEST_STAGE)$(TEST_PREFIX)/bin
	$(Q)$(RUN) --stage '$(TEST_STAGE)' root $(or $(ONLY),test_ctl)

# A thread that runs at the end holds its own memory: only what is definitely lost counts.
VALGRIND := valgrind -q --leak-check=full --show-leak-kinds=definite \
	    --errors-for-leak-kinds=definite --error-exitcode=99 \
	    --suppressions=tests/valgrind.supp
# valgrind 3.19 knows no pidfd_open, openat2, seccomp(2) and Landlock, makes a copy where memory is shared with a
# child, and is itself the name of the program.
UNDER_VALGRIND := $(filter-out %/test_helper %/test_unix_listeners %/test_process %/test_filter %/test_denial %/test_gate %/test_spawn %/test_landlock \
		%/test_agent_holders %/test_path %/test_pending_signals %/test_judge_unix %/test_judge_process \
		%/test_judge_gate %/test_relay %/test_message_control,$(UNIT_TESTS))
valgrind: unit-build
	$(Q)$(RUN) --under '$(VALGRIND)' unit $(UNDER_VALGRIND)

# Measures, on a private machine too. The program of the same name is built where cargo is; elsewhere
# its rows say `not run`. DOC=docs/PERFORMANCE.md writes the tables into that file, ROUNDS=5 is quicker.
CARGO       ?= cargo
SANDLOCK_CLI = sandlock-cli --version 0.9.0
BENCH       := $(BUILD)/bench
BENCH_PROGRAMS := $(addprefix $(HOST)/bench/,probe server start match)

$(HOST)/bench/probe: $(addprefix $(HOST)/tests/bench/,probe.o workloads.o)
$(HOST)/bench/server: $(HOST)/tests/bench/server.o
$(HOST)/bench/start: $(HOST)/tests/bench/start.o
$(HOST)/bench/match: $(HOST)/tests/bench/match.o $(HOST_LIB)
$(HOST)/bench/%:
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(CC) $(HOST_LDFLAGS) -o $@ $^

$(BENCH)/peers/bin/sandlock:
	$(Q)mkdir -p $(@D)
	-$(Q)! command -v $(CARGO) >/dev/null || \
		$(CARGO) install -q --locked --root $(BENCH)/peers $(SANDLOCK_CLI)

# What a decision costs alone, which is no part of any session's time that could be seen.
bench-match: $(HOST)/bench/match
	$(Q)$<
bench-build: $(BENCH_PROGRAMS)
bench: deps-bench
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) test-install bench-build $(BENCH)/peers/bin/sandlock
	$(Q)install -D -t $(TEST_STAGE)$(TEST_PREFIX)/bench $(BENCH_PROGRAMS)
	$(Q)find $(BENCH)/peers -name sandlock -exec install -t $(TEST_STAGE)$(TEST_PREFIX)/bench {} +
	$(Q)$(PYTHON) tests/bench/bench.py --stage $(TEST_STAGE) --out $(BENCH) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(DOC),--doc $(DOC)) $(ONLY)

# Checks of the sources ---------------------------------------------------------------------------

C_SOURCES  := $(LIB_SOURCES) $(foreach d,pam_module shell planner supervisor network resolver ctl ctl/pam,$(call sources,$(d)))
C_FILES    := $(C_SOURCES) $(wildcard */*.h ctl/pam/*.h lib/*/*.h tests/unit/*.[ch] tests/unit/*/*.c \
	      tests/fuzz/*.[ch] tests/bench/*.[ch] tests/root/probes/*.[ch])
TIDY_FLAGS  = -std=gnu11 $(INCLUDE) $(DEFINES)

lint: lint-format lint-tidy lint-cppcheck lint-scan lint-man lint-gcc lint-clang
lint-format:
	$(Q)clang-format --dry-run -Werror $(C_FILES)
# One process a file: clang-tidy 14 finds what is not there when it is given several.
lint-tidy:
	$(Q)printf '%s\n' $(C_SOURCES) $(PROBE_SOURCES) | xargs -P$(JOBS) -I{} clang-tidy --quiet {} -- $(TIDY_FLAGS)
# cppcheck knows neither cleanup attributes (memleak) nor out-parameters (ctuuninitvar).
lint-cppcheck:
	cppcheck --quiet --enable=warning,performance,portability --inline-suppr --std=c11 \
		--error-exitcode=1 --suppress=missingIncludeSystem --suppress=memleak \
		--suppress=ctuuninitvar $(patsubst %,-I%,$(filter-out -iquote,$(INCLUDE))) -D__x86_64__ $(DEFINES) $(C_SOURCES) $(PROBE_SOURCES)
# Whole programs as they are built. It does not know cleanup attributes either: leaks are for ASan and valgrind.
lint-scan:
	$(Q)scan-build --status-bugs -disable-checker unix.Malloc -o $(BUILD)/scan/reports \
		$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/scan all
# scdoc writes paragraph macros where none is needed; everything else counts.
lint-man: $(MAN)
	command -v mandoc && ! mandoc -T lint -W warning $(MAN) | grep -v 'skipping paragraph macro'
lint-gcc:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/gcc WERROR=1 all unit-build bench-build probes
lint-clang:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/clang CC=clang WERROR=1 all unit-build bench-build probes

unit-build: $(UNIT_TESTS) $(MODULE)

# Each target starts from its corpus in the tree and collects below $(BUILD).
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ    := $(BUILD)/fuzz/host
# The slow oracles, of which the unit tests have the same.
FUZZ_HELPERS := $(addprefix $(FUZZ)/tests/unit/,ruleset_oracle.o judge_oracle.o) \
		$(STACK_OBJECTS:%=$(FUZZ)/%)
ifeq ($(CLANG),)
fuzz:
	$(Q)$(MAKE) --no-print-directory CC=clang fuzz
else
fuzz:
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/fuzz WERROR= CFLAGS='-O1 -g' \
		SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' \
		$(FUZZ)/libsandlock.a $(FUZZ_HELPERS) $(FUZZERS:%=$(FUZZ)/tests/fuzz/%.o)
	$(Q)test -n '$(FUZZERS)' && for f in $(FUZZERS); do \
		$(CC) -pie -fsanitize=fuzzer,address,undefined -o $(FUZZ)/$$f \
			$(FUZZ)/tests/fuzz/$$f.o $(FUZZ_HELPERS) $(FUZZ)/libsandlock.a -liniparser -lseccomp -lcap-ng || exit 1; \
		mkdir -p $(BUILD)/fuzz/corpus/$$f; \
		echo "  FUZZ	$$f"; \
		(cd $(BUILD)/fuzz && $(abspath $(FUZZ))/$$f -max_total_time=$(FUZZ_SECONDS) \
			-verbosity=0 corpus/$$f \
			$(CURDIR)/tests/fuzz/corpus/$$f) || exit 1; done
endif

# Installation ------------------------------------------------------------------------------------

BASH_COMPLETIONS := $(DATADIR)/bash-completion/completions
install_to = install -d $(DESTDIR)$(1) $(if $(2),&& install -m $(3) $(2) $(DESTDIR)$(1))

# A staged tree has no users; nor can anybody but root make one.
on_this_machine = @test -n '$(DESTDIR)' || test $$(id -u) != 0 ||

install: all
	$(call install_to,$(BINDIR),$(BIN),0755)
	$(call install_to,$(LIBEXECDIR),$(LIBEXEC),0755)
	$(call install_to,$(PAMDIR),$(MODULE),0644)
	$(call install_to,$(MANDIR)/man5,$(filter %.5,$(MAN)),0644)
	$(call install_to,$(MANDIR)/man8,$(filter %.8,$(MAN)),0644)
	$(call install_to,$(DOCDIR)/examples,$(wildcard policy.d/*),0644)
	$(call install_to,$(DOCDIR),README.md SECURITY.md NEWS,0644)
	$(call install_to,$(DOCDIR)/docs,$(wildcard docs/*.md),0644)
	$(call install_to,$(DOCDIR)/docs/jobs,$(wildcard docs/jobs/*),0644)
	$(call install_to,$(BASH_COMPLETIONS),$(wildcard packaging/completion/*),0644)
	install -d -m 0755 $(DESTDIR)$(SYSCONFDIR)/sandlock/policy.d
	$(on_this_machine) packaging/service-user add

# Policies are the administrator's; what they wrote stays. So do lines of /etc/pam.d, by which nobody
# could log in without the module, and login shells.
uninstall:
	$(on_this_machine) ! test -x $(BINDIR)/sandlockctl || $(BINDIR)/sandlockctl pam --uses || \
		{ echo 'Remove these lines first: without the module they refuse every login.'; exit 1; }
	$(on_this_machine) ! getent passwd | grep '/sandlock-shell$$' || \
		{ echo 'Give these users another shell first (chsh -s /bin/bash USER): without this one they cannot log in.'; exit 1; }
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,$(notdir $(BIN)))
	rm -f $(addprefix $(DESTDIR)$(LIBEXECDIR)/,$(notdir $(LIBEXEC)))
	rm -f $(addprefix $(DESTDIR)$(PAMDIR)/,$(notdir $(MODULE)))
	rm -f $(addprefix $(DESTDIR)$(DOCDIR)/examples/,$(notdir $(wildcard policy.d/*)))
	rm -f $(addprefix $(DESTDIR)$(DOCDIR)/,README.md SECURITY.md NEWS $(wildcard docs/*.md docs/jobs/*))
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man5/,$(notdir $(filter %.5,$(MAN))))
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man8/,$(notdir $(filter %.8,$(MAN))))
	rm -f $(addprefix $(DESTDIR)$(BASH_COMPLETIONS)/,$(notdir $(wildcard packaging/completion/*)))
	$(on_this_machine) packaging/service-user remove
	rmdir $(addprefix $(DESTDIR),$(LIBEXECDIR) $(DOCDIR)/examples $(DOCDIR)/docs/jobs $(DOCDIR)/docs \
		$(DOCDIR) \
		$(SYSCONFDIR)/sandlock/policy.d $(SYSCONFDIR)/sandlock) 2>/dev/null || true

# dpkg-buildpackage wants debian/ at the root of a source tree, and writes beside it. The packages
# are then in $(BUILD)/deb.
deb: deps-deb
	rm -rf $(BUILD)/deb
	install -d $(BUILD)/deb/sandlock
	tar -c --exclude-vcs --exclude='./build*' . | tar -x -C $(BUILD)/deb/sandlock
	mv $(BUILD)/deb/sandlock/packaging/debian $(BUILD)/deb/sandlock/debian
	cd $(BUILD)/deb/sandlock && dpkg-buildpackage -us -uc

demo: deps-demo
	$(Q)$(MAKE) --no-print-directory test-install
	$(Q)$(PYTHON) tests/demo $(TEST_STAGE)

# Root tests on the oldest kernel that Debian 12 has, emulated: as slow as that is, by words.
OLD_KERNEL_TESTS := test_pam. test_network test_policy.Files test_refusal test_faults.Clock
old-kernel: test-programs
	$(Q)packaging/apt-install $(DEPS_TEST) qemu-system-x86 busybox-static cpio
	$(Q)tests/kernel/run $(abspath $(BUILD)) $(or $(ONLY),$(OLD_KERNEL_TESTS))

# What Debian's tools can check of the packages for others.
foreign:
	$(Q)packaging/apt-install $(DEPS_BUILD) $(DEPS_FOREIGN)
	$(Q)packaging/check-foreign $(VERSION)

clean:
	rm -rf build

help:
	@echo 'make              build the programs and man pages into $(BUILD)'
	@echo 'make demo         install what is needed, build, show a confined login, clean up (root)'
	@echo 'make test         install what is needed, run all tests (root)'
	@echo 'make install      PREFIX=$(PREFIX) SYSCONFDIR=$(SYSCONFDIR) DESTDIR=$(DESTDIR)'
	@echo 'make deb          Debian packages into $(BUILD)/deb (root)'
	@echo 'make uninstall    remove what install put there; policies stay'
	@echo 'make clean        remove build/'
	@echo 'make deps         install the packages that building and testing need (root)'
	@echo 'make unit | live | root | check-deps    one suite; root needs root'
	@echo '                  ONLY="word …" picks tests by their names; root: MACHINES=$(MACHINES) side by side'
	@echo 'make kiosk        lightdm and Chromium in a session (root)'
	@echo 'make suites       test suites of real programs, with and without a session (root)'
	@echo 'make old-kernel ONLY="word …"           root tests on Linux 6.1, emulated (root)'
	@echo 'make san | valgrind                     the unit tests under ASan+UBSan, or valgrind'
	@echo 'make bench | bench ONLY="word …"        the cost of a session, compared with other sandboxes (root)'
	@echo 'make bench-match  the cost of one decision, by kind and number of rules'
	@echo 'make deps-lint | lint | fuzz            checkers; FUZZ_SECONDS=$(FUZZ_SECONDS) for each target'
	@echo 'Knobs: BINDIR LIBEXECDIR MANDIR DOCDIR VERSION CC CFLAGS WERROR=1 V=1 BUILD'

FORCE:
.PHONY: FORCE all bench bench-build bench-match check-deps clean deb demo deps deps-bench deps-build deps-deb \
	deps-demo deps-kiosk deps-lint deps-suites deps-test foreign fuzz help install kiosk lint lint-clang \
	lint-cppcheck lint-format lint-gcc lint-man lint-scan lint-tidy live old-kernel probes root san san-ctl suites \
	test test-install test-programs uninstall unit unit-build valgrind
.DELETE_ON_ERROR:
.SECONDARY:
