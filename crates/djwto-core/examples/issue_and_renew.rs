//! A login, a renewal, and a refresh token that comes again: one session, with its row in memory.
//!
//! `cargo run -p djwto-core --example issue_and_renew`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use djwto_core::http::Mode;
use djwto_core::session::end::{self, Refusal};
use djwto_core::session::login::{self, GivenClaims, NewSession};
use djwto_core::session::memory::MemoryRow;
use djwto_core::session::presented::Presented;
use djwto_core::session::renewal::{self, Renewed};
use djwto_core::session::row::Client;
use djwto_core::session::user::User;
use djwto_core::token::issue::RegisteredClaims;
use djwto_core::types::Micros;
use djwto_core::{
    Algorithm, Engine, Key, KeyRing, Kind, Policy, PolicyOptions, Transport, TransportOptions,
    UnixTime,
};
use serde::Serialize;
use serde_json::{Value, json};

/// The claims of a new token: those of the engine, and the user.
#[derive(Serialize)]
struct NewClaims<'a> {
    #[serde(flatten)]
    registered: &'a RegisteredClaims,
    user: Value,
}

/// The engine, with what stands for a database and a clock.
struct Service {
    engine: Engine,
    row: MemoryRow,
    seconds: i64,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CLIENT: Client<'_> =
    Client { device: "Firefox on Linux", user_agent: "Firefox/140.0", address: "192.0.2.1" };
const PASSWORD: &str = "a hash that changes with the password";

fn main() -> Result<()> {
    let cookies = TransportOptions { modes: vec![Mode::OneCookie], ..TransportOptions::default() };
    let engine = Engine::new(
        KeyRing::new(Key::generate(Algorithm::Es256)?),
        Policy::new(PolicyOptions::default())?,
        Transport::new(cookies)?,
    );

    let (mut service, first) = Service::log_in(engine, 1_800_000_000)?;
    service.seconds += 60;
    let second = service.renew(&first)?;
    println!("renewed: the second refresh token takes the place of the first");

    // The first one comes again, later than the grace period allows. Two clients have it, so the
    // session ends, and the newest token renews nothing either.
    service.seconds += 60;
    for token in [first, second] {
        let error = service.renew(&token).err().ok_or("a session that was copied goes on")?;
        let refusal = error.downcast::<Refusal>()?;
        println!("refused: {}", refusal.code.slug());
    }
    Ok(())
}

impl Service {
    /// Opens a session. Gives its first refresh token.
    fn log_in(engine: Engine, seconds: i64) -> Result<(Self, String)> {
        let new = NewSession { mode: Mode::OneCookie, lifetime: None };
        let now = UnixTime::from_whole(seconds);
        let opened = login::open(engine.policy(), &new, &GivenClaims::default(), now)?;
        let refresh = opened.refresh(engine.policy())?;
        let row = MemoryRow::new(&opened.row, &CLIENT, PASSWORD);
        let service = Self { engine, row, seconds };
        let token = service.sign(&refresh)?;
        Ok((service, token))
    }

    /// Verifies a refresh token, and gives its successor.
    fn renew(&mut self, refresh: &str) -> Result<String> {
        let now = UnixTime::from_whole(self.seconds);
        let claims = self.engine.verify(refresh.as_bytes(), Some(Kind::Refresh), now)?;
        let presented = Presented::from_json(&claims, Mode::OneCookie)?;
        let renewed = self.steps(presented, Micros::of(Some(now))).inspect_err(|error| {
            // A database has rolled back before this.
            if let Some(Refusal { end: Some(reason), .. }) = error.downcast_ref() {
                self.row.update(&end::end(reason.text()), Micros::of(Some(now)));
            }
        })?;
        self.sign(&renewed.refresh.ok_or("a session in cookies is rotated")?)
    }

    /// Each step takes what the one before gave, so no other order compiles.
    fn steps(&mut self, presented: Presented, now: Micros) -> Result<Renewed> {
        let policy = self.engine.policy();
        let (begun, update) = renewal::begin(presented, policy, true, now);
        let has_won = self.row.update(&update, now) > 0;
        let checked = begun.check_generation(policy, Some(self.row.row()), has_won, now)?;
        let user = User { is_active: true, auth_hashes: &[PASSWORD.to_owned()] };
        let renewed = checked.check_user(Some(&user))?.renew(policy, &CLIENT, now)?;
        if let Some(update) = &renewed.update {
            renewed.finish(self.row.update(update, now))?;
        }
        Ok(renewed)
    }

    fn sign(&self, registered: &RegisteredClaims) -> Result<String> {
        let claims = NewClaims { registered, user: json!({ "id": 7 }) };
        Ok(self.engine.issue(&claims)?.into_text())
    }
}
