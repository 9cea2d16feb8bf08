//! The program that is tested.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Project;

const READ: u8 = 0;
const STALL: u8 = 1;
const CLOSE: u8 = 2;

/// The longest wait for a line of the log.
const PATIENCE: Duration = Duration::from_secs(20);

/// `djwto-server serve`, which is stopped at the end.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    reading: Arc<AtomicU8>,
    /// The lines that were read.
    pub(crate) log: Vec<String>,
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Starts the program and waits until it listens.
    pub(crate) fn start(project: &Project) -> Self {
        Self::start_command(command(project))
    }

    /// Starts the program with this service manager, by the value of `NOTIFY_SOCKET`.
    pub(crate) fn start_notifying(project: &Project, manager: &str) -> Self {
        let mut command = command(project);
        command.env("NOTIFY_SOCKET", manager);
        Self::start_command(command)
    }

    fn start_command(mut command: Command) -> Self {
        let mut child = command.arg("serve").stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        let reading = Arc::new(AtomicU8::new(READ));
        let state = Arc::clone(&reading);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                match state.load(Ordering::Relaxed) {
                    CLOSE => return,
                    // The pipe stays open, and no one reads it.
                    STALL => thread::park(),
                    _ => {}
                }
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let address = "127.0.0.1:0".parse().unwrap();
        let mut program = Self { child, lines, reading, log: Vec::new(), address };
        let line = program.wait_for("listening on 127");
        let (_, rest) = line.split_once("listening on ").unwrap();
        program.address = rest.split('"').next().unwrap().parse().unwrap();
        program
    }

    /// Reads no more of the log, and closes it or leaves it open.
    pub(crate) fn stop_reading(&self, is_closed: bool) {
        self.reading.store(if is_closed { CLOSE } else { STALL }, Ordering::Relaxed);
    }

    /// Waits for a line of the log with this text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("no {text:?} in {:#?}", self.log));
            self.log.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends a signal, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the end; its exit code, and the whole log.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.child.wait().unwrap().code();
        self.log.extend(self.lines.iter());
        (code, std::mem::take(&mut self.log))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with the file of a project.
pub(crate) fn command(project: &Project) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_djwto-server"));
    command.arg("--config").arg(project.path("djwto.toml"));
    command
}

/// Asks again until the answer is yes.
pub(crate) fn until(mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < PATIENCE, "it did not come true");
    }
}
