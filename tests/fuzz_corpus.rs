//! What the fuzzer has found interesting, tried again: `fuzz/corpus`, and every input in `fuzz/found` that once broke
//! something. `tests/campaigns/fuzz.sh` is the campaign.

#[path = "../fuzz/fuzz_targets/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

#[test]
fn every_input_of_the_corpus_is_parsed_as_it_must_be() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut count = 0;
    for folder in ["corpus/tar_parser", "found/tar_parser"] {
        let Ok(inputs) = fs::read_dir(fuzz.join(folder)) else {
            continue;
        };
        for input in inputs {
            let path = input.expect("an entry").path();
            let data = fs::read(&path).expect("an input");
            if std::panic::catch_unwind(|| checks::parse(&data)).is_err() {
                panic!("{}", path.display());
            }
            count += 1;
        }
    }
    assert!(count > 20, "the corpus is in `fuzz/corpus`: {count} inputs");
}
