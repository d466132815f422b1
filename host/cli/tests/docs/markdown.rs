//! Fenced blocks of a page.

use std::fs;
use std::path::Path;

/// The fenced blocks of a page.
pub(crate) struct Page {
    pub(crate) blocks: Vec<Block>,
}

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) language: String,
    /// Where it stands, for messages.
    pub(crate) place: String,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        Self {
            blocks: blocks(&path.file_name().unwrap().to_string_lossy(), &text),
        }
    }
}

fn blocks(name: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block {
                    language: language.trim().to_owned(),
                    place: format!("{name}:{}", index + 1),
                    text: String::new(),
                });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{name}: a fence is not closed");
    blocks
}

/// The text without its fenced blocks, where links and headings are.
pub(crate) fn prose(text: &str) -> String {
    let mut in_block = false;
    let mut prose = String::new();
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        if !in_block && !is_fence {
            prose.push_str(line);
            prose.push('\n');
        }
        in_block ^= is_fence;
    }
    prose
}

#[test]
fn blocks_have_a_language_and_a_place() {
    let found = blocks("a.md", "x\n```sh\ndowel check\n```\ny\n```\nplain\n```\n");
    let languages: Vec<&str> = found.iter().map(|block| block.language.as_str()).collect();
    assert_eq!(languages, ["sh", ""]);
    assert_eq!(found[0].text, "dowel check\n");
    assert_eq!(found[1].place, "a.md:6");
    assert_eq!(prose("x\n```sh\n# no heading\n```\ny\n"), "x\ny\n");
}
