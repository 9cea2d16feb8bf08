//! A private cluster of PostgreSQL. It ends with the test, also if that is killed.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_postgres::NoTls;

use super::{LONG, tables};

/// What is missing if a program cannot be started.
pub(crate) const SETPRIV: &str =
    "setpriv and kill are on PATH. On Debian or Ubuntu: apt-get install util-linux procps";

/// A cluster with one superuser, `djwto`, who needs no password.
pub(crate) struct Cluster {
    programs: PathBuf,
    home: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// A cluster that runs, with Django's tables.
    pub(crate) async fn new() -> Self {
        let programs = programs();
        // Short, because it holds a socket, and open to the account of the server.
        let home = tempfile::Builder::new().prefix("djwto-pg-").tempdir_in("/tmp").unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres:postgres").arg(home.path()));
        }
        let mut cluster = Self { programs, home, port: free_port(), server: None };
        let data = cluster.data();
        run(cluster.command("initdb").arg("-D").arg(data).args([
            "--username=djwto",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]));
        cluster.start().await;
        cluster.execute(&tables("uuid", "integer")).await;
        cluster
    }

    pub(crate) fn address(&self) -> String {
        format!("postgresql://djwto@127.0.0.1:{}/postgres", self.port)
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The address by the Unix socket.
    pub(crate) fn socket(&self) -> String {
        let folder = self.home.path().display().to_string().replace('/', "%2F");
        format!("postgresql://djwto@{folder}:{}/postgres", self.port)
    }

    /// Starts the server, and waits until it answers; on the same port each time.
    pub(crate) async fn start(&mut self) {
        let log = fs::File::create(self.log()).unwrap();
        let server = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .arg(format!("-cport={}", self.port))
            .arg(format!("-cunix_socket_directories={}", self.home.path().display()))
            .args(["-clisten_addresses=127.0.0.1", "-cfsync=off", "-cfull_page_writes=off"])
            .args(["-csynchronous_commit=off", "-cshared_buffers=32MB", "-cmax_connections=30"])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.server = Some(server.expect(SETPRIV));
        let begun = Instant::now();
        while tokio_postgres::connect(&self.address(), NoTls).await.is_err() {
            assert!(begun.elapsed() < LONG, "postgres does not answer.\n{}", self.log_text());
            let ended = self.server.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "postgres has ended.\n{}", self.log_text());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the server, and cuts its connections.
    pub(crate) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // Fast shutdown.
            signal("INT", &[server.id()]);
            server.wait().unwrap();
        }
    }

    /// Writes a file of the server, which only its account can read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres:postgres").arg(path));
        }
    }

    /// Freezes all of its processes: what is connected stays, and nothing answers.
    pub(crate) fn freeze(&self) {
        let server = self.server.as_ref().unwrap().id();
        // From here on it starts no more processes.
        freeze(server);
        self.children().into_iter().for_each(freeze);
    }

    pub(crate) fn thaw(&self) {
        let mut command = Command::new("kill");
        command.args(["-s", "CONT"]).arg(self.server.as_ref().unwrap().id().to_string());
        // Those that were not frozen may end in this moment.
        command.args(self.children().iter().map(u32::to_string)).output().unwrap();
    }

    pub(crate) async fn execute(&self, sql: &str) {
        let (client, connection) = tokio_postgres::connect(&self.address(), NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    }

    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap()
    }

    fn children(&self) -> Vec<u32> {
        let server = self.server.as_ref().unwrap().id();
        let children =
            fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap();
        children.split_whitespace().map(|id| id.parse().unwrap()).collect()
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("log")
    }

    /// A program of the server, which refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        }
        command.args(["--pdeathsig=INT", "--"]).arg(self.programs.join(program));
        command.current_dir(self.home.path()).stdin(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.thaw();
            self.stop();
        }
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string);
    run(Command::new("kill").args(["-s", name]).args(processes));
}

/// Stops a process, and waits until its threads have stopped: a busy machine takes a while.
pub(crate) fn freeze(process: u32) {
    signal("STOP", &[process]);
    let begun = Instant::now();
    while is_running(process) {
        assert!(begun.elapsed() < LONG, "the process {process} does not stop");
        std::thread::yield_now();
    }
}

fn is_running(process: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks.flatten().any(|task| {
        // A thread that has ended has no file.
        let text = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        let state = text.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        // T is stopped, Z has ended.
        state.is_some_and(|state| !matches!(state, 'T' | 'Z'))
    })
}

pub(crate) fn run(command: &mut Command) {
    let done = command.output().expect(SETPRIV);
    assert!(
        done.status.success(),
        "{command:?} failed.\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A port below those of outgoing connections, so that none of these takes it.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(port < 32_000, "no port is free");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The folder of the server's programs: from PATH, else Debian's newest.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("initdb"));
    let debian = |version: &u32| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/initdb"));
    let found =
        on_path.chain((10..40).rev().map(|version| debian(&version))).find(|file| file.exists());
    let found = found.and_then(|file| file.canonicalize().ok());
    found.as_deref().and_then(Path::parent).map(Path::to_path_buf).expect(
        "PostgreSQL's server programs were not found on PATH or in /usr/lib/postgresql. On Debian or \
         Ubuntu: apt-get install postgresql",
    )
}
