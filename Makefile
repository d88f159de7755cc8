# SPDX-License-Identifier: MIT
# The front door: a few words for what CMake does (CMakePresets.json has the rest). `make help` lists them.
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc)
# Many tests wait more than they work.
TESTS   ?= $(shell expr $(JOBS) + 1)
BENCH   ?=
CONFORMANCE ?=
FUZZ    ?= 60
FAULTS  ?=

export DESTDIR

.PHONY: all help deps demo test conformance faults guest interop citizen fuzz bench bench-hostile bench-target fio install uninstall clean format

# The command is build/berth, the library build/libberth.so and build/libberth.a.
all:
	@command -v cmake >/dev/null || { echo "cmake is missing: run 'make deps' first" >&2; exit 1; }
	cmake --preset release -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	cmake --build build -j $(JOBS) --target product

help:
	@echo 'make                builds the release: build/berth and the library'
	@echo 'make deps           installs with apt what is missing to build'
	@echo 'make demo           shows berth at work on a target it starts itself; installs what is missing'
	@echo 'make test           runs all tests; installs what is missing'
	@echo 'make conformance    runs the suite for initiators on berth, libiscsi, QEMU and Linux (an hour; as root); installs what is missing'
	@echo 'make interop        tries the initiator with tgt, istgt and LIO, and prints the matrix; installs what is missing'
	@echo 'make faults         breaks targets and networks under load (half an hour); installs what is missing'
	@echo 'make guest          boots a Debian from a LUN (minutes; make test does not); installs what is missing'
	@echo 'make citizen        shows what the host can do to connections of berth; installs what is missing'
	@echo 'make fuzz           runs each fuzz target for FUZZ seconds ($(FUZZ)); installs what is missing'
	@echo 'make bench          measures berth beside its peers and plain TCP (25 minutes; BENCH=--quick: 3); installs what is missing'
	@echo 'make bench-hostile  measures the initiator under hostile load beside raw TCP; installs what is missing'
	@echo 'make bench-target   measures berth serve beside tgtd; as root, installs what is missing'
	@echo 'make fio            builds build/berth-fio.so, with which fio runs on a LUN (exports/fio/)'
	@echo 'make install        installs below PREFIX ($(PREFIX)), staged under DESTDIR if that is set'
	@echo 'make uninstall      removes what make install put there'
	@echo 'make format         formats the sources with clang-format'
	@echo 'make clean          removes all build folders'

# An engine for the fio that is installed.
fio: all
	exports/fio/build build/libberth.a build/berth-fio.so

deps:
	scripts/install-deps build

demo:
	@scripts/demo

# First what needs no foreign peer, under the sanitizers (their report is shown only if it is a bad one); then all, as
# users get it.
test:
	scripts/install-deps test
	cmake --preset asan
	cmake --build --preset asan -j $(JOBS)
	ctest --preset asan -j $(TESTS) -L '^(unit|sim|e2e)$$' --no-tests=error -Q -O build-asan/test.log || \
	    { cat build-asan/test.log; exit 1; }
	cmake --preset release -DBUILD_TESTING=ON
	cmake --build build -j $(JOBS)
	ctest --preset release -j $(TESTS) -LE '^guest$$' --no-tests=error

# The suite for initiators on berth, libiscsi, QEMU and Linux.
conformance:
	scripts/install-deps test
	cmake --preset release -DBUILD_TESTING=ON
	cmake --build build -j $(JOBS)
	tests/conformance/all build/berth build/tests/conformance/libiscsi_driver build/conformance $(CONFORMANCE)

# The matrix of doc/interop.md, as it is today.
interop:
	scripts/install-deps test
	cmake --preset release -DBUILD_TESTING=ON
	cmake --build build -j $(JOBS) --target product interop_scatter
	@failed=0; for peer in tgt istgt lio; do \
	    tests/interop/matrix build/berth build/tests/interop/interop_scatter $$peer || failed=1; done; exit $$failed

# What takes too long for every day.
guest:
	scripts/install-deps guest
	cmake --preset release -DBUILD_TESTING=ON
	cmake --build build -j $(JOBS) --target product
	ctest --preset release -L '^guest$$' --no-tests=error

citizen:
	scripts/install-deps test
	@$(MAKE) --no-print-directory all
	tests/citizen/citizen $(CURDIR)/build/berth ipv4 ipv6 link-local

fuzz:
	scripts/install-deps test
	scripts/fuzz $(FUZZ)

# The fault matrix with its figures (doc/faults.md), for example FAULTS="--rows F1,F7 --digest both --seconds 60 --seed 7".
faults:
	scripts/install-deps test
	cmake --preset release -DBUILD_TESTING=ON
	cmake --build build -j $(JOBS) --target product faults_load faults_scarce
	tests/faults/matrix build/berth build/tests/faults/faults_load build/tests/faults/faults_scarce \
	    --json build/faults.json --markdown build/faults.md $(FAULTS)

bench:
	scripts/install-deps bench
	@$(MAKE) --no-print-directory all
	cmake --build build -j $(JOBS) --target bench_programs
	bench/run build/berth --json build/bench.json --plots build/bench-plots $(BENCH)

bench-hostile:
	scripts/install-deps bench
	@$(MAKE) --no-print-directory all
	cmake --build build -j $(JOBS) --target bench_programs
	bench/hostile build/berth $(BENCH)

bench-target:
	scripts/install-deps bench
	@$(MAKE) --no-print-directory all
	bench/target build/berth $(BENCH)

install: all
	cmake --install build
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig

uninstall:
	cd build && cmake -P ../cmake/uninstall.cmake
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || ldconfig

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf build build-*
