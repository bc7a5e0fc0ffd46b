//! The timing diagrams of the guide, read as waves: every answer comes in the cycle that the text says, and none else does.

use std::collections::BTreeMap;

use crate::markdown::pages;

/// The column of the first rising edge, and the columns of a cycle.
const EDGE: usize = 1;
const CYCLE: usize = 4;

/// A drawing, and the paragraph before it.
#[derive(Default)]
struct Drawing {
    text: String,
    waves: BTreeMap<String, Vec<char>>,
}

/// The blocks of a page that have a line `in_valid`.
fn drawings(page: &str) -> Vec<Drawing> {
    let mut found = vec![Drawing::default()];
    let mut text = String::new();
    for line in page.lines() {
        if let Some(code) = line.strip_prefix("    ") {
            let (name, wave) = code.split_at(code.len().min(11));
            found.last_mut().unwrap().waves.insert(name.trim().to_owned(), wave.chars().collect());
            continue;
        }
        if !found.last().unwrap().waves.is_empty() {
            found.push(Drawing::default());
        }
        text = if line.is_empty() { String::new() } else { format!("{text} {line}") };
        if !text.is_empty() {
            found.last_mut().unwrap().text = text.clone();
        }
    }
    found.retain(|drawing| drawing.waves.contains_key("in_valid"));
    found
}

/// The number behind a word of the text.
fn number(text: &str, word: &str) -> Option<usize> {
    let rest = &text[text.find(&format!("{word} "))? + word.len() + 1..];
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

impl Drawing {
    /// Whether a wire is high at an edge; `otherwise` if it is not drawn.
    fn is_high(&self, name: &str, column: usize, otherwise: bool) -> bool {
        self.waves.get(name).map_or(otherwise, |wave| match wave.get(column) {
            Some('~') => true,
            Some('_') => false,
            other => panic!("{}: {name} has {other:?} at column {column}", self.text),
        })
    }

    /// What a bus carries at an edge.
    fn carried(&self, name: &str, column: usize) -> String {
        let wave = &self.waves[name];
        let start =
            wave[..column].iter().rposition(|c| *c == '|').unwrap_or_else(|| panic!("{}: {name} carries nothing", self.text));
        wave[start + 1..].iter().take_while(|c| **c != '|').collect::<String>().trim().to_owned()
    }

    /// The edges that are drawn to the end.
    fn edges(&self) -> impl Iterator<Item = usize> {
        let wires = self.waves.iter().filter(|(name, _)| !name.ends_with("_data")).map(|(_, wave)| wave.len());
        let end = wires.min().unwrap();
        (EDGE..end).step_by(CYCLE)
    }

    /// Words of an event: `a0`, `a1`, ...; one if they have no number.
    fn words(&self) -> usize {
        let text: String = self.waves["in_data"].iter().collect();
        text.chars().filter_map(|c| c.to_digit(10)).max().map_or(1, |last| last as usize + 1)
    }

    /// Holds the waves against a core of this latency and interval; gives the number of answers.
    fn check(&self, latency: usize, interval: usize) -> usize {
        let words = self.words();
        let (mut time, mut next, mut first) = (0, 0, None);
        let mut due: Vec<(usize, String)> = Vec::new();
        let mut answers = 0;
        for column in self.edges() {
            let is_answered = self.is_high("out_valid", column, false);
            if self.is_high("rst", column, false) {
                (next, first, due) = (0, None, Vec::new());
                time += 1;
                continue;
            }
            if !self.is_high("ce", column, true) {
                continue;
            }
            let expected = due.first().is_some_and(|(at, _)| *at == time);
            assert_eq!(is_answered, expected, "{}: out_valid at column {column}", self.text);
            if expected {
                let event = due.remove(0).1;
                assert!(
                    !self.waves.contains_key("out_data") || self.carried("out_data", column) == event,
                    "{}: {event}",
                    self.text
                );
                answers += 1;
            }
            if self.is_high("in_valid", column, false) {
                let word = self.carried("in_data", column);
                let event = word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
                assert!(words == 1 || word == format!("{event}{next}"), "{}: {word} is not word {next}", self.text);
                if next == 0 {
                    assert!(first.is_none_or(|first| time - first >= interval), "{}: {event} comes too early", self.text);
                    first = Some(time);
                }
                next = (next + 1) % words;
                if next == 0 {
                    due.push((time + latency - (words - 1), event));
                }
            }
            time += 1;
        }
        answers
    }
}

#[test]
fn the_waves_of_the_guide_are_what_the_text_says() {
    for (name, at_least) in [("docs/verilog.md", 5), ("docs/integrate.md", 1)] {
        let page = pages().into_iter().find(|page| page.name == name).unwrap();
        let drawings = drawings(&page.text);
        assert!(drawings.len() >= at_least, "{name} has {} drawings", drawings.len());
        // A drawing without numbers has those of the last one whose events have as many words.
        let mut known = BTreeMap::new();
        for drawing in &drawings {
            let said = number(&drawing.text, "latency").map(|latency| (latency, number(&drawing.text, "interval").unwrap_or(1)));
            said.map(|numbers| known.insert(drawing.words(), numbers));
            let (latency, interval) = known[&drawing.words()];
            assert!(drawing.check(latency, interval) > 0, "{}: there is no answer", drawing.text);
        }
    }
}
