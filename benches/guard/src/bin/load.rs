//! Keeps a server busy: `load PORT CONNECTIONS SECONDS <requests`. Prints the answers and the seconds.
//!
//! Standard input holds requests without bodies, as they are sent. They are sent in turn, each at least
//! once, until the time is over. Each connection has one request under way. Every answer must be 200.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("expected PORT CONNECTIONS SECONDS");
    let (port, connections) = (next()?.parse()?, next()?.parse()?);
    let time = Duration::from_secs_f64(next()?.parse()?);
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let requests: Vec<&str> = text.split_inclusive(END).collect();
    let mut clients =
        (0..connections).map(|_| Client::connect(port)).collect::<Result<VecDeque<_>, _>>()?;
    let start = Instant::now();
    let mut waiting = VecDeque::with_capacity(clients.len());
    let (mut answers, mut sent) = (0_u64, 0);
    let mut coming = requests.iter().cycle();
    loop {
        let is_over = sent >= requests.len() && start.elapsed() >= time;
        if !is_over && let Some(mut client) = clients.pop_front() {
            let request = coming.next().ok_or("expected requests on standard input")?;
            client.stream.write_all(request.as_bytes())?;
            sent += 1;
            waiting.push_back(client);
        } else if let Some(mut client) = waiting.pop_front() {
            client.receive()?;
            answers += 1;
            clients.push_back(client);
        } else {
            break;
        }
    }
    println!("{answers} {}", start.elapsed().as_secs_f64());
    Ok(())
}

const END: &str = "\r\n\r\n";

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream, buffer: vec![0; 64 << 10] })
    }

    /// Reads one answer to its end.
    fn receive(&mut self) -> Result<(), Box<dyn Error>> {
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..])?;
            filled += read;
            let text = std::str::from_utf8(&self.buffer[..filled])?;
            if read == 0 {
                return Err(format!("the answer ended within {text:?}").into());
            }
            let Some((head, body)) = text.split_once(END) else { continue };
            if !head.starts_with("HTTP/1.1 200 ") {
                return Err(format!("a good request got {text:?}").into());
            }
            if body.len() >= content_length(head)? {
                return Ok(());
            }
        }
    }
}

fn content_length(head: &str) -> Result<usize, Box<dyn Error>> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Ok(found.ok_or("an answer has no length")?.1.trim().parse()?)
}
