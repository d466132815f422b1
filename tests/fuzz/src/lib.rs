//! Fuzzing on stable Rust: takes what is in `corpus/<target>/`, damages it in the ways in
//! which attackers do, and hands it to a property that must hold for every input. The
//! seed is fixed, so that a run can be repeated; an input that breaks the property is
//! written into the corpus, so that it is tried first from then on.
//!
//! `DOWEL_FUZZ_SECONDS` lets a target run for so long, with another seed each time;
//! without it a fixed number of inputs is tried, as a part of the tests.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

mod mutate;
mod random;

use random::Random;

/// Inputs that are tried as a part of the tests.
const INPUTS: u64 = 3_000;

/// The longest input, in bytes.
const MAX_BYTES: usize = 4 * 1024;

/// A target: where its corpus is, and words that its inputs are made of.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The folder of its corpus.
    pub name: &'static str,
    /// Words that matter to what reads the input.
    pub words: &'static [&'static str],
}

impl Target {
    /// Tries `property` with the corpus as it is, and then with damaged parts of it. A
    /// panic in it fails the test.
    pub fn run(&self, property: impl Fn(&[u8])) {
        let corpus = self.corpus();
        for (path, input) in &corpus {
            let shown = path.display();
            self.attempt(input, &format!("the corpus has it: {shown}"), &property);
        }
        let inputs: Vec<&[u8]> = corpus.iter().map(|(_, input)| input.as_slice()).collect();
        let budget = env::var("DOWEL_FUZZ_SECONDS")
            .ok()
            .and_then(|s| s.parse().ok());
        let (seed, ends) = match budget {
            Some(seconds) => (
                Random::fresh_seed(),
                Some(Instant::now() + Duration::from_secs(seconds)),
            ),
            None => (0x5eed, None),
        };
        let mut random = Random::new(seed);
        let mut tried: u64 = 0;
        while ends.map_or(tried < INPUTS, |ends| Instant::now() < ends) {
            let input = mutate::damaged(&inputs, self.words, MAX_BYTES, &mut random);
            self.attempt(&input, &format!("seed {seed}, input {tried}"), &property);
            tried += 1;
        }
        if budget.is_some() {
            say(&format!("{}: {tried} inputs, seed {seed}", self.name));
        }
    }

    fn attempt(&self, input: &[u8], which: &str, property: &impl Fn(&[u8])) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| property(input))) else {
            return;
        };
        let path = self.folder().join(format!("found-{:016x}", hash(input)));
        let kept = fs::write(&path, input);
        let place = kept.map_or_else(|e| e.to_string(), |()| path.display().to_string());
        say(&format!("{}: {which}; kept as {place}", self.name));
        resume_unwind(panic);
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(self.name)
    }

    fn corpus(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let folder = self.folder();
        let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut paths: Vec<PathBuf> = entries.map_while(Result::ok).map(|e| e.path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{} is empty", folder.display());
        let read = |path: PathBuf| {
            let input = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            (path, input)
        };
        paths.into_iter().map(read).collect()
    }
}

#[allow(clippy::print_stderr)] // Whoever runs the tests has to know which input it was.
fn say(text: &str) {
    eprintln!("{text}");
}

/// FNV-1a: names a file, nothing more.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
