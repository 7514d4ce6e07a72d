//! Publishing, with a stand-in for the AWS command line: a script that writes down how it was called.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;

/// The SHA-256 of `zip`, in base64.
const SHA256: &str = "SnD+mqZDbgLC3qNA+9HjUuTvLYzmylKtJdS5VHH8i/I=";

/// Answers as AWS does; `NEWEST` is the checksum of the newest version, nothing where there is none.
const SCRIPT: &str = r#"#!/bin/sh
echo "$*" >> CALLS
version='{"LayerVersionArn":"arn:aws:lambda:'"$4"':1:layer:relay:7","Version":7,"Content":{"CodeSha256":"'
case "$2 $4" in
  *" us-void-1") echo >&2; echo "An error occurred (AccessDeniedException): no" >&2; exit 254 ;;
  list-layer-versions*) if [ -n "NEWEST" ]; then echo '{"LayerVersions":[{"Version":6},{"Version":7}]}'; else echo '{"LayerVersions":[]}'; fi ;;
  get-layer-version*) echo "${version}NEWEST\"}}" ;;
  publish-layer-version*) echo "${version}PUBLISHED\"}}" ;;
  *" eu-twice-1") echo "An error occurred (ResourceConflictException) when calling" >&2; exit 254 ;;
  *) echo '{"Statement":"{}"}' ;;
esac
"#;

struct Stage {
    folder: TempDir,
    aws: Aws,
    releases: Vec<Release>,
}

impl Stage {
    /// With this checksum as the newest version's, and as that of what is published.
    fn set(newest: &str, published: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("aws");
        let calls = folder.path().join("calls");
        let script = SCRIPT.replace("CALLS", &calls.display().to_string());
        fs::write(&program, script.replace("NEWEST", newest).replace("PUBLISHED", published)).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let releases = vec![Release::new("relay", Architecture::Arm64, "relay.zip".into(), b"zip")];
        Self { aws: Aws::new(&program), releases, folder }
    }

    fn publish(&self, regions: &[&str]) -> Report {
        let regions: Vec<String> = regions.iter().map(|region| (*region).to_owned()).collect();
        publish(&self.aws, &regions, &self.releases)
    }

    /// The operations and their regions, in their order.
    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
        text.lines().map(words).map(|words| format!("{} {}", words[1], words[3])).collect()
    }
}

#[test]
fn a_new_layer_is_published_and_everybody_may_use_it() {
    let stage = Stage::set("", SHA256);

    let report = stage.publish(&["eu-north-1"]);

    assert_eq!(
        stage.calls(),
        [
            "list-layer-versions eu-north-1",
            "publish-layer-version eu-north-1",
            "add-layer-version-permission eu-north-1"
        ]
    );
    assert_eq!(
        report.to_string(),
        "| region | architecture | layer |\n|---|---|---|\n\
         | eu-north-1 | arm64 | `arn:aws:lambda:eu-north-1:1:layer:relay:7` |\n"
    );
    assert!(report.outcome().is_ok());
}

#[test]
fn what_is_published_already_is_not_published_again() {
    let stage = Stage::set(SHA256, SHA256);

    // Nor is it a failure that everybody may use it already.
    let report = stage.publish(&["eu-twice-1"]);

    assert_eq!(
        stage.calls(),
        [
            "list-layer-versions eu-twice-1",
            "get-layer-version eu-twice-1",
            "add-layer-version-permission eu-twice-1"
        ]
    );
    assert!(report.outcome().is_ok());
}

#[test]
fn another_content_is_a_new_version() {
    let stage = Stage::set("of the version before", SHA256);

    stage.publish(&["eu-north-1"]).outcome().unwrap();

    assert!(stage.calls().contains(&"publish-layer-version eu-north-1".to_owned()));
}

#[test]
fn a_region_that_fails_is_named_and_the_others_go_on() {
    let stage = Stage::set("", SHA256);

    let report = stage.publish(&["us-void-1", "eu-north-1"]);

    assert!(report.to_string().contains("arn:aws:lambda:eu-north-1"), "{report}");
    let failure = report.outcome().unwrap_err().to_string();
    assert!(failure.contains("us-void-1, arm64: "), "{failure}");
    assert!(failure.contains("(AccessDeniedException): no"), "{failure}");
}

#[test]
fn what_arrived_damaged_is_not_given_to_anybody() {
    let stage = Stage::set("", "something else");

    let failure = stage.publish(&["eu-north-1"]).outcome().unwrap_err().to_string();

    assert!(failure.contains("has the checksum something else"), "{failure}");
    assert!(!stage.calls().contains(&"add-layer-version-permission eu-north-1".to_owned()));
}

#[test]
fn an_aws_that_is_missing_is_named() {
    let aws = Aws::new(Path::new("/nowhere/aws"));
    let releases = [Release::new("relay", Architecture::Arm64, "relay.zip".into(), b"zip")];

    let failure = publish(&aws, &["eu-north-1".to_owned()], &releases).outcome().unwrap_err();

    assert!(failure.to_string().contains("cannot run /nowhere/aws lambda list-layer-versions"), "{failure}");
}

#[test]
fn a_dry_run_shows_what_one_would_type() {
    let release = Release::new("relay", Architecture::X86_64, "relay.zip".into(), b"zip");

    let commands = release.commands(&Aws::new(Path::new("aws")), "eu-north-1");

    assert_eq!(commands.len(), 3);
    assert!(commands[1].contains("--compatible-architectures x86_64 --zip-file fileb://relay.zip"));
    assert!(commands[2].ends_with("--action lambda:GetLayerVersion --principal '*'"), "{}", commands[2]);
}

#[test]
fn the_list_of_regions_is_one_and_names_each_once() {
    let mut regions = regions(Path::new(REGIONS)).unwrap();
    let (listed, sorted) = (regions.clone(), regions.is_sorted());
    regions.dedup();

    assert!(sorted && regions == listed && !regions.is_empty(), "{listed:?}");
}
