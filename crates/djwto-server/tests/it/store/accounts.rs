//! Another account, which may only read; and a process that is frozen.
//!
//! The parent starts this test program anew, with one of the tests that are ignored otherwise.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use djwto_core::session::feed::{Comparison, Condition, Page};
use djwto_core::types::Micros;
use djwto_server::feed::{Feed, Settings};
use djwto_server::store::{Store, StoreError, check_rights};
use tempfile::TempDir;

use super::cluster::{SETPRIV, freeze, is_root, signal};
use super::{File, LONG, ended, later, now, open};

const ADDRESS: &str = "DJWTO_TEST_ADDRESS";
/// How many sessions the restless writer writes.
const RESTLESS: u64 = 200;
/// Before each answer, because the test program itself writes too.
const ANSWER: &str = "\nanswer: ";

/// A process that answers each line with a line.
struct Helper {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Helper {
    /// Starts a test of this module; as another account if this one may do that.
    fn new(test: &str, address: &str, is_other_account: bool) -> Self {
        let folder = TempDir::new().unwrap();
        let program = folder.path().join("tests");
        // By another process: what a test beside this one starts would keep a file open that this process
        // writes, and such a file cannot be run.
        let mut copy = Command::new("cp");
        copy.arg(std::env::current_exe().unwrap()).arg(&program);
        assert!(copy.status().unwrap().success());
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open.clone()).unwrap();
        fs::set_permissions(&program, open).unwrap();
        let mut command = Command::new("setpriv");
        if is_other_account && is_root() {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        command.args(["--pdeathsig=KILL", "--"]).arg(&program);
        command.args(["--exact", "--ignored", "--nocapture"]);
        command.arg(format!("store::accounts::{test}")).env(ADDRESS, address);
        command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect(SETPRIV);
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output, _folder: folder }
    }

    fn ask(&mut self) -> String {
        self.say();
        self.hear()
    }

    fn say(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the process has ended");
            if let Some(answer) = line.strip_prefix(ANSWER.trim_start()) {
                return answer.trim_end().to_owned();
            }
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines() -> impl Iterator<Item = String> {
    io::stdin().lock().lines().map_while(Result::ok)
}

fn answer(text: &str) {
    io::stdout().write_all(format!("{ANSWER}{text}\n").as_bytes()).unwrap();
}

/// The rights of a folder and of the file in it.
fn allow(file: &File, folder: u32, database: u32) {
    let directory = file.path.parent().unwrap();
    fs::set_permissions(&file.path, fs::Permissions::from_mode(database)).unwrap();
    fs::set_permissions(directory, fs::Permissions::from_mode(folder)).unwrap();
}

/// The number of ended sessions that the store finds.
fn count(store: &Store) -> Result<u64, StoreError> {
    let conditions = vec![Condition::RevokedAt(Comparison::AtLeast, Micros::new(0))];
    let page = Page { conditions, size: 1000 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Ok(runtime.block_on(store.page(&page))?.len() as u64)
}

#[test]
#[ignore = "the other tests start it"]
fn a_reader() {
    let address = std::env::var(ADDRESS).unwrap();
    let path = Path::new(address.strip_prefix("sqlite:").unwrap());
    // Before the store has the file open.
    let problems = check_rights(path).problems;
    let store = open(&address);
    for _ in lines() {
        let found = count(&store).map_or_else(|error| error.to_string(), |count| count.to_string());
        answer(&format!("{found} {problems:?}"));
    }
}

#[test]
fn an_account_without_the_right_to_write_reads_in_both_journals() {
    for journal in ["delete", "wal"] {
        let file = File::new(journal);
        // Root may write in any case, so it is another account. Others take the right from themselves.
        allow(&file, 0o755, 0o644);
        let mut reader = Helper::new("a_reader", &file.address(), true);
        let closed = |closed| {
            if !is_root() {
                let modes = if closed { (0o555, 0o444) } else { (0o755, 0o644) };
                allow(&file, modes.0, modes.1);
            }
        };
        closed(true);
        let before = file.names();
        assert_eq!(reader.ask(), "0 []", "no writer is there");
        assert_eq!(file.names(), before);
        // Writers come and go, as Django's connections do.
        for number in 1..4 {
            closed(false);
            file.execute(&ended(number, now(), later()));
            closed(true);
            assert_eq!(reader.ask(), format!("{number} []"));
        }
        closed(false);
        let writer = file.writer();
        for number in 4..7 {
            writer.execute_batch(&ended(number, now(), later())).unwrap();
            assert_eq!(reader.ask(), format!("{number} []"));
        }
        // The last writer goes while the reader has the files open, and another comes.
        drop(writer);
        assert_eq!(reader.ask(), "6 []");
        file.execute(&ended(7, now(), later()));
        assert_eq!(reader.ask(), "7 []");
        drop(reader);
        file.execute(&ended(8, now(), later()));
        let mut reader = Helper::new("a_reader", &file.address(), true);
        assert_eq!(reader.ask(), "8 []");
    }
}

#[test]
fn a_writer_that_was_killed_hides_nothing_from_a_reader() {
    let file = File::new("wal");
    allow(&file, 0o755, 0o644);
    // Its files stay.
    let mut killed = Helper::new("a_writer", &file.address(), false);
    assert_eq!(killed.ask(), "written");
    drop(killed);
    assert_eq!(file.names().len(), 3);
    let mut reader = Helper::new("a_reader", &file.address(), true);
    assert_eq!(reader.ask(), "1 []");
    let writer = file.writer();
    writer.execute_batch(&ended(2, now(), later())).unwrap();
    assert_eq!(reader.ask(), "2 []");
    drop(writer);
    file.execute(&ended(3, now(), later()));
    assert_eq!(reader.ask(), "3 []");
}

#[test]
#[ignore = "the other tests start it"]
fn a_writer() {
    let address = std::env::var(ADDRESS).unwrap();
    let writer = rusqlite::Connection::open(address.strip_prefix("sqlite:").unwrap()).unwrap();
    writer.execute_batch(&ended(1, now(), later())).unwrap();
    for _ in lines() {
        answer("written");
    }
}

#[test]
#[ignore = "the other tests start it"]
fn a_restless_writer() {
    let address = std::env::var(ADDRESS).unwrap();
    let path = address.strip_prefix("sqlite:").unwrap();
    for _ in lines() {
        for session in 1..=RESTLESS {
            // It opens and closes the database, which makes and deletes `-wal` and `-shm`.
            let writer = rusqlite::Connection::open(path).unwrap();
            writer.busy_timeout(LONG).unwrap();
            writer.execute_batch(&ended(session, now(), later())).unwrap();
        }
        answer("written");
    }
}

/// Counts sessions while the restless writer works, and once more.
///
/// That is another process: in this one, SQLite would share with the store whether `-shm` is open for
/// reading only.
fn count_beside_a_restless_writer(file: &File, mut count: impl FnMut() -> u64) {
    let mut writer = Helper::new("a_restless_writer", &file.address(), false);
    let writing = std::thread::spawn(move || writer.ask());
    let mut last = 0;
    while !writing.is_finished() {
        let seen = count();
        assert!(seen >= last, "{seen} after {last}");
        last = seen;
    }
    assert_eq!(writing.join().unwrap(), "written");
    assert_eq!(count(), RESTLESS);
}

#[test]
fn a_writer_that_comes_and_goes_all_the_time_hides_nothing() {
    for journal in ["delete", "wal"] {
        let file = File::new(journal);
        let store = file.store();
        count_beside_a_restless_writer(&file, || count(&store).unwrap());
    }
}

#[test]
fn a_store_that_opens_while_the_last_writer_leaves_finds_its_way() {
    let file = File::new("wal");
    count_beside_a_restless_writer(&file, || {
        assert_eq!(check_rights(&file.path).problems, [] as [&str; 0]);
        count(&file.store()).unwrap()
    });
}

#[test]
fn a_right_that_is_missing_is_named() {
    if !is_root() {
        return;
    }
    let asked = |file: &File| Helper::new("a_reader", &file.address(), true).ask();
    for journal in ["delete", "wal"] {
        let file = File::new(journal);
        allow(&file, 0o700, 0o644);
        assert!(asked(&file).contains("cannot be found: Permission denied"));
        allow(&file, 0o755, 0o600);
        assert!(asked(&file).contains("may not read"));
    }
    let file = File::new("wal");
    let writer = file.writer();
    writer.execute_batch(&ended(1, now(), later())).unwrap();
    allow(&file, 0o755, 0o644);
    for ending in ["-wal", "-shm"] {
        let beside = format!("{}{ending}", file.path.display());
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).unwrap();
        let answer = asked(&file);
        assert!(answer.starts_with("SQLite: ") && answer.contains("may not read"), "{answer}");
        assert!(answer.contains(&format!("{ending}.")), "{answer}");
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o644)).unwrap();
    }
    assert_eq!(asked(&file), "1 []");
    // New files would not get the group by which the account reads.
    let path = &file.path;
    std::os::unix::fs::chown(path, None, Some(65534)).unwrap();
    allow(&file, 0o755, 0o640);
    assert!(asked(&file).contains("chmod g+s"));
    std::os::unix::fs::chown(path.parent().unwrap(), None, Some(65534)).unwrap();
    allow(&file, 0o2750, 0o640);
    assert_eq!(asked(&file), "1 []");
    // The account could create files that the portal cannot write.
    allow(&file, 0o2770, 0o640);
    assert!(asked(&file).contains("the portal cannot write"));
    allow(&file, 0o2770, 0o660);
    assert_eq!(asked(&file), "1 []");
}

#[test]
#[ignore = "the other tests start it"]
fn a_guard() {
    let address = std::env::var(ADDRESS).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let settings = Settings { interval: 0.2, max_age: Some(1.0) };
    let feed = {
        let _runtime = runtime.enter();
        Feed::start(Arc::new(open(&address)), Arc::default(), settings)
    };
    for _ in lines() {
        let was_fresh = feed.is_fresh();
        let answered = runtime.block_on(feed.require());
        answer(&format!("{was_fresh} {} {}", answered.is_ok(), feed.state().entries));
    }
}

#[test]
fn a_guard_that_was_frozen_waits_for_one_look() {
    let file = File::new("wal");
    allow(&file, 0o755, 0o644);
    let mut guard = Helper::new("a_guard", &file.address(), false);
    assert_eq!(guard.ask(), "false true 0");
    assert_eq!(guard.ask(), "true true 0");
    for number in 1..4_u64 {
        freeze(guard.process.id());
        file.execute(&ended(number, now(), later()));
        // A request comes meanwhile.
        guard.say();
        let frozen = Instant::now();
        while frozen.elapsed() < Duration::from_millis(1500) {
            std::thread::yield_now();
        }
        signal("CONT", &[guard.process.id()]);
        // The look may be faster than the request.
        let answer = guard.hear();
        assert!(answer.ends_with(&format!(" true {number}")), "{answer}");
    }
}
