// SPDX-License-Identifier: Apache-2.0
//! The files of a Debian package in memory. `dpkg-deb` unpacks the outer format and
//! pipes a tar, so that nothing is written to disk and nothing needs an owner.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

use crate::tool::{self, ToolError};

/// A package that cannot be unpacked.
#[derive(Debug, Error)]
pub enum DebError {
    /// `dpkg-deb` could not be run or refused the file.
    #[error("cannot unpack {path}")]
    Tool {
        /// The package file.
        path: PathBuf,
        /// What happened.
        #[source]
        source: ToolError,
    },
    /// The tar inside is damaged, or cannot be read.
    #[error("cannot read the files in {path}")]
    Tar {
        /// The package file.
        path: PathBuf,
        /// What the tar reader says.
        #[source]
        source: std::io::Error,
    },
}

/// What a path in a package is. Directories are implied by the paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A regular file with its content.
    File(Vec<u8>),
    /// A symbolic link with its target.
    Symlink(String),
}

/// The files of a package by path, without leading slash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
}

/// A chain of links longer than that is a circle: the kernel's own limit is 40.
const MAX_LINKS: usize = 40;

impl Tree {
    /// Takes a file out.
    pub fn take(&mut self, path: &str) -> Option<Vec<u8>> {
        match self.nodes.remove(path)? {
            Node::File(content) => Some(content),
            Node::Symlink(_) => None,
        }
    }

    /// The file at a path, links followed within the tree.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<&[u8]> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            match self.nodes.get(&path)? {
                Node::File(content) => return Some(content),
                Node::Symlink(target) => path = follow(&path, target)?,
            }
        }
        None
    }

    /// The regular files with their paths.
    pub fn into_files(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.nodes
            .into_iter()
            .filter_map(|(path, node)| match node {
                Node::File(content) => Some((path, content)),
                Node::Symlink(_) => None,
            })
    }
}

impl FromIterator<(String, Node)> for Tree {
    fn from_iter<T: IntoIterator<Item = (String, Node)>>(nodes: T) -> Self {
        Self {
            nodes: nodes.into_iter().collect(),
        }
    }
}

/// The path that a link at `path` means; `None` if it leads out of the tree.
fn follow(path: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        parts.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Unpacks a package file.
///
/// # Errors
/// If `dpkg-deb` is missing or refuses the file, or the tar inside is damaged.
pub fn unpack(path: &Path) -> Result<Tree, DebError> {
    let mut command = Command::new("dpkg-deb");
    command.arg("--fsys-tarfile").arg(path);
    let tool_error = |source| DebError::Tool {
        path: path.to_owned(),
        source,
    };
    let start_error = |source| {
        tool_error(ToolError::Start {
            program: "dpkg-deb".to_owned(),
            source,
        })
    };
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(start_error)?;
    let tree = match child.stdout.take() {
        Some(stdout) => read_tar(stdout),
        None => Ok(Tree::default()),
    };
    let output = child.wait_with_output().map_err(start_error)?;
    tool::check(&command, &output).map_err(tool_error)?;
    tree.map_err(|source| DebError::Tar {
        path: path.to_owned(),
        source,
    })
}

fn read_tar(mut stream: impl Read) -> std::io::Result<Tree> {
    let mut nodes = BTreeMap::new();
    for entry in tar::Archive::new(&mut stream).entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = path
            .trim_start_matches("./")
            .trim_end_matches('/')
            .to_owned();
        if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            nodes.insert(path, Node::File(content));
        } else if entry.header().entry_type().is_symlink()
            && let Some(target) = entry.link_name_bytes()
        {
            nodes.insert(
                path,
                Node::Symlink(String::from_utf8_lossy(&target).into_owned()),
            );
        }
    }
    // The writer fails if its reader leaves before the end of the padding.
    std::io::copy(&mut stream, &mut std::io::sink())?;
    Ok(Tree { nodes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_inside_the_tree() {
        let link = |target: &str| Node::Symlink(target.to_owned());
        let tree: Tree = [
            (
                "lib/firmware/intel/ice/ddp/ice.pkg",
                link("ice-1.3.30.0.pkg"),
            ),
            (
                "lib/firmware/intel/ice/ddp/ice-1.3.30.0.pkg",
                Node::File(b"package".to_vec()),
            ),
            (
                "lib/firmware/up",
                link("../firmware/intel/./ice/ddp/ice.pkg"),
            ),
            ("lib/firmware/absolute", link("/lib/firmware/up")),
            ("lib/firmware/circle", link("circle")),
            ("lib/firmware/out", link("../../../etc/passwd")),
        ]
        .into_iter()
        .map(|(path, node)| (path.to_owned(), node))
        .collect();
        for name in ["intel/ice/ddp/ice.pkg", "up", "absolute"] {
            assert_eq!(
                tree.read(&format!("lib/firmware/{name}")),
                Some(&b"package"[..]),
                "{name}"
            );
        }
        for name in ["circle", "out", "absent"] {
            assert_eq!(tree.read(&format!("lib/firmware/{name}")), None, "{name}");
        }
    }

    #[test]
    fn a_tar_becomes_files_and_links() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        builder
            .append_data(&mut header, "./usr/a", &b"abc"[..])
            .unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "./usr/b", "a").unwrap();
        let bytes = builder.into_inner().unwrap();
        let tree = read_tar(bytes.as_slice()).unwrap();
        assert_eq!(tree.read("usr/b"), Some(&b"abc"[..]));
        for len in [100, 511, 513, 1025] {
            assert!(
                read_tar(&bytes[..len])
                    .map_or(true, |tree| tree != read_tar(bytes.as_slice()).unwrap())
            );
        }
    }

    #[test]
    fn a_file_that_is_no_package_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.deb");
        std::fs::write(&path, "no package").unwrap();
        let error = unpack(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot unpack {}", path.display())
        );
    }
}
