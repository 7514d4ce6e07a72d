//! What is published of one layer, in one region: a version, unless the newest has the same content, and leave to use it.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::aws::{Aws, Call, Failure};
use crate::layer::architecture::Architecture;

const LICENSE: &str = env!("CARGO_PKG_LICENSE");

/// The name of the statement that lets everybody use a layer.
const EVERYBODY: &str = "everybody";

/// One layer.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) architecture: Architecture,
    name: String,
    zip: PathBuf,
    /// As Lambda tells it: base64.
    sha256: String,
}

/// A version that everybody can use.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) arn: String,
    /// Whether it was there before.
    before: bool,
}

/// What `list-layer-versions` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    layer_versions: Vec<Named>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    version: u64,
}

/// What `publish-layer-version` and `get-layer-version` answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    layer_version_arn: String,
    version: u64,
    content: Content,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    code_sha256: String,
}

// === impl Release ===

impl Release {
    pub(super) fn new(prefix: &str, architecture: Architecture, zip: PathBuf, content: &[u8]) -> Self {
        let sha256 = BASE64_STANDARD.encode(Sha256::digest(content));
        Self { architecture, name: format!("{prefix}-{architecture}"), zip, sha256 }
    }

    /// Publishes it, and says where it is.
    pub(super) fn publish(&self, aws: &Aws, region: &str) -> Result<Published, String> {
        let newest = self.newest(aws, region).map_err(|failure| failure.to_string())?;
        let (version, before) = match newest.filter(|newest| newest.content.code_sha256 == self.sha256) {
            Some(newest) => (newest, true),
            None => (self.add(aws, region).answer().map_err(|failure: Failure| failure.to_string())?, false),
        };
        if version.content.code_sha256 != self.sha256 {
            let (arn, has) = (&version.layer_version_arn, &version.content.code_sha256);
            return Err(format!("{arn} has the checksum {has}, the file has {}", self.sha256));
        }
        match self.permit(aws, region, &version.version.to_string()).answer::<Value>() {
            // A run before this one gave it.
            Ok(_) | Err(Failure::Conflict) => Ok(Published { arn: version.layer_version_arn, before }),
            Err(Failure::Other(what)) => Err(what),
        }
    }

    /// All that is done where nothing was published yet, in words.
    pub(super) fn commands(&self, aws: &Aws, region: &str) -> Vec<String> {
        let calls = [self.list(aws, region), self.add(aws, region), self.permit(aws, region, "VERSION")];
        calls.iter().map(ToString::to_string).collect()
    }

    fn newest(&self, aws: &Aws, region: &str) -> Result<Option<Described>, Failure> {
        let listed: Listed = self.list(aws, region).answer()?;
        let newest = listed.layer_versions.iter().max_by_key(|listed| listed.version);
        let Some(newest) = newest else { return Ok(None) };
        let get = aws.lambda("get-layer-version", region).option("layer-name", &self.name);
        get.option("version-number", newest.version.to_string()).answer().map(Some)
    }

    fn list<'aws>(&self, aws: &'aws Aws, region: &str) -> Call<'aws> {
        aws.lambda("list-layer-versions", region).option("layer-name", &self.name)
    }

    fn add<'aws>(&self, aws: &'aws Aws, region: &str) -> Call<'aws> {
        aws.lambda("publish-layer-version", region)
            .option("layer-name", &self.name)
            .option("description", concat!("Pyroscope extension ", env!("CARGO_PKG_VERSION")))
            .option("license-info", LICENSE)
            .option("compatible-architectures", self.architecture.to_string())
            .option("zip-file", format!("fileb://{}", self.zip.display()))
    }

    fn permit<'aws>(&self, aws: &'aws Aws, region: &str, version: &str) -> Call<'aws> {
        aws.lambda("add-layer-version-permission", region)
            .option("layer-name", &self.name)
            .option("version-number", version)
            .option("statement-id", EVERYBODY)
            .option("action", "lambda:GetLayerVersion")
            .option("principal", "*")
    }
}

// === impl Published ===

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)?;
        if self.before { f.write_str(", which was there before") } else { Ok(()) }
    }
}
