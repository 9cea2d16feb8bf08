//! How long a decision takes: `cargo test --release -p djwto-server -- --ignored --nocapture speed`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use super::support::compile;
use djwto_server::rules::{Method, Scheme};

#[test]
#[ignore = "a figure for people"]
#[expect(clippy::print_stdout, reason = "the figure")]
fn speed() {
    let mut settings = String::new();
    for host in 0..20 {
        writeln!(settings, "['h{host}.example.org']\nrules = [").unwrap();
        for rule in 0..199 {
            let path = format!("/section-{rule}/area/*");
            writeln!(settings, "{{ path = '{path}', permissions = ['a.p{}'] }},", rule % 7)
                .unwrap();
        }
        writeln!(settings, "{{ path = '/*', allow = 'login' }}]").unwrap();
    }
    let hosts = compile(&settings).unwrap();
    for uri in [
        "/",
        "/section-3/area/x",
        "/section-150/area/runs/7?page=2",
        "/ajax-api/2.0/mlflow/experiments/search",
        "/group/My-Project/-/blob/main/README.md",
        "/api/v4/projects/group%2Fproject/repository/files/docs%2Findex.md/raw?ref=main",
        "/b%C3%BCro/x",
        "/a;b/../c//d",
    ] {
        // The best of many, since other programs run too.
        let best = (0..400).map(|_| {
            let start = Instant::now();
            for _ in 0..100 {
                let host = hosts.find(Scheme::Https, black_box(b"h17.example.org")).unwrap();
                let method = Method::parse(black_box(b"GET")).unwrap();
                let _ = black_box(host.decide(method, black_box(uri.as_bytes())));
            }
            start.elapsed().as_nanos() / 100
        });
        println!("{:>6} ns  {uri}", best.min().unwrap());
    }
}
