//! What a service manager such as systemd hears.

use std::fs;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::support::{Client, Program, Project, send, until};

/// The longest wait for a message.
const PATIENCE: Duration = Duration::from_secs(20);

/// The socket of a service manager.
struct Manager(UnixDatagram);

impl Manager {
    fn at(address: &SocketAddr) -> Self {
        let socket = UnixDatagram::bind_addr(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// The next message, by its assignments.
    fn hears(&self) -> Vec<String> {
        let mut message = [0; 512];
        let length = self.0.recv(&mut message).unwrap();
        let text = std::str::from_utf8(&message[..length]).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Whether no message waits.
    fn is_silent(&self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let is_silent = self.0.recv(&mut [0; 512]).is_err();
        self.0.set_nonblocking(false).unwrap();
        is_silent
    }
}

#[test]
fn a_server_is_ready_once_it_knows_the_ended_sessions() {
    let project = Project::new();
    let database = project.path("db.sqlite3");
    fs::rename(&database, project.path("away")).unwrap();
    let path = project.path("notify");
    let manager = Manager::at(&SocketAddr::from_pathname(&path).unwrap());
    let mut program = Program::start_notifying(&project, path.to_str().unwrap());
    let page = || send(program.address, "GET", "/metrics", &[]).body;
    until(|| !page().contains("djwto_looks_failed 0"));
    // It listens, and a reload does not make it ready.
    program.signal("HUP");
    program.wait_for("read changed files");
    assert_eq!(send(program.address, "GET", "/readyz", &[]).status, 503);
    assert!(manager.is_silent());
    fs::rename(project.path("away"), &database).unwrap();
    assert_eq!(manager.hears(), ["READY=1"]);
    assert_eq!(send(program.address, "GET", "/readyz", &[]).status, 200);
}

#[test]
fn a_reload_and_the_stop_are_told() {
    let project = Project::new();
    let name = project.path("notify").to_str().unwrap().replace('/', ".");
    let manager = Manager::at(&SocketAddr::from_abstract_name(&name).unwrap());
    let program = Program::start_notifying(&project, &format!("@{name}"));
    assert_eq!(manager.hears(), ["READY=1"]);
    let mut times = Vec::new();
    for _ in 0..2 {
        program.signal("HUP");
        let said = manager.hears();
        let ["RELOADING=1", time] = [said[0].as_str(), said[1].as_str()] else {
            panic!("{said:?}")
        };
        times.push(time.strip_prefix("MONOTONIC_USEC=").unwrap().parse::<u64>().unwrap());
        assert_eq!(manager.hears(), ["READY=1"]);
    }
    assert!(times[0] < times[1], "{times:?}");

    let mut client = Client::connect(program.address);
    client.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n");
    // The answer to another request says that the first lines have come.
    assert_eq!(send(program.address, "GET", "/healthz", &[]).status, 200);
    program.signal("TERM");
    assert_eq!(manager.hears(), ["STOPPING=1"]);
    // It is told at the beginning: requests under way are answered after it.
    client.write(b"\r\n");
    assert_eq!(client.read(false).status, 200);
    assert_eq!(program.end().0, Some(0));
    assert!(manager.is_silent());
}

#[test]
fn a_service_manager_that_is_not_there_stops_nothing() {
    let project = Project::new();
    for name in ["/none/notify", "relative", "@", ""] {
        let mut program = Program::start_notifying(&project, name);
        program.signal("HUP");
        program.wait_for("read changed files");
        program.signal("TERM");
        assert_eq!(program.end().0, Some(0), "{name}");
    }
}
