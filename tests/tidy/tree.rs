//! The files that git tracks or would track.

use std::{fs, path::Path, process::Command};

/// A text file with its path from the root of the repository.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }
}

/// Every text file of the tree, new ones included, in the order of their paths. What is not UTF-8 is left out.
pub(crate) fn files() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git is needed to know which files belong to the tree");
    assert!(listed.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).expect("every path is UTF-8");
    let mut files: Vec<SourceFile> = listed
        .split_terminator('\0')
        // A file that was removed and not yet committed as removed is listed, but not there.
        .filter_map(|path| Some(SourceFile { path: path.to_owned(), text: fs::read_to_string(root.join(path)).ok()? }))
        .collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}
