# What a contributor types. `just` lists it.

_default:
    @just --list

# Everything that CI runs.
ci:
    bash .ci/run

# The whole suite: engine, real Compose, everything. Installs what is missing on Debian as root.
test:
    tests/run.sh

# The tests that need no engine.
unit:
    cargo test --all-targets --features fake-engine

# A small real project from nothing: brought up, dumped, looked into.
quickstart:
    examples/quickstart/run.sh

# Format, lints and documentation, as CI wants them.
lint:
    cargo fmt --check
    cargo clippy --all-targets --all-features -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# Peak memory and speed of dumps of a large volume.
bench *ARGS:
    benches/memory.sh {{ARGS}}

# Every case beside the command that it is to beat: ratios, peak memory, CPU seconds.
bench-suite *ARGS:
    benches/suite.sh {{ARGS}}

# The parts that every byte passes, each alone.
bench-micro *ARGS:
    cargo bench --bench micro -- {{ARGS}}

# Where the time of a dump goes, by thread and function.
profile *ARGS:
    benches/profile.sh {{ARGS}}
