//! `dowel top`: how a host is, and goes on being.

use crate::args::{Format, Top};
use crate::client::Client;
use crate::exit;
use crate::output;
use crate::status_text::{Line, Tone, lines};
use anyhow::{Context as _, Result};
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, size,
};
use crossterm::{execute, queue};
use dowel_core::units::parse_duration;
use serde_json::Value;
use std::io::{IsTerminal as _, Stdout, Write, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const PATH: &str = "/api/v1/status";

/// The shortest pause between two looks.
const SHORTEST: Duration = Duration::from_millis(200);

pub(crate) async fn run(top: &Top, format: Format) -> Result<ExitCode> {
    let client = Client::new(&top.host)?;
    let every = parse_duration(&top.every).context("--every")?.max(SHORTEST);
    let is_terminal = stdout().is_terminal();
    if top.once || (format == Format::Human && !is_terminal) {
        let status = look(&client).await?;
        let shown: Vec<String> = lines(&status, client.shown())
            .into_iter()
            .map(|line| line.text)
            .collect();
        output::print(format, &status, &shown.join("\n"))?;
        return Ok(exit::found(false));
    }
    if format == Format::Json {
        return stream(&client, every).await;
    }
    let mut screen = Screen::open()?;
    loop {
        let looked = look(&client).await;
        let shown = match &looked {
            Ok(status) => lines(status, client.shown()),
            // It may come back: whoever watches a restart wants to see that.
            Err(error) => vec![Line {
                tone: Tone::Alert,
                text: format!("{error:#}"),
            }],
        };
        screen.show(&shown)?;
        let pressed = tokio::task::spawn_blocking(move || wait(every)).await??;
        if pressed == Pressed::Quit {
            return Ok(exit::found(false));
        }
    }
}

async fn look(client: &Client) -> Result<Value> {
    let text = client.get(PATH, &[]).await?;
    let text = text.context("the host is too old: it has no status")?;
    Ok(serde_json::from_str(&text)?)
}

/// One line of JSON for each look, until nobody reads any more.
async fn stream(client: &Client, every: Duration) -> Result<ExitCode> {
    loop {
        let status = look(client).await?;
        if writeln!(stdout(), "{status}").is_err() {
            return Ok(exit::found(false));
        }
        tokio::time::sleep(every).await;
    }
}

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pressed {
    Nothing,
    Quit,
}

/// Waits until it is time for another look, or a key says something.
fn wait(every: Duration) -> Result<Pressed> {
    let until = Instant::now() + every;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if !poll(left)? {
            return Ok(Pressed::Nothing);
        }
        match read()? {
            Event::Key(key) if key.kind == KeyEventKind::Release => {}
            Event::Key(key) => match key.code {
                KeyCode::Char('q') | KeyCode::Esc => return Ok(Pressed::Quit),
                KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                    return Ok(Pressed::Quit);
                }
                KeyCode::Char(' ' | 'r') | KeyCode::Enter => return Ok(Pressed::Nothing),
                _ => {}
            },
            // Drawn anew at the new size.
            Event::Resize(..) => return Ok(Pressed::Nothing),
            _ => {}
        }
    }
}

/// The terminal, as long as the view has it.
struct Screen(Stdout);

impl Screen {
    fn open() -> Result<Self> {
        enable_raw_mode()?;
        let mut screen = Self(stdout());
        execute!(screen.0, EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    fn show(&mut self, lines: &[Line]) -> Result<()> {
        let (width, height) = size()?;
        let rows = usize::from(height.saturating_sub(1));
        queue!(self.0, MoveTo(0, 0))?;
        for line in lines.iter().take(rows) {
            self.line(line, usize::from(width))?;
        }
        let hidden = lines.len().saturating_sub(rows);
        let foot = match hidden {
            0 => "q quits, space looks again".to_owned(),
            more => format!("{more} more lines; q quits, space looks again"),
        };
        queue!(
            self.0,
            Clear(ClearType::FromCursorDown),
            MoveTo(0, height.saturating_sub(1))
        )?;
        queue!(self.0, SetAttribute(Attribute::Dim))?;
        queue!(self.0, Print(cut(&foot, usize::from(width))))?;
        queue!(self.0, SetAttribute(Attribute::Reset))?;
        Ok(self.0.flush()?)
    }

    fn line(&mut self, line: &Line, width: usize) -> Result<()> {
        match line.tone {
            Tone::Heading => queue!(self.0, SetAttribute(Attribute::Bold))?,
            Tone::Alert => queue!(self.0, SetForegroundColor(Color::Red))?,
            Tone::Plain => {}
        }
        queue!(self.0, Print(cut(&line.text, width)))?;
        queue!(self.0, SetAttribute(Attribute::Reset), ResetColor)?;
        Ok(queue!(
            self.0,
            Clear(ClearType::UntilNewLine),
            Print("\r\n")
        )?)
    }
}

/// As much of a line as fits.
fn cut(text: &str, width: usize) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(width)
        .collect()
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal is the person's again, whatever came of it.
        let _ = execute!(self.0, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}
