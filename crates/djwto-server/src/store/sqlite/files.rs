//! The files of a database: which they are, and whether they have changed.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::store::error::StoreError;

/// File systems count time in ticks of up to 10 ms: within one, a file may change twice.
const TICK: Duration = Duration::from_millis(20);

/// The database, its `-wal` and its `-shm`, at one moment.
#[derive(Clone, Debug)]
pub(super) struct Files {
    database: Metadata,
    log: Option<Metadata>,
    index: Option<Metadata>,
}

impl Files {
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        let found = || -> io::Result<Self> {
            Ok(Self {
                database: fs::metadata(path)?,
                log: existing(&beside(path, "-wal"))?,
                index: existing(&beside(path, "-shm"))?,
            })
        };
        found().map_err(|error| of_io(&error))
    }

    /// Whether a program has the database open in the mode WAL, or has left a log.
    ///
    /// An empty `-wal` alone is what a reader leaves that was refused.
    pub(super) fn has_log(&self) -> bool {
        self.index.is_some() || self.log.as_ref().is_some_and(|log| log.len() > 0)
    }

    /// Whether these are the same files, by their inodes.
    pub(super) fn are(&self, other: &Self) -> bool {
        inode(&self.database) == inode(&other.database)
            && self.log.as_ref().map(inode) == other.log.as_ref().map(inode)
    }

    /// Whether a further change could leave the file with the same time.
    pub(super) fn changed_just_now(&self) -> bool {
        let changed = self.database.modified();
        let age = changed.map(|changed| SystemTime::now().duration_since(changed));
        matches!(age, Ok(Ok(age)) if age < TICK)
    }

    /// Whether the database is the same and no program has it open.
    pub(super) fn are_unchanged_since(&self, before: &Self) -> bool {
        let stamp = |files: &Self| {
            let file = &files.database;
            let changed = (file.ctime(), file.ctime_nsec());
            (inode(file), file.len(), file.mtime(), file.mtime_nsec(), changed)
        };
        !self.has_log() && stamp(self) == stamp(before)
    }
}

/// Whether the journal mode of the database is WAL: bytes 18 and 19 of the file
/// (<https://sqlite.org/fileformat2.html>).
///
/// No connection of this process may have the file open: closing a file takes all locks of the process
/// away.
pub(super) fn is_wal(path: &Path) -> Result<bool, StoreError> {
    let mut header = [0; 20];
    match File::open(path).and_then(|mut file| file.read_exact(&mut header)) {
        Ok(()) => Ok(matches!(header, [.., 2, 2])),
        // A new file is empty.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(of_io(&error)),
    }
}

/// The file with this ending beside a database.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// `None` if there is no such file.
pub(super) fn existing(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The path as a URI of SQLite.
pub(super) fn uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                uri.push(char::from(*byte));
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

fn inode(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn of_io(error: &io::Error) -> StoreError {
    StoreError::new(format!("The SQLite file cannot be read: {error}."))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;
    use std::path::Path;

    use super::{Files, beside, uri};

    #[test]
    fn a_file_that_was_touched_or_has_company_is_not_unchanged() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("db");
        fs::write(&path, b"one").unwrap();
        let files = || Files::of(&path).unwrap();
        let before = files();
        assert!(before.changed_just_now());
        assert!(files().are_unchanged_since(&before));
        for ending in ["-wal", "-shm"] {
            let beside = beside(&path, ending);
            fs::write(&beside, b"some").unwrap();
            assert!(!files().are_unchanged_since(&before), "{ending}");
            assert!(files().has_log(), "{ending}");
            fs::remove_file(&beside).unwrap();
        }
        // What a reader leaves that was refused.
        fs::write(beside(&path, "-wal"), b"").unwrap();
        assert!(files().are_unchanged_since(&before) && !files().has_log());
        assert!(!files().are(&before));
        fs::remove_file(beside(&path, "-wal")).unwrap();
        // As many bytes as before, a tick later.
        while files().changed_just_now() {}
        File::options().write(true).open(&path).unwrap().write_all(b"two").unwrap();
        assert!(!files().are_unchanged_since(&before) && files().are(&before));
        // Another file of that name.
        let before = files();
        fs::write(folder.path().join("other"), b"two").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        assert!(!files().are(&before) && !files().are_unchanged_since(&before));
    }

    #[test]
    fn no_letter_of_a_path_has_a_meaning_in_the_uri() {
        assert_eq!(uri(Path::new("/a b/c?d#e%f&é")), "file:/a%20b/c%3Fd%23e%25f%26%C3%A9");
    }
}
