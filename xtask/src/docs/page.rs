//! What is in a page of Markdown: headings, links, code blocks.

use std::path::PathBuf;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) file: PathBuf,
    /// The names under which its headings can be linked to.
    pub(super) anchors: Vec<String>,
    /// Where its links lead to, images included.
    pub(super) links: Vec<String>,
    pub(super) blocks: Vec<Block>,
}

/// A code block.
#[derive(Debug)]
pub(super) struct Block {
    /// The first word after the fence.
    pub(super) language: String,
    pub(super) text: String,
    /// The line on which it begins, counted from 1.
    pub(super) line: usize,
}

// === impl Page ===

impl Page {
    pub(super) fn parse(file: PathBuf, text: &str) -> Self {
        let mut page = Self { file, anchors: Vec::new(), links: Vec::new(), blocks: Vec::new() };
        let mut heading = None;
        let mut block: Option<Block> = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.anchors.extend(heading.take().map(|text| anchor(&text)));
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let info = match &kind {
                        CodeBlockKind::Fenced(info) => info.as_ref(),
                        CodeBlockKind::Indented => "",
                    };
                    let language = info.split([' ', ',']).next().unwrap_or_default().to_owned();
                    let before = text.get(..range.start).unwrap_or_default();
                    block = Some(Block { language, text: String::new(), line: before.lines().count() + 1 });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(block) = &mut block {
                        block.text.push_str(&text);
                    } else if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        page
    }
}

/// The name of a heading in a link, as mdBook and GitHub make it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_links_and_code_blocks_are_found() {
        let text =
            "# One `two` Three!\n\n[a](b.md#c) ![d](e.svg)\n\n```sh\nls\n```\n\n| x |\n|---|\n| [f](g) |\n";
        let page = Page::parse("page.md".into(), text);
        assert_eq!(page.anchors, ["one-two-three"]);
        assert_eq!(page.links, ["b.md#c", "e.svg", "g"]);
        let [block] = &page.blocks[..] else { panic!("{page:?}") };
        assert_eq!((block.language.as_str(), block.text.as_str(), block.line), ("sh", "ls\n", 5));
    }
}
