//! Rust files as the rules see them: tokens with lines, the lines that are code, and
//! the parts that only tests compile.

use crate::repository::File;
use proc_macro2::{Span, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, Item, TraitItem};

/// A parsed Rust file.
pub struct Source<'a> {
    /// The file.
    pub file: &'a File,
    /// Its lines.
    pub lines: Vec<&'a str>,
    syntax: syn::File,
    tests: Vec<RangeInclusive<usize>>,
}

/// A function with a body.
pub struct Function {
    /// Its name.
    pub name: String,
    /// The lines from `fn` to the closing brace.
    pub lines: RangeInclusive<usize>,
}

impl<'a> Source<'a> {
    /// Parses a file; `None` unless it is Rust. Text that does not parse is the
    /// compiler's business (a `trybuild` case may be such).
    pub fn parse(file: &'a File) -> Option<Self> {
        if !file.path.ends_with(".rs") {
            return None;
        }
        let syntax = syn::parse_file(&file.text).ok()?;
        let mut tests = Vec::new();
        collect_tests(&syntax.items, &mut tests);
        Some(Self {
            file,
            lines: file.text.lines().collect(),
            syntax,
            tests,
        })
    }

    /// Whether only tests compile this line (counted from 1).
    pub fn is_test_line(&self, line: usize) -> bool {
        self.file.is_test() || self.in_test_module(line)
    }

    fn in_test_module(&self, line: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&line))
    }

    /// Every token outside comments, with the ones inside groups and macros.
    pub fn tokens(&self) -> Vec<TokenTree> {
        let mut tokens = Vec::new();
        // The text was parsed as a file before, so it is made of tokens.
        if let Ok(stream) = self.file.text.parse::<TokenStream>() {
            flatten(stream, &mut tokens);
        }
        tokens
    }

    /// The lines that hold code: not blank, not only a comment, outside test modules.
    pub fn code_lines(&self) -> BTreeSet<usize> {
        let mut lines = BTreeSet::new();
        for token in self.tokens() {
            let begin = token.span().start();
            if self.is_doc_comment(begin.line, begin.column) {
                continue;
            }
            for span in edges(&token) {
                lines.extend(span_lines(span));
            }
        }
        lines.retain(|line| !self.in_test_module(*line));
        lines
    }

    fn is_doc_comment(&self, line: usize, column: usize) -> bool {
        let text = self.lines.get(line.saturating_sub(1)).copied();
        let rest: String = text.unwrap_or("").chars().skip(column).collect();
        rest.starts_with("//") || rest.starts_with("/*")
    }

    /// Whether a comment stands on this line, or alone on the one above.
    pub fn has_comment(&self, line: usize) -> bool {
        self.comment(line).is_some()
    }

    /// The comment on this line, on an attribute above it, or alone on the lines above.
    pub fn comment(&self, line: usize) -> Option<String> {
        let text = |line: usize| {
            self.lines
                .get(line.wrapping_sub(1))
                .map_or("", |t| t.trim())
        };
        if let Some((_, comment)) = text(line).split_once("// ") {
            return Some(comment.to_owned());
        }
        let above = text(line.saturating_sub(1));
        if let (true, Some((_, comment))) = (above.starts_with("#["), above.split_once("// ")) {
            return Some(comment.to_owned());
        }
        let above = |n: &usize| text(*n).starts_with("//") && !text(*n).starts_with("///");
        let mut comment: Vec<&str> = (1..line).rev().take_while(above).map(text).collect();
        comment.reverse();
        (!comment.is_empty()).then(|| comment.join(" "))
    }

    /// Every function with a body outside test modules.
    pub fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        collect_functions(&self.syntax.items, &mut functions);
        functions.retain(|function| !self.in_test_module(*function.lines.start()));
        functions
    }
}

/// The first and the last span of a token: of a group only its two delimiters.
fn edges(token: &TokenTree) -> [Span; 2] {
    match token {
        TokenTree::Group(group) => [group.span_open(), group.span_close()],
        other => [other.span(), other.span()],
    }
}

fn flatten(stream: TokenStream, into: &mut Vec<TokenTree>) {
    for token in stream {
        let inner = match &token {
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        };
        into.push(token);
        if let Some(inner) = inner {
            flatten(inner, into);
        }
    }
}

fn span_lines(span: Span) -> RangeInclusive<usize> {
    span.start().line..=span.end().line
}

fn only_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Ok(list) = attribute.meta.require_list() else {
            return false;
        };
        list.path.is_ident("cfg") && list.tokens.to_string() == "test"
    })
}

fn collect_tests(items: &[Item], ranges: &mut Vec<RangeInclusive<usize>>) {
    for item in items {
        let Item::Mod(module) = item else { continue };
        if only_for_tests(&module.attrs) {
            ranges.push(span_lines(module.span()));
        } else if let Some((_, items)) = &module.content {
            collect_tests(items, ranges);
        }
    }
}

fn function(name: &syn::Ident, start: Span, end: Span) -> Function {
    Function {
        name: name.to_string(),
        lines: start.start().line..=end.end().line,
    }
}

fn collect_functions(items: &[Item], into: &mut Vec<Function>) {
    for item in items {
        match item {
            Item::Fn(f) => into.push(function(&f.sig.ident, f.sig.span(), f.block.span())),
            Item::Mod(module) => {
                if let Some((_, items)) = &module.content {
                    collect_functions(items, into);
                }
            }
            Item::Impl(block) => into.extend(block.items.iter().filter_map(|item| match item {
                ImplItem::Fn(f) => Some(function(&f.sig.ident, f.sig.span(), f.block.span())),
                _ => None,
            })),
            Item::Trait(block) => into.extend(block.items.iter().filter_map(|item| match item {
                TraitItem::Fn(f) => {
                    let body = f.default.as_ref()?;
                    Some(function(&f.sig.ident, f.sig.span(), body.span()))
                }
                _ => None,
            })),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"//! Doc.

/// Doc.
fn f() {
    // comment

    g("two
lines"); // why
}

#[cfg(test)]
mod tests {
    fn t() {}
}
"#;

    #[test]
    fn code_lines_leave_out_comments_blanks_and_tests() {
        let file = File::planted("host/x/src/lib.rs", TEXT);
        let source = Source::parse(&file).unwrap();
        assert_eq!(source.code_lines(), BTreeSet::from([4, 7, 8, 9]));
        assert!(source.is_test_line(12) && !source.is_test_line(4));
        assert_eq!(source.comment(8).as_deref(), Some("why"));
        assert_eq!(source.comment(9), None);
    }

    #[test]
    fn functions_are_found_in_impls_and_modules() {
        let text = "mod m { impl S { fn a(&self) {\n} } trait T { fn b() {} fn c(); } }";
        let file = File::planted("host/x/src/lib.rs", text);
        let functions = Source::parse(&file).unwrap().functions();
        let names: Vec<_> = functions.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(functions[0].lines, 1..=2);
    }
}
