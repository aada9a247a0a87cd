# Everything that can be done with a clone of Martlet, on Debian 12 or Ubuntu with a Swift 6.3 toolchain.

PREFIX ?= /usr/local
DESTDIR ?=

# One set of flags for every release build, so that demo, bench and install share it. The standard library is linked in:
# the installed program needs no toolchain beside it. Exclusive access to variables is checked in every test, and not
# once more in the server, where it costs a tenth of a job.
OPTIMISED = swift build -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked
RELEASE = $(OPTIMISED) --product martlet
SOURCES = Package.swift Sources Tests
# Fast ones first; one process each, so that a suite that fills the processor starves no other's deadlines.
SUITES = StyleTests WireTests CompressionTests CommandLineTests BenchTests StoreTests EngineTests ClientTests WorkerTests \
	BrokerTests TestingTests GatewayTests IntegrationTests
# Those that work for minutes: each on its own, at the end.
LONG = EngineTests.DamagedTableTests EngineTests.SimulationTests EngineTests.MutantTests

# What `make compare` is told: COMPARE_ROUNDS=1 for one round, COMPARE=--quick to see whether it works. More of it:
# `clients/compare/compare --help`.
COMPARE_ROUNDS ?= 3
COMPARE ?=

# What `make bench-check` is told: BENCH_CHECK=--record takes what it counts as the new thresholds.
BENCH_CHECK ?=

.PHONY: help demo test bench bench-check compare picture build install deps format format-check clean

help:
	@echo 'make demo                 build, then hash a few thousand files through broker, gateway and two workers'
	@echo 'make test                 format check, build with warnings as errors, style checks, all tests'
	@echo 'make bench                build, then measure the server on this machine'
	@echo 'make bench-check          count instructions and allocations of a job, and compare with Tests/JobCost/thresholds'
	@echo 'make compare              build, then measure it beside the other job queues that are installed here'
	@echo 'make picture              draw what make compare found, for README.md'
	@echo 'make build                the optimised program: .build/release/martlet'
	@echo 'make install PREFIX=DIR   the program into DIR/bin (default $(PREFIX))'
	@echo 'make format               rewrite the sources in the format that make test checks'

demo: build
	@"$$($(RELEASE) --show-bin-path)/martlet" demo

bench: build
	@"$$($(RELEASE) --show-bin-path)/martlet" bench

# Counting takes half a minute, and needs no quiet machine.
bench-check: deps
	@echo '== build (release)'
	@$(OPTIMISED) --product JobCost
	@echo '== count'
	@Tests/JobCost/check --program "$$($(OPTIMISED) --show-bin-path)/JobCost" $(BENCH_CHECK)

# Results go to .build/compare.json too, one object a line.
compare: build
	@clients/compare/compare --program "$$($(RELEASE) --show-bin-path)/martlet" \
		--rounds $(COMPARE_ROUNDS) --json .build/compare.json $(COMPARE)

# The picture and the table of README.md, from the results of `make compare`.
picture:
	@clients/compare/picture .build/compare.json > .build/comparison.svg
	@mv .build/comparison.svg clients/compare/comparison.svg
	@clients/compare/picture --readme README.md .build/compare.json

build: deps
	@echo '== build (release; the first time takes some minutes)'
	@$(RELEASE)

install: build
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 "$$($(RELEASE) --show-bin-path)/martlet" '$(DESTDIR)$(PREFIX)/bin/martlet'

# Warnings are errors here and never for those who depend on us: Package.swift reads the variable.
test: export MARTLET_STRICT = 1
test: deps format-check
	@echo '== build (debug, warnings are errors)'
	@swift build --build-tests
	@for suite in $(SUITES); do \
		.ci/suite "$$suite" --filter "^$$suite\." $(LONG:%=--skip '^%/') || exit 1; \
	done
	@for suite in $(LONG); do \
		.ci/suite "$$suite" --filter "^$$suite/" || exit 1; \
	done

format-check:
	@echo '== format'
	@swift format lint --strict --parallel --recursive $(SOURCES)

format:
	@swift format --in-place --parallel --recursive $(SOURCES)

deps:
	@.ci/deps

clean:
	rm -rf .build
