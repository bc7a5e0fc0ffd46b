//! `cargo sparsehls explain`: the sections of `docs/errors.md`.

use sparsehls_build::{Code, Error, Result};

use crate::{
    message::{Explanation, Message},
    output::Output,
};

/// The page of the guide; in the repository a link to it, in a published crate the page.
const PAGE: &str = include_str!("../../assets/errors.md");

/// A section: a code or a name, and what is said of it.
struct Section {
    name: &'static str,
    text: &'static str,
}

/// Prints what the guide says of `code`, or every code with its first sentence.
pub fn run(code: Option<&str>, output: &Output) -> Result {
    let sections = sections();
    let Some(code) = code else {
        let width = sections.iter().map(|section| section.name.len()).max().unwrap_or(0);
        let lines = sections.iter().map(|section| format!("{:<width$}  {}", section.name, cut(section.summary(), 78 - width)));
        sections.iter().for_each(|section| output.json(&section.message()));
        output.text(&lines.collect::<Vec<_>>().join("\n"));
        return Ok(());
    };
    let wanted = code.trim().to_ascii_lowercase();
    let section = sections.iter().find(|section| section.name == wanted).ok_or_else(|| unknown(code, &wanted, &sections))?;
    output.json(&section.message());
    output.text(&format!("{}\n\n{}", section.name, section.text));
    Ok(())
}

fn unknown(code: &str, wanted: &str, sections: &[Section]) -> Error {
    let near: Vec<_> = sections
        .iter()
        .map(|section| section.name)
        .filter(|name| wanted.split('-').any(|word| word.len() > 2 && name.split('-').any(|other| other == word)))
        .collect();
    let help = match near[..] {
        [] => "`cargo sparsehls explain` lists all".to_owned(),
        _ => format!("codes like it: {}; `cargo sparsehls explain` lists all", near.join(", ")),
    };
    Error::new(Code::NoSuchCode, format!("no error and no note is called {code:?}")).help(help)
}

/// All sections, in the order of the page.
fn sections() -> Vec<Section> {
    let section = |part: &'static str| {
        let (name, text) = part.split_once('\n')?;
        // The heading of the second half of the page ends the first.
        let text = text.split("\n# ").next().unwrap_or(text);
        Some(Section { name: name.trim(), text: text.trim() })
    };
    PAGE.split("\n## ").skip(1).filter_map(section).collect()
}

impl Section {
    /// Its first sentence, without the exit code.
    fn summary(&self) -> String {
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.strip_prefix("Exit code ").and_then(|rest| rest.split_once(". ")).map_or(text.as_str(), |(_, rest)| rest);
        text.split(". ").next().unwrap_or(text).trim_end_matches('.').to_owned()
    }

    fn message(&self) -> Message {
        Message::Explanation(Explanation { code: self.name.to_owned(), text: self.text.to_owned() })
    }
}

fn cut(text: String, width: usize) -> String {
    if text.chars().count() <= width { text } else { text.chars().take(width - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained() {
        let sections = sections();
        for code in Code::ALL {
            let section = sections.iter().find(|section| section.name == code.name());
            let section = section.unwrap_or_else(|| panic!("{} is not explained", code.name()));
            assert!(section.text.starts_with(&format!("Exit code {}. ", code.exit() as u8)), "{}", section.name);
            assert!(section.text.len() > 60 && !section.text.contains("\n#"), "{}", section.text);
        }
        let notes: Vec<_> = sections.iter().filter(|section| !section.text.starts_with("Exit code")).collect();
        assert_eq!(sections.len() - notes.len(), Code::ALL.len());
        assert!(notes.len() > 5, "notes are explained too");
    }
}
