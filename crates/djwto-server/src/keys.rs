//! `djwto-server keys`: the keys that sign assertions, in a JWK Set file.
//!
//! A key is published before it signs, so that every verifier knows it by then, and verifies until its
//! last assertion has expired. `djwto_state` and `djwto_since` say where it stands, as in the files of
//! `manage.py djwto_keys`; other readers ignore them (RFC 7517 §4).

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use djwto_core::key::State;
use djwto_core::{Algorithm, Key};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::assertions;
use crate::files;
use crate::problem::Problem;

/// How long a key is published before it signs, in seconds: verifiers keep the public set for 300
/// seconds, and a server needs a moment to see the file.
pub const PUBLISHED_SECONDS: i64 = 310;
/// How long a retired key stays, in seconds: longer than an assertion is good.
pub const RETIRED_SECONDS: i64 = 600;

/// A key that has changed, by its `kid` and its new state; `None`: it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `kid`
    pub id: String,
    /// The state that it is in now.
    pub state: Option<State>,
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().map(|since| since.as_secs()).unwrap_or_default();
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// Writes a new file with two keys: one signs, and the next one is published.
///
/// # Errors
///
/// [`Problem`]: the file is there already, or cannot be written.
pub fn init(path: &Path, algorithm: Algorithm, now: i64) -> Result<Vec<Change>, Problem> {
    let path = &real(path)?;
    let _lock = lock(path)?;
    if path.exists() {
        let what = "expected no file, found one. For a new key run: djwto-server keys rotate";
        return Err(Problem::of_file(path, what));
    }
    let mut keys = Vec::new();
    let states = [State::Active, State::Next];
    let changes = states.into_iter().map(|state| add(path, &mut keys, algorithm, state, now));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    write(path, Map::from_iter([("keys".to_owned(), Value::Array(keys))]))?;
    Ok(changes)
}

/// Lets the next key sign, retires the one that signed, and adds a next one. Retired keys leave when
/// their last assertion has expired. `is_forced` does not wait until the next key was published long
/// enough.
///
/// # Errors
///
/// [`Problem`]: the file cannot be read or written, or it is too early.
pub fn rotate(path: &Path, now: i64, is_forced: bool) -> Result<Vec<Change>, Problem> {
    let path = &real(path)?;
    let _lock = lock(path)?;
    let problem = |what: &str| Problem::of_file(path, what);
    let (mut set, mut keys) = read(path)?;
    let mut changes = Vec::new();
    keys.retain(|jwk| {
        let is_old = since(jwk).is_none_or(|since| since <= now - RETIRED_SECONDS);
        let goes = state(jwk) == Some(State::Retired) && is_old;
        if goes {
            changes.push(Change { id: id(jwk), state: None });
        }
        !goes
    });
    let what =
        "expected a next key, found none. Move the file away, and run: djwto-server keys init";
    let next = keys.iter().position(|jwk| state(jwk) == Some(State::Next));
    let next = next.ok_or_else(|| problem(what))?;
    let age = keys.get(next).and_then(since).map_or(0, |since| now.saturating_sub(since));
    if age < PUBLISHED_SECONDS && !is_forced {
        return Err(problem(&format!(
            "the next key was published {age} seconds ago. Upstreams take up to {PUBLISHED_SECONDS} \
             seconds to learn of it. Wait, or use --force to rotate now"
        )));
    }
    let mut algorithm = Algorithm::EdDsa;
    for (at, jwk) in keys.iter_mut().enumerate() {
        let to = match state(jwk) {
            _ if at == next => State::Active,
            Some(State::Active) | None => State::Retired,
            _ => continue,
        };
        if to == State::Active {
            algorithm = algorithm_of(jwk).unwrap_or(algorithm);
        }
        changes.push(moved(jwk, to, now));
    }
    changes.push(add(path, &mut keys, algorithm, State::Next, now)?);
    set.insert("keys".to_owned(), Value::Array(keys));
    write(path, set)?;
    Ok(changes)
}

/// Throws all keys away, and writes two new ones: after the file has leaked, because it holds the private
/// half of the next key too. Assertions of the old keys are refused once upstreams read the keys again.
///
/// # Errors
///
/// [`Problem`]: the file cannot be read or written.
pub fn replace(path: &Path, now: i64) -> Result<Vec<Change>, Problem> {
    let path = &real(path)?;
    let _lock = lock(path)?;
    let (mut set, old) = read(path)?;
    let signing = old.iter().find(|jwk| matches!(state(jwk), Some(State::Active) | None));
    let algorithm = signing.and_then(algorithm_of).unwrap_or(Algorithm::EdDsa);
    let mut changes: Vec<_> = old.iter().map(|jwk| Change { id: id(jwk), state: None }).collect();
    let mut keys = Vec::new();
    for state in [State::Active, State::Next] {
        changes.push(add(path, &mut keys, algorithm, state, now)?);
    }
    set.insert("keys".to_owned(), Value::Array(keys));
    write(path, set)?;
    Ok(changes)
}

/// The file: its other members, and its keys.
fn read(path: &Path) -> Result<(Map<String, Value>, Vec<Value>), Problem> {
    let text = Zeroizing::new(files::read_secret(path)?);
    assertions::read_keys(path, text.as_bytes())?;
    let problem = || Problem::of_file(path, "expected a JWK Set");
    let mut set: Map<String, Value> = serde_json::from_str(&text).map_err(|_| problem())?;
    let Some(Value::Array(keys)) = set.remove("keys") else { return Err(problem()) };
    Ok((set, keys))
}

fn add(
    path: &Path,
    keys: &mut Vec<Value>,
    algorithm: Algorithm,
    state: State,
    now: i64,
) -> Result<Change, Problem> {
    let key = Key::generate(algorithm).map_err(|error| Problem::of_file(path, error))?;
    let text = key.to_jwk().unwrap_or_default();
    let mut jwk = serde_json::from_str(&text)
        .map_err(|_| Problem::of_file(path, "expected an algorithm of key pairs, such as EdDSA"))?;
    let change = moved(&mut jwk, state, now);
    keys.push(jwk);
    Ok(change)
}

/// Puts a key into a state. A retired key loses its private half: it only verifies.
fn moved(jwk: &mut Value, state: State, now: i64) -> Change {
    if let Some(members) = jwk.as_object_mut() {
        members.insert(STATE.to_owned(), state.name().into());
        members.insert(SINCE.to_owned(), json!(now));
        if state == State::Retired {
            for name in ["d", "p", "q", "dp", "dq", "qi"] {
                members.remove(name);
            }
        }
    }
    Change { id: id(jwk), state: Some(state) }
}

const STATE: &str = "djwto_state";
const SINCE: &str = "djwto_since";

fn state(jwk: &Value) -> Option<State> {
    State::from_name(jwk.get(STATE)?.as_str()?)
}

/// Until when a key is published, in seconds since 1970; `None`: as long as it stands in the file.
pub fn shown_until(jwk: &Value) -> Option<i64> {
    let is_retired = state(jwk) == Some(State::Retired);
    is_retired.then(|| since(jwk).unwrap_or_default().saturating_add(RETIRED_SECONDS))
}

fn since(jwk: &Value) -> Option<i64> {
    jwk.get(SINCE)?.as_i64()
}

/// As the engine reads it: without a `kid` it is the thumbprint.
fn id(jwk: &Value) -> String {
    let key = Key::from_jwk(jwk.to_string().as_bytes()).ok();
    key.and_then(|key| key.id().map(str::to_owned)).unwrap_or_default()
}

fn algorithm_of(jwk: &Value) -> Option<Algorithm> {
    Key::from_jwk(jwk.to_string().as_bytes()).ok().map(|key| key.algorithm())
}

/// The file behind links, so that a link stays one.
fn real(path: &Path) -> Result<PathBuf, Problem> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(path.to_owned());
    }
    fs::canonicalize(path).map_err(|error| Problem::of_file(path, error))
}

/// Waits until no other process changes the file. The lock ends with the value.
fn lock(path: &Path) -> Result<File, Problem> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let problem = |error: io::Error| Problem::of_file(&path, error);
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(problem)?;
    file.lock().map_err(problem)?;
    Ok(file)
}

/// Puts the file in its place whole, for its owner alone.
fn write(path: &Path, set: Map<String, Value>) -> Result<(), Problem> {
    let text = Zeroizing::new(format!("{:#}\n", Value::Object(set)));
    assertions::read_keys(path, text.as_bytes())?;
    let name = format!(".{}.new", Uuid::new_v4());
    let new = path.with_file_name(name);
    let written = write_new(path, &new, text.as_bytes());
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written.map_err(|error| Problem::of_file(path, error))
}

fn write_new(path: &Path, new: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(new)?;
    if let Ok(old) = fs::metadata(path)
        && (old.uid(), old.gid()) != (file.metadata()?.uid(), file.metadata()?.gid())
    {
        // The server goes on reading what an administrator has written.
        fchown(&file, Some(old.uid()), Some(old.gid()))?;
    }
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{Change, PUBLISHED_SECONDS, RETIRED_SECONDS, id, init, replace, rotate};
    use djwto_core::key::State;
    use djwto_core::{Algorithm, key::JwkSet};
    use serde_json::Value;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn states(changes: &[Change]) -> Vec<Option<State>> {
        changes.iter().map(|change| change.state).collect()
    }

    #[test]
    fn a_key_is_published_then_signs_then_verifies_then_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let signing = || {
            let ring = JwkSet::parse(&fs::read(&path).unwrap()).unwrap().into_ring().unwrap();
            let id = ring.signing().unwrap().id().unwrap().to_owned();
            (id, ring.keys().len())
        };
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
            let _ = fs::remove_file(&path);
            let made = init(&path, algorithm, 1000).unwrap();
            assert_eq!(states(&made), [Some(State::Active), Some(State::Next)]);
            assert_eq!(signing(), (made[0].id.clone(), 2));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(init(&path, algorithm, 1000).is_err());

            let early = 1000 + PUBLISHED_SECONDS - 1;
            assert!(rotate(&path, early, false).unwrap_err().to_string().contains("309 seconds"));
            let changes = rotate(&path, early + 1, false).unwrap();
            let expected = [Some(State::Retired), Some(State::Active), Some(State::Next)];
            assert_eq!(states(&changes), expected);
            assert_eq!(signing(), (made[1].id.clone(), 3));
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text.matches("\"d\"").count(), 2, "a retired key has no private half");

            let changes = rotate(&path, early + 2, true).unwrap();
            assert_eq!(changes.len(), 3);
            assert_eq!(signing().1, 4);
            let changes = rotate(&path, early + 1 + RETIRED_SECONDS, false).unwrap();
            assert_eq!((changes[0].id.as_str(), changes[0].state), (made[0].id.as_str(), None));

            let old: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let changes = replace(&path, early).unwrap();
            assert_eq!(signing(), (changes[changes.len() - 2].id.clone(), 2));
            let new = fs::read_to_string(&path).unwrap();
            for jwk in old["keys"].as_array().unwrap() {
                assert!(changes.contains(&Change { id: id(jwk), state: None }));
                assert!(!new.contains(jwk["x"].as_str().unwrap()), "{jwk}");
            }
        }
        assert!(init(&folder.path().join("x"), Algorithm::Hs256, 1000).is_err());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        rotate(&link, 5000, false).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
