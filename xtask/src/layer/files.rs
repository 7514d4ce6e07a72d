//! What `cargo xtask layer` leaves, and where: other commands take it from there.

use std::fs;
use std::path::{Path, PathBuf};

use super::architecture::Architecture;
use crate::environment::EXTENSION;
use crate::error::Error;

/// The folder of layers.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    folder: PathBuf,
}

// === impl Files ===

impl Files {
    /// Those under cargo's target directory.
    pub(crate) fn under(target: &Path) -> Self {
        Self { folder: target.join("layer") }
    }

    /// Where the `Dockerfile` looks for the binary.
    pub(super) fn binary(&self, architecture: Architecture) -> PathBuf {
        self.folder.join(architecture.platform()).join(EXTENSION)
    }

    /// The layer.
    pub(crate) fn zip(&self, architecture: Architecture) -> PathBuf {
        self.folder.join(zip(architecture))
    }

    /// The layer's checksum.
    pub(super) fn checksum(&self, architecture: Architecture) -> PathBuf {
        self.folder.join(zip(architecture) + ".sha256")
    }

    /// The layer's bill of materials.
    pub(super) fn bill(&self, architecture: Architecture) -> PathBuf {
        self.folder.join(format!("{EXTENSION}-{architecture}.cdx.json"))
    }

    /// The container image, for all architectures.
    pub(super) fn image(&self) -> PathBuf {
        self.folder.join(format!("{EXTENSION}-image.tar"))
    }
}

/// The name of a layer's file.
pub(super) fn zip(architecture: Architecture) -> String {
    format!("{EXTENSION}-{architecture}.zip")
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(Error::io(format!("read {}", file.display())))
}

pub(super) fn write(file: &Path, content: &[u8]) -> Result<(), Error> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))?;
    }
    fs::write(file, content).map_err(Error::io(format!("write {}", file.display())))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What the Dockerfile copies from where it is built.
    fn copied() -> Vec<&'static str> {
        let lines = include_str!("../../../Dockerfile").lines().filter_map(|line| line.strip_prefix("COPY "));
        lines.map(|line| line.split(' ').find(|word| !word.starts_with("--")).unwrap()).collect()
    }

    #[test]
    fn the_dockerfile_copies_what_is_left_for_it() {
        let files = Files::under(Path::new("target"));
        for architecture in Architecture::ALL {
            let from =
                copied().into_iter().map(|file| file.replace("${TARGETARCH}", architecture.platform()));
            let from: Vec<_> = from.map(|file| Path::new("target/layer").join(file)).collect();

            assert_eq!(from, [files.binary(architecture)]);
        }
    }
}
