//! The operator's files: read whole, with a bound, and watched by what the file system says of them.

use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::problem::Problem;

/// The largest file that is read. An export with a thousand keys takes a fraction of it.
const MAX_BYTES: u64 = 4 << 20;

/// Reads a text.
///
/// # Errors
///
/// [`Problem`]: it cannot be read, is no file, is too large or is not UTF-8, or others than its owner may
/// change it.
pub fn read(path: &Path) -> Result<String, Problem> {
    let (text, metadata) = read_with(path)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o022 != 0 {
        let what = format!(
            "expected a file that only its owner may change, found mode {mode:o}: what stands in it decides \
             who may pass. Run: chmod go-w {}",
            path.display()
        );
        return Err(Problem::of_file(path, what));
    }
    Ok(text)
}

/// Reads a text that only its owner may see, such as one with private keys.
///
/// # Errors
///
/// [`Problem`], as [`read`], and where other accounts may read or change the file.
pub fn read_secret(path: &Path) -> Result<String, Problem> {
    let (text, metadata) = read_with(path)?;
    check_mode(path, &metadata)?;
    Ok(text)
}

/// Checks that other accounts cannot read or change a file with secrets.
///
/// # Errors
///
/// [`Problem`] says what to run.
pub fn check_secret(path: &Path) -> Result<(), Problem> {
    let metadata = fs::metadata(path).map_err(|error| Problem::of_file(path, error))?;
    check_mode(path, &metadata)
}

fn read_with(path: &Path) -> Result<(String, Metadata), Problem> {
    let problem = |error: std::io::Error| Problem::of_file(path, error);
    // A pipe would never end, and opening one would wait for its writer.
    let no_wait = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = File::options();
    let file = options.read(true).custom_flags(no_wait).open(path).map_err(problem)?;
    let metadata = file.metadata().map_err(problem)?;
    if !metadata.is_file() {
        return Err(Problem::of_file(path, "expected a file, found something else"));
    }
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(problem)?;
    if text.len() as u64 > MAX_BYTES {
        let what = format!("expected at most {MAX_BYTES} bytes, found more");
        return Err(Problem::of_file(path, what));
    }
    Ok((text, metadata))
}

/// The owner may read and write. A group may read a file that the owner cannot change or that another
/// account owns: so a program reads a mounted secret of Kubernetes (`fsGroup`, mode 0440).
fn check_mode(path: &Path, metadata: &Metadata) -> Result<(), Problem> {
    let mode = metadata.mode();
    let is_open = mode & 0o027 != 0;
    let is_shared = mode & 0o040 != 0 && mode & 0o200 != 0;
    if is_open || is_shared {
        let (mode, shown) = (mode & 0o777, path.display());
        let what = format!(
            "expected mode 600, found {mode:o}: other accounts may read or change it. Run: chmod 600 \
             {shown}"
        );
        return Err(Problem::of_file(path, what));
    }
    Ok(())
}

/// What the file system says of a file: it changes when the file does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(Option<[i64; 6]>);

impl Stamp {
    /// The stamp of this moment. A file that is not there has one too.
    pub fn of(path: &Path) -> Self {
        let found = fs::metadata(path).ok();
        // A tool may keep the time of the last change, but not that of the inode.
        let stamp = |file: fs::Metadata| {
            let (place, size) = (file.ino().cast_signed(), file.size().cast_signed());
            let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
            let [changed, changed_nanos, inode, inode_nanos] = times;
            [place, size, changed, changed_nanos, inode, inode_nanos]
        };
        Self(found.map(stamp))
    }
}

/// Files whose changes are noticed.
#[derive(Clone, Debug, Default)]
pub struct Watched(Vec<(PathBuf, Stamp)>);

impl Watched {
    /// These files, as they are now.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let stamped = paths.into_iter().map(|path| (path.clone(), Stamp::of(&path)));
        Self(stamped.collect())
    }

    /// The same files, as they are now.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::new(self.0.iter().map(|(path, _)| path.clone()))
    }

    /// Whether one of them is not as it was.
    pub fn has_changed(&self) -> bool {
        self.0.iter().any(|(path, stamp)| Stamp::of(path) != *stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::{Watched, read, read_secret};
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    #[test]
    fn a_secret_is_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(&path, "{}").unwrap();
        for (mode, is_good) in [
            (0o600, true),
            (0o400, true),
            (0o440, true),
            (0o640, false),
            (0o660, false),
            (0o604, false),
            (0o644, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read_secret(&path).is_ok(), is_good, "{mode:o}");
        }
    }

    #[test]
    fn what_others_may_change_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.json");
        fs::write(&path, "{}").unwrap();
        for (mode, is_good) in
            [(0o644, true), (0o440, true), (0o664, false), (0o646, false), (0o622, false)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let found = read(&path).map_err(|problem| problem.to_string());
            assert_eq!(found.is_ok(), is_good, "{mode:o}");
            let command = format!("Run: chmod go-w {}", path.display());
            assert!(is_good || found.unwrap_err().ends_with(&command));
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), Path::new("/dev/null"), &folder.path().join("none")] {
            assert!(read(path).is_err());
        }
    }

    #[test]
    fn a_change_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let watched = Watched::new([path.clone()]);
        assert!(!watched.has_changed());
        fs::write(&path, "1").unwrap();
        assert!(watched.has_changed());
        let watched = Watched::new([path.clone()]);
        fs::write(&path, "12").unwrap();
        assert!(watched.has_changed());
    }
}
