#!/bin/sh
# Stands in for rustc, and has it count edges and comparisons in the code of this project, which is
# what libFuzzer steers by. The dependencies are left as they are: all counters are read after each
# input, and with those of the dependencies an input takes twelve times as long.
#
# Cargo does not notice a change of this file: remove target/fuzz after one.
case "$CARGO_PKG_NAME/$CARGO_CRATE_NAME" in
*/build_script_*) ;;
sensor-*)
    # As cargo-fuzz has them.
    exec "$@" \
        -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares \
        -Cllvm-args=-sanitizer-coverage-stack-depth \
        -Cllvm-args=-simplifycfg-branch-fold-threshold=0
    ;;
esac
exec "$@"
