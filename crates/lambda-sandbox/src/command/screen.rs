//! Where the timeline goes: plain lines, JSON, or a terminal's coloured ones with what goes on just now below them.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use lambda_sandbox::{Event, Record};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use super::timeline::{Line, Tone, line};

/// How often the last line of a terminal is drawn anew.
const TICK: Duration = Duration::from_millis(100);
/// Goes to the start of the line and clears it.
const CLEAR: &str = "\r\x1b[2K";
/// What processes are told apart by, in the order in which they start to write.
const COLOURS: [AnsiColor; 5] =
    [AnsiColor::Cyan, AnsiColor::Magenta, AnsiColor::Blue, AnsiColor::Yellow, AnsiColor::Green];

/// Prints what happens.
pub(super) struct Screen {
    form: Form,
    /// Processes in the order of their colours.
    names: Vec<String>,
    now: Option<Now>,
    /// Where clients are listened for.
    listening: Option<String>,
    running: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Plain,
    Terminal { colours: bool },
}

/// What goes on, and since when.
struct Now {
    what: String,
    since: Instant,
}

// === impl Screen ===

impl Screen {
    pub(super) fn new(json: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let form = match (json, std::io::stdout().is_terminal() && !dumb) {
            (true, _) => Form::Json,
            (false, true) => Form::Terminal { colours: !set("NO_COLOR") },
            (false, false) => Form::Plain,
        };
        Self { form, names: Vec::new(), now: None, listening: None, running: 0 }
    }

    /// Prints until it is stopped, and then what is left.
    pub(super) async fn follow(
        mut self,
        mut events: mpsc::UnboundedReceiver<Record>,
        mut stopped: oneshot::Receiver<()>,
    ) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                Some(record) = events.recv() => self.show(&record),
                _ = &mut stopped => break,
                _ = ticks.tick(), if matches!(self.form, Form::Terminal { .. }) => self.draw(),
            }
        }
        if matches!(self.form, Form::Terminal { .. }) {
            print(CLEAR);
        }
    }

    fn show(&mut self, record: &Record) {
        let text = match self.form {
            Form::Json => serde_json::to_string(record).ok().map(|text| text + "\n"),
            Form::Plain => line(record).map(|line| format!("{}{}\n", line.head, line.text)),
            Form::Terminal { colours } => {
                self.go_on(&record.event);
                line(record).map(|line| {
                    let (head, text) = self.styles(&line, colours);
                    let Line { head: first, text: rest, .. } = line;
                    format!("{CLEAR}{head}{first}{head:#}{text}{rest}{text:#}\n")
                })
            }
        };
        if let Some(text) = text {
            print(&text);
        }
    }

    /// How the head of a line and its text look.
    fn styles(&mut self, line: &Line, colours: bool) -> (Style, Style) {
        if !colours {
            return (Style::new(), Style::new());
        }
        let red = AnsiColor::Red.on_default();
        match &line.tone {
            Tone::Process(name) => {
                let index = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
                    self.names.push(name.clone());
                    self.names.len() - 1
                });
                let colour = COLOURS.iter().cycle().nth(index).copied().unwrap_or(AnsiColor::White);
                (colour.on_default(), Style::new())
            }
            Tone::Phase => (Style::new().dimmed(), Style::new()),
            Tone::Result => (AnsiColor::Green.on_default(), Style::new().bold()),
            Tone::Failure => (red, red.bold()),
        }
    }

    /// Keeps up with what goes on.
    fn go_on(&mut self, event: &Event) {
        let what = match event {
            Event::InitStarted { .. } => "init".to_owned(),
            Event::RestoreStarted => "restore".to_owned(),
            Event::InitDone(_) => "ready".to_owned(),
            Event::Listening { address } => {
                self.listening = Some(address.clone());
                "ready".to_owned()
            }
            Event::InvokeStarted { .. } => {
                self.running += 1;
                self.invocations()
            }
            Event::RuntimeDone { .. } => "waiting for extensions".to_owned(),
            Event::InvocationDone(_) => {
                self.running = self.running.saturating_sub(1);
                match (self.running, &self.now) {
                    // After a freeze, that is what goes on.
                    (0, Some(now)) if now.what == "frozen" => return,
                    (0, _) => "ready".to_owned(),
                    _ => self.invocations(),
                }
            }
            Event::Frozen => "frozen".to_owned(),
            Event::Thawed => "running again".to_owned(),
            Event::ShutdownStarted { .. } => "shutdown".to_owned(),
            Event::ShutdownDone(_) => {
                self.now = None;
                return;
            }
            _ => return,
        };
        self.now = Some(Now { what, since: Instant::now() });
    }

    fn invocations(&self) -> String {
        match self.running {
            1 => "invocation".to_owned(),
            several => format!("{several} invocations"),
        }
    }

    /// The last line of a terminal.
    fn draw(&self) {
        let Some(now) = &self.now else { return };
        let seconds = now.since.elapsed().as_secs_f64();
        let listening = self.listening.as_ref().map(|address| format!(", http://{address}, Ctrl-C ends"));
        print(&format!("{CLEAR}… {}, {seconds:.1} s{}", now.what, listening.unwrap_or_default()));
    }
}

/// A reader that has gone is no reason to end in a panic.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
