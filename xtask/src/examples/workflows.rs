//! The workflows that check and release this project.

use super::tools::GO;
use super::{Place, ROOT};
use crate::error::Error;
use crate::step::Step;

pub(super) async fn check(place: &Place) -> Result<(), Error> {
    let program = place.tools.actionlint().await?;
    // With what else it would call, its verdict would depend on what a machine has.
    Step::new(program, &["-shellcheck=", "-pyflakes="], GO).within(ROOT).run().await
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::ROOT;

    /// A full commit hash, and a comment that says which version it is.
    fn is_pinned(action: &str) -> bool {
        let Some((name, version)) = action.split_once(" # v") else { return false };
        let hash = name.split_once('@').map_or("", |(_, hash)| hash);
        hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && !version.is_empty()
    }

    #[test]
    fn every_action_is_pinned_by_its_commit_and_says_its_version() {
        let mut actions = 0;
        for file in fs::read_dir(Path::new(ROOT).join(".github/workflows")).unwrap() {
            let file = file.unwrap().path();
            let text = fs::read_to_string(&file).unwrap();
            for action in text.lines().filter_map(|line| line.split_once("uses: ")).map(|(_, action)| action)
            {
                assert!(action.starts_with("./") || is_pinned(action), "{action} in {}", file.display());
                actions += 1;
            }
        }
        assert!(actions > 0);
    }

    #[test]
    fn a_tag_or_half_a_hash_is_no_pin() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        assert!(is_pinned(&format!("actions/checkout@{hash} # v6.0.3")));
        assert!(!is_pinned(&format!("actions/checkout@{hash}")));
        assert!(!is_pinned("actions/checkout@v6 # v6"));
        assert!(!is_pinned("actions/checkout@0123456 # v6.0.3"));
    }
}
