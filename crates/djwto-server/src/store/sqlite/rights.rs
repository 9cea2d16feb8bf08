//! Which rights the account of the guard needs.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::geteuid;

use super::files::{beside, existing, is_wal};

const SETGID: u32 = 0o2000;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const READABLE_BY_ALL: u32 = 0o004;

/// What the account of the guard may do with the files of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// What is wrong, each in one line with what to do. Empty: all is well.
    pub problems: Vec<String>,
}

/// Checks the rights that the account of this process has to the file of a database, to its directory,
/// and to its `-wal` and `-shm`.
///
/// The account needs the right to read the file and to enter the directory. It needs no right to write,
/// and should have none to the directory. The usual way is a group of which the guard's account is a
/// member:
///
/// ```sh
/// chgrp guard /srv/portal /srv/portal/db.sqlite3
/// chmod 2750 /srv/portal
/// chmod 640 /srv/portal/db.sqlite3
/// ```
///
/// In the journal mode WAL, the portal's account creates `-wal` and `-shm` with the mode of the file. They
/// get the group of the directory only if its setgid bit is set, which is the 2 above.
///
/// What SQLite 3.53 does in that mode for a reader with other rights:
///
/// | rights | what happens |
/// |---|---|
/// | the reader cannot read `-wal` or `-shm` | "unable to open database file" |
/// | the reader can read them, and write nothing | it reads, as long as they exist. It cannot create them (<https://sqlite.org/wal.html#read_only_databases>). The guard then reads the file as immutable |
/// | the reader can write into the directory | SQLite creates both files in the name of the reader. If the mode of the database lets only its owner write, the portal cannot write any more |
///
/// Call it before a [`Store`](crate::store::Store) of this file is used in the same process: it opens and
/// closes the file, which takes the process's locks away.
pub fn check_rights(path: &Path) -> Rights {
    Rights { problems: problems(path) }
}

fn problems(path: &Path) -> Vec<String> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let (shown, shown_directory) = (path.display(), directory.display());
    let (file, folder) = match (fs::metadata(path), fs::metadata(directory)) {
        (Ok(file), Ok(folder)) => (file, folder),
        (Err(error), _) | (_, Err(error)) => {
            return vec![format!("{shown} cannot be found: {error}.")];
        }
    };
    if !file.is_file() {
        return vec![format!("{shown} is not a file.")];
    }
    if !may(path, Access::READ_OK) {
        return vec![format!("The account may not read {shown}. Run `chmod g+r {shown}`.")];
    }
    match is_wal(path) {
        Err(error) => return vec![error.to_string()],
        Ok(false) => return Vec::new(),
        Ok(true) => {}
    }
    let mut problems = Vec::new();
    for ending in ["-wal", "-shm"] {
        let beside = beside(path, ending);
        let exists = || matches!(existing(&beside), Ok(Some(_)));
        // It may be deleted at this moment: then no right is missing.
        if exists() && !may(&beside, Access::READ_OK) && exists() {
            let shown = beside.display();
            problems.push(format!("The account may not read {shown}. Run `chmod g+r {shown}`."));
        }
    }
    let is_guest = !geteuid().is_root() && geteuid().as_raw() != file.uid();
    if is_guest && reads_as_group(&file) && !passes_group_on(&folder, file.gid()) {
        problems.push(format!(
            "The account may not read the -wal and -shm that the portal creates: they do not get the group \
             of {shown}. Run `chgrp {group} {shown_directory}` and `chmod g+s {shown_directory}`.",
            group = file.gid(),
        ));
    }
    if is_guest && file.mode() & WRITABLE_BY_OTHERS == 0 && may(directory, Access::WRITE_OK) {
        problems.push(format!(
            "The account may write into {shown_directory}. So SQLite may create a -wal in its name, and \
             then the portal cannot write. Take this right away."
        ));
    }
    problems
}

fn may(path: &Path, access: Access) -> bool {
    accessat(CWD, path, access, AtFlags::EACCESS).is_ok()
}

fn reads_as_group(file: &Metadata) -> bool {
    file.mode() & READABLE_BY_ALL == 0
}

fn passes_group_on(directory: &Metadata, group: u32) -> bool {
    directory.mode() & SETGID != 0 && directory.gid() == group
}
