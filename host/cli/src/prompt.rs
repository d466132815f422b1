//! Asks for a text at the terminal without showing it.

use anyhow::{Result, bail};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use std::io::Write as _;
use zeroize::Zeroizing;

/// Reads keys until Enter; nothing of them is shown.
pub(crate) fn hidden(question: &str) -> Result<Zeroizing<String>> {
    let mut shown = std::io::stderr();
    write!(shown, "{question}")?;
    shown.flush()?;
    enable_raw_mode()?;
    let answer = keys();
    // The terminal is the person's again, whatever came of it.
    disable_raw_mode()?;
    writeln!(shown)?;
    answer
}

fn keys() -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    loop {
        match read()? {
            Event::Key(key) if key.kind == KeyEventKind::Release => {}
            Event::Key(key) => match key.code {
                KeyCode::Enter => return Ok(text),
                KeyCode::Backspace => drop(text.pop()),
                KeyCode::Esc => bail!("nothing was given"),
                KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                    bail!("nothing was given");
                }
                KeyCode::Char(letter) => text.push(letter),
                _ => {}
            },
            _ => {}
        }
    }
}
