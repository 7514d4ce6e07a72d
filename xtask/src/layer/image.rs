//! The container image that functions which are images copy the extension from: an OCI layout in a tar, for all architectures,
//! without a container engine.
//!
//! Formats: <https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md>. The same binaries give the same bytes.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};

use super::architecture::Architecture;
use super::archive::hex;
use super::tape::Tape;
use crate::environment::EXTENSION;

/// Where functions look for extensions.
const FOLDERS: [&str; 2] = ["opt/", "opt/extensions/"];

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// "Unknown", as a gzip header says it.
const NO_SYSTEM: u8 = 255;

/// What an image is made of, each under the digest of its content.
#[derive(Debug, Default)]
struct Blobs(Vec<(String, Vec<u8>)>);

/// The image as the file that `skopeo copy --all oci-archive:FILE …` takes.
pub(super) fn pack(binaries: &[(Architecture, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut blobs = Blobs::default();
    let mut manifests = Vec::new();
    for (architecture, binary) in binaries {
        let platform = json!({ "architecture": architecture.platform(), "os": "linux" });
        manifests.push(with(manifest(*architecture, binary, &mut blobs)?, "platform", platform));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    let name = json!({ "org.opencontainers.image.ref.name": env!("CARGO_PKG_VERSION") });
    let index = with(blobs.add(INDEX, text(&index)), "annotations", name);
    let entry = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [index] });
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    let mut tape = Tape::default()
        .file("oci-layout", 0o644, &text(&layout))
        .file("index.json", 0o644, &text(&entry))
        .folder("blobs/")
        .folder("blobs/sha256/");
    for (digest, content) in &blobs.0 {
        tape = tape.file(&format!("blobs/sha256/{digest}"), 0o644, content);
    }
    Ok(tape.finish())
}

/// The image of one architecture; its description.
fn manifest(architecture: Architecture, binary: &[u8], blobs: &mut Blobs) -> io::Result<Value> {
    let tape = FOLDERS.into_iter().fold(Tape::default(), Tape::folder);
    let tape = tape.file(&format!("opt/extensions/{EXTENSION}"), 0o755, binary).finish();
    let config = json!({
        "architecture": architecture.platform(),
        "os": "linux",
        "config": { "Labels": {
            "org.opencontainers.image.title": EXTENSION,
            "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
            "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
            "org.opencontainers.image.source": env!("CARGO_PKG_REPOSITORY"),
        } },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex(&tape))] },
    });
    let mut gzip =
        GzBuilder::new().mtime(0).operating_system(NO_SYSTEM).write(Vec::new(), Compression::best());
    gzip.write_all(&tape)?;
    let layer = blobs.add(LAYER, gzip.finish()?);
    let config = blobs.add(CONFIG, text(&config));
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
    Ok(blobs.add(MANIFEST, text(&manifest)))
}

/// A descriptor with one more property.
fn with(mut descriptor: Value, name: &str, value: Value) -> Value {
    if let Some(properties) = descriptor.as_object_mut() {
        properties.insert(name.to_owned(), value);
    }
    descriptor
}

fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

// === impl Blobs ===

impl Blobs {
    /// Adds one; its descriptor.
    fn add(&mut self, kind: &str, content: Vec<u8>) -> Value {
        let digest = hex(&content);
        let descriptor =
            json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": content.len() });
        self.0.push((digest, content));
        descriptor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binaries() -> Vec<(Architecture, Vec<u8>)> {
        Architecture::ALL.into_iter().map(|architecture| (architecture, b"a binary".to_vec())).collect()
    }

    #[test]
    fn the_same_binaries_give_the_same_bytes() {
        assert_eq!(pack(&binaries()).unwrap(), pack(&binaries()).unwrap());
    }

    #[test]
    fn every_part_is_there_under_its_digest() {
        let mut blobs = Blobs::default();
        let descriptor = manifest(Architecture::Arm64, b"a binary", &mut blobs).unwrap();

        let digests: Vec<String> = blobs.0.iter().map(|(digest, _)| format!("sha256:{digest}")).collect();
        let content = |digest: &Value| {
            let at = digests.iter().position(|known| digest == known).unwrap();
            blobs.0[at].1.clone()
        };
        let manifest: Value = serde_json::from_slice(&content(&descriptor["digest"])).unwrap();
        let config: Value = serde_json::from_slice(&content(&manifest["config"]["digest"])).unwrap();
        let layer = content(&manifest["layers"][0]["digest"]);
        let mut tape = Vec::new();
        io::copy(&mut flate2::read::GzDecoder::new(layer.as_slice()), &mut tape).unwrap();

        assert_eq!(config["architecture"], "arm64");
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", hex(&tape)));
        assert!(tape.windows(8).any(|window| window == b"a binary"));
    }
}
