# SPDX-License-Identifier: GPL-2.0
#
# stacq. `make help` lists the targets. Modules are loaded in a virtual machine; only load, unload,
# install and uninstall are for the machine this runs on. What is built goes to build/.

KERNEL ?= stock
INPUT  ?= /usr/share/common-licenses/GPL-3
PREFIX ?= /usr/local
BUILD  := $(CURDIR)/build
tests   = $(if $(T),--only '$(T)') $(if $(JUNIT),--junit '$(JUNIT)')

# For load, unload and install: the kernel that is running here.
MODULES_DIR ?= /lib/modules
RELEASE     ?= $(shell uname -r)
HEADERS     ?= $(MODULES_DIR)/$(RELEASE)/build

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := all

# A path that make can't take is refused before anything is written.
refused := $(shell STACQ_CACHE=/ bash vm/lib.sh 2>&1)
ifneq ($(refused),)
$(error $(refused))
endif

.PHONY: help all run shell test test-full test-nightly test-fresh test-kernels test-arm64 fuzz bench lint lab \
	labs-report modules user clean distclean load unload install uninstall host-module host-programs

help:                 ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' Makefile | expand -t 21
	@echo "variables: KERNEL=$(KERNEL) (one of $$(. vm/lib.sh; kernel_names)), INPUT=file for run,"
	@echo "  T=pattern and JUNIT=file for test and test-full, PREFIX=$(PREFIX), DESTDIR= and RELEASE= (another kernel) for install"

all: modules user     ## build all, and load the module in a virtual machine
	@vm/run --kernel $(KERNEL) -- sh -c 'insmod /modules/stacq.ko && ls /dev/stacq >/dev/null && rmmod stacq'
	@echo "stacq.ko is built for kernel $(KERNEL); it was loaded and unloaded in a virtual machine. Next: make run"

run:                  ## the demonstration, in a virtual machine; then a shell there
	@echo "== builds the module and the command, boots a virtual machine, and shows them there; one to three minutes"
	@$(MAKE) modules user
	@vm/run --kernel $(KERNEL) --timeout 600 --file "$(INPUT):/tmp/input" --shell -- /tests/demo/run /tmp/input

shell: modules user   ## a shell in a virtual machine, with the module to load
	@vm/run --kernel $(KERNEL)

test:                 ## the tests on the stock kernel; a few minutes. T=pattern: some; JUNIT=file: results as XML
	@tests/run --announce $(tests)
	@$(MAKE) user
	@tests/run $(tests)

test-full:            ## what CI runs after it: the kernels that look for errors, and the runner; T=, JUNIT=
	@tests/run --announce $(tests) full
	@$(MAKE) user
	@tests/run $(tests) full

test-nightly: lint test test-full  ## these and the rest, for hours: seeded faults, all kernels, arm64, fuzz, a bare machine
	@tests/run $(tests) nightly
	@tests/kernels
	@tests/kernels arm64
	@tests/fuzz/run
	@LOAD=8 tests/fresh

test-fresh:           ## make run and make test on a bare Debian 12 in a folder; LOAD=n: beside n busy loops
	@LOAD='$(LOAD)' tests/fresh

test-kernels: user    ## the device tests on each of Debian's kernels, from 5.10 to sid; writes README's table
	@tests/kernels $(if $(T),--only '$(T)')

test-arm64: user      ## the same on arm64, cross-compiled and emulated
	@tests/kernels $(if $(T),--only '$(T)') arm64

fuzz: user            ## ten million hostile calls, stress-ng, trinity; SEED=number repeats a run
	@SEED='$(SEED)' CALLS='$(CALLS)' tests/fuzz/run

lab:                  ## the labs, a line each; make lab-NAME goes through one in a virtual machine
	@labs/run

lab-%: FORCE
	@labs/run $*

labs-report:          ## all labs with plots, as one page: build/labs.html
	@labs/report

bench:                ## what a message costs, beside pipes, sockets and queues; QUICK=1, MITIGATIONS=off, PICTURE=1
	@KERNEL='$(KERNEL)' QUICK='$(QUICK)' MITIGATIONS='$(MITIGATIONS)' PICTURE='$(PICTURE)' bench/run

lint:                 ## all checks of the sources
	@tests/lint

modules:              ## the modules, for KERNEL
	@vm/build-modules $(KERNEL)

user:                 ## the command, the library and the test programs
	@vm/need build test
	@. vm/lib.sh; made_here $(BUILD)/user
	@umask 022; $(MAKE) -s -j$$(nproc) -C tools BUILD=$(BUILD)/user
	@umask 022; $(MAKE) -s -j$$(nproc) -C tests BUILD=$(BUILD)/user all plain

clean:                ## remove what was built
	rm -rf build

distclean: clean      ## also remove the cached kernels
	@. vm/lib.sh; echo "rm -rf $$cache"; rm -rf "$$cache"

FORCE:

# ---- on this machine, as root -------------------------------------------------------------------

HOST := $(BUILD)/host/$(RELEASE)
KERNEL_FOLDERS := $(addprefix kernel/,core delivery io iface)

host-module:
	@. vm/lib.sh; made_here $(HOST); mkdir -p $(addprefix $(HOST)/,kernel $(KERNEL_FOLDERS))
	@ln -sfn $(CURDIR)/include $(HOST)/include
	@ln -sfn $(CURDIR)/VERSION $(HOST)/VERSION
	@ln -sf $(CURDIR)/kernel/*.[ch] $(CURDIR)/kernel/Kbuild $(HOST)/kernel/
	@for folder in $(KERNEL_FOLDERS); do ln -sf $(CURDIR)/$$folder/*.[ch] $(HOST)/$$folder/; done
	@$(MAKE) -j$$(nproc) -C $(HEADERS) M=$(HOST)/kernel modules

host-programs:
	@. vm/lib.sh; made_here $(BUILD)/user
	@$(MAKE) -s -j$$(nproc) -C tools BUILD=$(BUILD)/user programs

load:                 ## load the module into the kernel of this machine
	@packaging/missing '$(RELEASE)' '$(HEADERS)' module kmod
	@packaging/as-owner $(MAKE) host-module
	insmod $(HOST)/kernel/stacq.ko

unload:               ## and remove it again
	rmmod stacq

# First what may be missing, then what is built, then what is copied.
install:              ## install module, command, library, header, man pages on this machine
	@packaging/missing '$(RELEASE)' '$(HEADERS)' module programs $(if $(DESTDIR),,kmod)
	@packaging/as-owner $(MAKE) host-module host-programs
	install -D -m 644 $(HOST)/kernel/stacq.ko $(DESTDIR)$(MODULES_DIR)/$(RELEASE)/updates/stacq.ko
	$(if $(DESTDIR),,depmod $(RELEASE))
	$(MAKE) -C tools copy BUILD=$(BUILD)/user DESTDIR=$(abspath $(DESTDIR)) PREFIX=$(PREFIX)

# A kernel that was removed leaves nothing but the module: then its folder goes, too.
uninstall:            ## undo install, for all kernels
	$(MAKE) -C tools uninstall BUILD=$(BUILD)/user DESTDIR=$(abspath $(DESTDIR)) PREFIX=$(PREFIX)
	@status=0; \
	for module in $(DESTDIR)$(MODULES_DIR)/*/updates/stacq.ko; do \
		[ -e "$$module" ] || continue; \
		folder=$${module%/updates/*}; \
		echo "rm -f $$module"; \
		rm -f "$$module" || { status=1; continue; }; \
		rmdir "$$folder/updates" "$$folder" 2>/dev/null; \
		[ -n "$(DESTDIR)" ] || [ ! -d "$$folder" ] || depmod "$${folder##*/}" || status=1; \
	done; \
	exit $$status
