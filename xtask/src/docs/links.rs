//! Whether every link leads somewhere.

use std::path::{Path, PathBuf};

use super::page::Page;

/// Where the repository can be read. Pages of the site link to it for what is not on the site.
const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

/// What is wrong with the links of `pages`, which lie under `root`. Links to other servers are not followed.
pub(super) fn wrong(pages: &[Page], root: &Path) -> Vec<String> {
    let wrong_of = |page: &Page, link: &String| {
        let why = fault(link, page, pages, root)?;
        Some(format!("{}: the link to {link:?} {why}", shown(&page.file, root)))
    };
    pages.iter().flat_map(|page| page.links.iter().filter_map(move |link| wrong_of(page, link))).collect()
}

fn fault(link: &str, page: &Page, pages: &[Page], root: &Path) -> Option<&'static str> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let site = root.join("docs");
    let file = if let Some(path) = path.strip_prefix(REPOSITORY) {
        root.join(path)
    } else if link.contains("://") || link.starts_with("mailto:") {
        return None;
    } else if path.is_empty() {
        page.file.clone()
    } else {
        page.file.parent().unwrap_or(root).join(path)
    };
    let file = resolved(&file);
    if !file.exists() {
        return Some("leads to no file");
    }
    let (from_site, to_site) = (page.file.starts_with(&site), file.starts_with(resolved(&site)));
    if from_site && !to_site && !link.contains("://") {
        return Some("leaves the site: link to the repository instead");
    }
    if anchor.is_empty() {
        return None;
    }
    let target = pages.iter().find(|page| resolved(&page.file) == file);
    let known = target.is_some_and(|target| target.anchors.iter().any(|known| known == anchor));
    (!known).then_some("leads to no heading")
}

/// The path without `..` where it exists, else as it is.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn shown(file: &Path, root: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{ROOT, pages};
    use super::*;

    #[test]
    fn every_link_of_the_documentation_leads_somewhere() {
        let root = Path::new(ROOT);
        assert_eq!(wrong(&pages(root).unwrap(), root), Vec::<String>::new());
    }

    #[test]
    fn a_link_that_leads_nowhere_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("docs")).unwrap();
        fs::write(root.join("README.md"), "").unwrap();
        fs::write(root.join("docs/there.md"), "").unwrap();
        for (link, fine) in [
            ("there.md", true),
            ("there.md#a-heading", true),
            ("#own", true),
            ("https://example.com/x", true),
            (&format!("{REPOSITORY}README.md"), true),
            ("gone.md", false),
            ("there.md#gone", false),
            ("#gone", false),
            ("../README.md", false),
            (&format!("{REPOSITORY}gone.rs"), false),
        ] {
            let own = Page::parse(root.join("docs/own.md"), &format!("# Own\n[x]({link})"));
            fs::write(&own.file, "").unwrap();
            let there = Page::parse(root.join("docs/there.md"), "# A heading\n");
            assert_eq!(wrong(&[own, there], root).is_empty(), fine, "{link}");
        }
    }
}
