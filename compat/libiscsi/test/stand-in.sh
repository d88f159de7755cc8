# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For tests that run other people's programs on the stand-in, whose path is $library: $on_it PROGRAM..., and on nothing else.
on_it="env LD_LIBRARY_PATH=$(dirname "$library")"

case $($on_it ldd "$(command -v iscsi-perf)") in
*"libiscsi.so.7 => $(dirname "$library")/"*) ;;
*) die "programs do not take $library for libiscsi" ;;
esac
