# irq-user: interrupt lines as files.  `make help` lists the targets.

FLAVOUR ?= release
ARCH ?= x86_64
export FLAVOUR ARCH ARCHITECTURES SMP ICOUNT MEMORY QEMU_ARGS KERNEL_ARGS DIR TIMEOUT EVENTS LOAD TESTS TIME SEED KSRC TOOLCHAIN

# Everything runs in the toolchain root.
enter := harness/toolchain/enter

.DEFAULT_GOAL := help

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: kernel userspace ## Boot, and drive a PCI device from user space by its interrupts.
	@$(enter) harness/userspace/demo

check: tree ## Build, boot, and run the daily tests, on FLAVOURS='debug rt'.
	@$(enter) harness/check $(or $(FLAVOURS),debug rt)

check-all: tree ## Run all tests on all architectures, or ARCHITECTURES='...', and print a table.
	@harness/check-all $(or $(FLAVOURS),debug rt release)

selftests: kernel ## Boot, and run the tests of the file, or TESTS='read_test ...' with EVENTS=1000.
	@$(enter) harness/selftests/run

deb: tree ## Build Debian packages of a kernel with CONFIG=debian, debian-cloud, debian-rt, or a path.
	@harness/deb/run '$(or $(CONFIG),debian)'

check-deb: tree ## Build packages with CONFIG=trimmed, install them into a Debian, boot and try it.
	@harness/deb/check '$(or $(CONFIG),trimmed)'

bench: kernel ## Boot, and compare ways to wait for an interrupt, or with LOAD=1 how late they are.
	@$(enter) harness/bench/run

# The default flavour is debug, which finds most.
fuzz: FLAVOUR := $(if $(filter file,$(origin FLAVOUR)),debug,$(FLAVOUR))
fuzz: kernel ## Boot, and make random calls for TIME=60 (or 30m, 8h), from SEED if given.
	@$(enter) harness/fuzz/run

vm: kernel userspace ## Boot, and run CMD='command line'.
	@$(enter) harness/vm/run '$(subst ','\'',$(value CMD))'

shell: kernel userspace ## Boot to a prompt.
	@$(enter) harness/vm/run --interactive

kernel: tree ## Build the kernel of FLAVOUR and ARCH.
	@$(enter) harness/kernel/build

userspace: ## Build the tool irqctl, which is in every VM, and the user-mode drivers.
	@$(enter) harness/userspace/build >/dev/null

tree: ## Assemble the kernel tree: build/linux.
	@$(enter) harness/tree/assemble

lint: tree ## Run the formatters and checkers, which must print nothing.
	@$(enter) harness/lint/run
	@$(enter) harness/lint/kernel
	@harness/lint/msrv

series: tree ## Write three series of patches for git am: build/series.
	@$(enter) harness/series/export

build-series: series ## Build and boot the kernel after each patch of the series.
	@$(enter) harness/series/build

lint-series: series ## Run the kernel's checkers on the series, which must print nothing.
	@$(enter) harness/lint/series
	@$(enter) harness/lint/kernel

clean: ## Delete what was built in this clone.
	rm -rf build userspace/target

clean-cache: ## Delete what all clones share: the toolchain and the kernel source.
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/irq-user"

.PHONY: help demo check check-all check-deb selftests deb bench fuzz vm shell kernel userspace tree lint series build-series lint-series clean clean-cache
