//! Results as a JUnit file: the form in which GitLab, Jenkins and others show tests. One suite for each model.

use std::{path::Path, time::Duration};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};
use sparsehls_build::{Error, Result, files, terminal::printable};

/// What one part of a build came to.
enum Outcome {
    Passed,
    Skipped(String),
    Failed(Error),
}

/// The results of one model.
pub struct Suite {
    name: String,
    cases: Vec<(&'static str, Duration, Outcome)>,
}

impl Suite {
    /// An empty one for `name`.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), cases: Vec::new() }
    }

    /// Whether it has no part.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Adds the result of a part, and gives it on.
    pub fn record<T>(&mut self, case: &'static str, elapsed: Duration, result: Result<T>) -> Result<T> {
        self.cases.push((case, elapsed, result.as_ref().err().map_or(Outcome::Passed, |error| Outcome::Failed(error.clone()))));
        result
    }

    /// Adds a part that was left out.
    pub fn skip(&mut self, case: &'static str, why: &str) {
        self.cases.push((case, Duration::ZERO, Outcome::Skipped(why.to_owned())));
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> String {
        self.cases.iter().filter(|(_, _, outcome)| wanted(outcome)).count().to_string()
    }
}

/// Writes `suites` to `path`, whole or not at all.
///
/// # Errors
/// [`sparsehls_build::Code::Io`].
pub fn write(path: &Path, suites: &[Suite]) -> Result {
    files::write_atomically(path, |file| file.write_all(&document(suites)?))
}

fn document(suites: &[Suite]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("testsuites")
        .with_attribute(("name", "cargo-sparsehls"))
        .write_inner_content(|writer| suites.iter().try_for_each(|suite| suite_element(writer, suite)))?;
    writer.get_mut().push(b'\n');
    Ok(writer.into_inner())
}

fn suite_element(writer: &mut Writer<Vec<u8>>, suite: &Suite) -> std::io::Result<()> {
    let element = writer.create_element("testsuite").with_attributes([
        ("name", suite.name.as_str()),
        ("tests", &suite.cases.len().to_string()),
        ("failures", &suite.count(|outcome| matches!(outcome, Outcome::Failed(_)))),
        ("errors", "0"),
        ("skipped", &suite.count(|outcome| matches!(outcome, Outcome::Skipped(_)))),
    ]);
    element.write_inner_content(|writer| {
        for (name, elapsed, outcome) in &suite.cases {
            let class = format!("sparsehls.{}", suite.name);
            let time = format!("{:.3}", elapsed.as_secs_f64());
            let case =
                writer.create_element("testcase").with_attributes([("name", *name), ("classname", &class), ("time", &time)]);
            match outcome {
                Outcome::Passed => case.write_empty()?,
                Outcome::Skipped(why) => case.write_inner_content(|writer| {
                    writer.create_element("skipped").with_attribute(("message", text(why).as_str())).write_empty().map(drop)
                })?,
                Outcome::Failed(error) => case.write_inner_content(|writer| {
                    let message = text(error.message().lines().next().unwrap_or_default());
                    let failure = writer.create_element("failure");
                    let failure = failure.with_attributes([("message", message.as_str()), ("type", error.code().name())]);
                    failure.write_text_content(BytesText::new(&text(&error.to_string()))).map(drop)
                })?,
            };
        }
        Ok(())
    })?;
    Ok(())
}

/// Text without what XML 1.0 cannot hold, however it is written; tools print anything.
fn text(text: &str) -> String {
    printable(text)
}

#[cfg(test)]
mod tests {
    use quick_xml::{Reader, XmlVersion, events::Event};
    use sparsehls_build::Code;

    use super::*;

    #[test]
    fn whatever_a_tool_says_the_file_is_well_formed() {
        let mut suite = Suite::new("net");
        let evil = "ERROR: <a & \"b\"> ]]> \u{1b}[31m \u{0} \u{ffff}\nsecond line";
        suite.skip("synthesis", evil);
        let _ = suite.record::<()>("limits", Duration::from_millis(1500), Err(Error::new(Code::LimitExceeded, evil)));
        suite.record("self-check", Duration::ZERO, Ok(())).unwrap();
        let document = String::from_utf8(document(&[suite]).unwrap()).unwrap();
        let mut reader = Reader::from_str(&document);
        let mut elements = 0;
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Start(start) | Event::Empty(start) => {
                    elements += 1;
                    start
                        .attributes()
                        .for_each(|attribute| drop(attribute.unwrap().normalized_value(XmlVersion::Implicit1_0).unwrap()));
                }
                _ => {}
            }
        }
        assert_eq!(elements, 7, "{document}");
        assert!(!document.contains(|c: char| c.is_control() && c != '\n' || c == '\u{ffff}'), "{document:?}");
        assert!(document.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{document}");
        assert!(document.contains("time=\"1.500\""), "{document}");
    }
}
