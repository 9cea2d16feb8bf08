//! Decisions in process, without a socket: `decide FOLDER ROUNDS`. Prints a line of four times for each
//! round, in microseconds of the processor: a decision at first sight without an assertion, one with an
//! assertion, the verification of the token's signature, and the signature of the assertion.
//!
//! The folder has `djwto.toml`, the same without assertions as `plain.toml`, and `requests`: the headers of
//! requests, each with another token, which is the value of the first cookie.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use djwto_core::compact::Untrusted;
use djwto_core::token::assertion::{self, Facts};
use djwto_core::token::verify::verify_signature;
use djwto_core::{Revocations, SessionId, UnixTime};
use djwto_server::assertions::read_keys;
use djwto_server::config::Proxy;
use djwto_server::decision::{Asked, Ended, Keys, Known, Step, decide};
use djwto_server::forwarded;
use djwto_server::guard::{Files, Guard};
use hyper::Request;
use hyper::http::request::Parts;
use rustix::time::{ClockId, clock_gettime};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("expected a folder")?;
    let folder = Path::new(&folder);
    let rounds: usize = arguments.next().ok_or("expected the number of rounds")?.parse()?;
    let (plain, full) = (guard(&folder.join("plain.toml"))?, guard(&folder.join("djwto.toml"))?);
    let text = std::fs::read_to_string(folder.join("requests"))?;
    let requests = text.split_terminator("\r\n\r\n").map(parts).collect::<Result<Vec<_>, _>>()?;
    let keys = Files::read(&folder.join("djwto.toml"))?.config.assertions.ok_or("assertions")?.keys;
    let keys = read_keys(&keys, &std::fs::read(&keys)?)?;
    let now = UnixTime::from(SystemTime::now());
    let facts = Facts {
        issuer: "https://portal.example.com",
        audience: "models",
        user: "1",
        session: SessionId::from_bytes([7; 16]),
        access_expires: Some(UnixTime::from_whole(now.whole() + 3600)),
    };
    let works: [&dyn Fn(&Parts) -> Done; 4] = [
        // First, so that requests are in the processor's cache, as what was read from a socket.
        &|request| {
            let token = Untrusted::parse(token(request)?)?;
            black_box(verify_signature(&token, plain.engine().keys())?);
            Ok(())
        },
        &|request| pass(&plain, request, now),
        &|request| pass(&full, request, now),
        &|_| {
            black_box(assertion::sign(&keys, &facts, now)?);
            Ok(())
        },
    ];
    for round in requests.chunks(requests.len() / rounds) {
        let mut sums = [0.0; 4];
        // In turn, so that a faster or slower moment of the machine is the same for all of them.
        for few in round.chunks(TURN) {
            for (sum, work) in sums.iter_mut().zip(works) {
                *sum += spent(|| few.iter().try_for_each(work))?;
            }
        }
        let [verify, plain, full, sign] = sums.map(|sum| sum / round.len() as f64);
        println!("{plain} {full} {verify} {sign}");
    }
    Ok(())
}

/// The requests of one turn.
const TURN: usize = 10;

type Done = Result<(), Box<dyn Error>>;

/// The microseconds of the processor that the work takes.
fn spent(work: impl FnOnce() -> Done) -> Result<f64, Box<dyn Error>> {
    let start = time_of_thread();
    work()?;
    Ok(time_of_thread() - start)
}

fn time_of_thread() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn pass(guard: &Guard, request: &Parts, now: UnixTime) -> Done {
    let forwarded = forwarded::read(Proxy::Nginx, request);
    let asked = Asked { forwarded, headers: &request.headers };
    let known = Known { keys: Keys::Settled, ended: Ended::Fresh, permissions: None };
    match black_box(decide(guard, &asked, &known, now)) {
        Step::Done(decision) if decision.outcome.is_ok() => Ok(()),
        other => Err(format!("a good request got {other:?}").into()),
    }
}

fn guard(path: &Path) -> Result<Guard, Box<dyn Error>> {
    let Files { config, export } = Files::read(path)?;
    let found = Guard::new(&config, &export, Arc::<Revocations>::default());
    found.map_err(|problems| format!("{problems:?}").into())
}

fn parts(text: &str) -> Result<Parts, Box<dyn Error>> {
    let mut request = Request::builder().uri("/auth");
    for line in text.lines().skip(1) {
        let (name, value) = line.split_once(": ").ok_or("expected the line of a header")?;
        request = request.header(name, value);
    }
    Ok(request.body(())?.into_parts().0)
}

fn token(request: &Parts) -> Result<&[u8], Box<dyn Error>> {
    let cookie = request.headers.get("cookie").ok_or("expected a cookie")?.to_str()?;
    let (_, value) = cookie.split_once('=').ok_or("expected the value of a cookie")?;
    Ok(value.split(';').next().unwrap_or_default().as_bytes())
}
