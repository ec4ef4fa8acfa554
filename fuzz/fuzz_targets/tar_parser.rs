//! Feeds the parser of tars with anything. `tests/campaigns/fuzz.sh` builds and runs it.
#![no_main]

mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::parse(data));
