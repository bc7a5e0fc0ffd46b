//! How a layer's value goes from one kernel to the next: all of it in one token, or a share in each of several.

use super::{Circuit, Net};
use crate::fixed::{Format, MantissaRange};

/// When a value is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// All of it, in the tokens in which this bit is 1.
    Whole(Net),
    /// A share in each turn.
    Turns(Turns),
}

/// The turns of a value that comes in shares. Turns follow each other, but not necessarily token on token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    /// Whether a token is a turn.
    pub act: Net,
    /// Which one it is, from 0, in tokens that are.
    pub turn: Net,
    /// How many there are for an event; at least two.
    pub turns: usize,
    /// Whether a token is the first turn.
    pub first: Net,
    /// Whether a token is the last turn.
    pub last: Net,
}

/// A pixel in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// One for each channel; zero in an empty slot.
    pub features: Vec<Net>,
    /// The row, from 1; 0 in an empty slot.
    pub row: Net,
    /// The column, from 1; 0 in an empty slot.
    pub column: Net,
}

/// A sparse value: every slot, or those of a turn, the lanes; slot number `turn * lanes + lane` is in a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Slots.
    pub slots: Vec<Slot>,
    /// When they are there.
    pub flow: Flow,
    /// Of a value that comes in turns: the row and column of every slot, in all tokens of the turns; a slot that turns out to be
    /// empty may have others there. Nothing for a value that comes whole.
    pub places: Vec<[Net; 2]>,
    /// Whether no slot turns out to be empty that has a place. Where that is not so of a value that is whole, there can be two
    /// pixels at a place in tokens in which it is not there: it has come in turns, and some are of the event before.
    pub is_settled: bool,
    /// Of a value that changes while it comes: in each turn its lanes are put into other slots than those of the turn.
    pub updates: Option<Updates>,
}

/// Where the lanes of a turn are put: the last one that is put into a slot counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updates {
    /// For each lane and slot, whether it is put there. What several lanes put into a slot is the same.
    pub writes: Vec<Vec<Net>>,
    /// For each lane, whether the slot of the turn stays.
    pub stays: Vec<Net>,
}

/// A sparse value in turns that have just been made, and what is between the turns.
#[derive(Debug, Clone)]
pub struct InTurns {
    /// The value.
    pub pixels: Pixels,
    /// Its turns.
    pub turns: Turns,
    /// A bit that is 1 in all tokens of the turns.
    pub busy: Net,
    /// The number of a token within its turn.
    pub token: Net,
}

/// A dense value, all elements in one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elements {
    /// Row-major.
    pub values: Vec<Net>,
    /// The bit that is 1 in the tokens in which it is there.
    pub valid: Net,
}

/// A value on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stream {
    /// A sparse one.
    Pixels(Pixels),
    /// A dense one.
    Elements(Elements),
}

impl Flow {
    /// The bit that is 1 in the tokens in which something is there.
    pub(super) fn act(&self) -> Net {
        match self {
            Self::Whole(valid) => *valid,
            Self::Turns(turns) => turns.act,
        }
    }
}

impl Slot {
    /// Its words: the features, the row, the column.
    pub fn words(&self) -> Vec<Net> {
        self.features.iter().copied().chain([self.row, self.column]).collect()
    }

    /// The other way round.
    pub(super) fn of(words: &[Net]) -> Option<Self> {
        let [features @ .., row, column] = words else { return None };
        Some(Self { features: features.to_vec(), row: *row, column: *column })
    }
}

impl Circuit {
    /// Turns from the token on in which `start` is 1, each of `span` tokens, of which the last one is the turn. The next start may
    /// come behind the last turn. Also gives a bit that is 1 in all tokens of the turns, and the number of the token within its
    /// turn.
    pub fn turns(&mut self, start: Net, turns: usize, span: usize) -> (Turns, Net, Net) {
        let (last_turn, last_token) = (turns as i128 - 1, span as i128 - 1);
        let is_busy = self.control(MantissaRange { lo: 0, hi: 1 }, 0);
        let goes_on = self.not(start);
        let mut counter = |last: i128| {
            let state = self.control(MantissaRange { lo: 0, hi: last }, 0);
            let now = self.gate(goes_on, state);
            let end = self.is(now, last);
            (state, now, end)
        };
        let ((turn_state, turn, in_last), (token_state, token, at_end)) = (counter(last_turn), counter(last_token));
        let busy = self.any([start, is_busy]);
        let act = self.all([busy, at_end]);
        let last = self.all([act, in_last]);
        let in_first = self.is(turn, 0);
        let first = self.all([act, in_first]);
        let not_last = self.not(last);
        let stays = self.all([busy, not_last]);
        self.leave(is_busy, stays);
        let next = self.next_of(turn, last_turn);
        let next = self.select(act, next, turn);
        self.leave(turn_state, next);
        let next = self.next_of(token, last_token);
        let next = self.gate(busy, next);
        self.leave(token_state, next);
        (Turns { act, turn, turns, first, last }, busy, token)
    }

    /// One more than a counter, which wraps to 0 behind `last`.
    fn next_of(&mut self, counter: Net, last: i128) -> Net {
        let one = self.constant(1);
        let next = self.add(counter, one);
        self.narrow_turn(next, last)
    }

    /// `next` of a counter, which wraps to 0 behind `last`.
    fn narrow_turn(&mut self, next: Net, last: i128) -> Net {
        let end = self.is(next, last + 1);
        let goes_on = self.not(end);
        let next = self.gate(goes_on, next);
        self.narrow(next, MantissaRange { lo: 0, hi: last })
    }

    /// The first `lanes` of `words`, which are there when `start` is 1, from that token on; those behind them move up when `moves`
    /// is 1, and zeros come in at the end. Of the start itself `is_moved` says whether it moves them too.
    pub fn shifter(&mut self, (start, moves): (Net, Net), is_moved: bool, words: &[Net], lanes: usize) -> Vec<Net> {
        let enable = self.any([start, moves]);
        let zero = self.constant(0);
        let first = if is_moved { lanes } else { 0 };
        // A register has to hold what moves through it.
        let range = |at: usize| {
            words.iter().skip(at).step_by(lanes).map(|word| self.range(*word)).fold(MantissaRange::ZERO, MantissaRange::hull)
        };
        let ranges: Vec<_> = (first..words.len()).map(range).collect();
        let states: Vec<_> = ranges.into_iter().map(|range| self.state(range)).collect();
        for (at, state) in states.iter().enumerate() {
            let behind = states.get(at + lanes).copied().unwrap_or(zero);
            let next = self.select(start, words[first + at], behind);
            self.leave_if(*state, enable, next);
        }
        (0..lanes)
            .map(|at| {
                let (own, moved) = (words.get(at).copied().unwrap_or(zero), states.get(at).copied().unwrap_or(zero));
                self.select(start, own, moved)
            })
            .collect()
    }

    /// `words` of each turn, one behind the other, as they are in the token of the last turn: `count` of them.
    pub fn collect(&mut self, turns: &Turns, words: &[Net], count: usize) -> Vec<Net> {
        let lanes = words.len();
        // The places of all turns, of which the last may not be full.
        let places = turns.turns * lanes;
        let range = words.iter().map(|word| self.range(*word)).fold(MantissaRange::ZERO, MantissaRange::hull);
        let states: Vec<_> = (0..places - lanes).map(|_| self.state(range)).collect();
        let all: Vec<_> = states.iter().copied().chain(words.iter().copied()).collect();
        for (state, next) in states.iter().zip(&all[lanes..]) {
            self.leave_if(*state, turns.act, *next);
        }
        all[..count.min(places)].to_vec()
    }

    /// Which slots are filled, and where they are, in the token of the last turn; whether one is filled is only said of those
    /// that may turn out to be empty. Features are left out.
    pub fn settled(&mut self, pixels: &Pixels) -> Vec<(Option<Net>, Slot)> {
        let bare = |[row, column]: [Net; 2]| Slot { features: Vec::new(), row, column };
        let Flow::Turns(turns) = pixels.flow else { return Vec::new() };
        if pixels.is_settled {
            return pixels.places.iter().map(|place| (None, bare(*place))).collect();
        }
        let active = match &pixels.updates {
            Some(updates) => updates.stays.clone(),
            None => pixels.slots.iter().map(|slot| self.is_active(slot)).collect(),
        };
        let active = self.collect(&turns, &active, pixels.places.len());
        let place = |(active, place): (Net, &[Net; 2])| (Some(active), bare(place.map(|at| self.gate(active, at))));
        active.into_iter().zip(&pixels.places).map(place).collect()
    }

    /// All slots at once.
    pub fn whole(&mut self, pixels: Pixels) -> Pixels {
        let Flow::Turns(turns) = pixels.flow else { return pixels };
        let places = self.settled(&pixels);
        let channels = pixels.slots.first().map_or(0, |slot| slot.features.len());
        let columns = (0..channels).map(|channel| {
            let lanes: Vec<_> = pixels.slots.iter().map(|slot| slot.features[channel]).collect();
            match &pixels.updates {
                Some(updates) => self.updated(updates, &lanes, &places),
                None => self.collect(&turns, &lanes, places.len()),
            }
        });
        let columns: Vec<_> = columns.collect();
        let slot =
            |(at, (_, place)): (usize, (_, Slot))| Slot { features: columns.iter().map(|column| column[at]).collect(), ..place };
        let slots = places.into_iter().enumerate().map(slot).collect();
        Pixels { slots, flow: Flow::Whole(turns.last), places: Vec::new(), is_settled: false, updates: None }
    }

    /// The same value, with no two pixels at a place in any token.
    pub fn consistent(&mut self, pixels: &Pixels) -> Pixels {
        if pixels.is_settled {
            return pixels.clone();
        }
        let act = pixels.flow.act();
        let mut placed =
            |slot: &Slot| Slot { row: self.gate(act, slot.row), column: self.gate(act, slot.column), ..slot.clone() };
        Pixels { slots: pixels.slots.iter().map(&mut placed).collect(), is_settled: true, ..pixels.clone() }
    }

    /// A feature of every slot, as of this token; zero in those that do not stay.
    fn updated(&mut self, updates: &Updates, lanes: &[Net], places: &[(Option<Net>, Slot)]) -> Vec<Net> {
        let range = lanes.iter().map(|lane| self.range(*lane)).fold(MantissaRange::ZERO, MantissaRange::hull);
        let slot = |(at, (stays, _)): (usize, &(Option<Net>, Slot))| {
            let writes: Vec<_> = updates.writes.iter().zip(lanes).map(|(writes, lane)| (writes[at], *lane)).collect();
            let enable = self.any(writes.iter().map(|(write, _)| *write));
            // With one lane the enable chooses the word.
            let new = if let [(_, lane)] = writes[..] { lane } else { self.one_word_of(&writes) };
            let kept = self.state(range);
            let now = self.select(enable, new, kept);
            let now = self.narrow(now, range);
            self.leave_if(kept, enable, new);
            match stays {
                Some(stays) => self.gate(*stays, now),
                None => now,
            }
        };
        places.iter().enumerate().map(slot).collect()
    }

    /// The word of those pairs (condition, word) whose condition is 1, which all have the same one; 0 if there is none.
    pub fn one_word_of(&mut self, pairs: &[(Net, Net)]) -> Net {
        let range = pairs.iter().map(|(_, word)| self.range(*word)).fold(MantissaRange::ZERO, MantissaRange::hull);
        let width = Format::holding(range, 0).width;
        let words: Vec<_> = pairs
            .iter()
            .map(|(condition, word)| {
                let word = if range.lo < 0 { self.bits(*word, 0, width) } else { *word };
                self.gate(*condition, word)
            })
            .collect();
        let word = self.any(words);
        let word = if range.lo < 0 { self.signed(word, width) } else { word };
        self.narrow(word, range)
    }

    /// `lanes` slots in a turn of `span` tokens, of a value that is there at once when `valid` is 1.
    pub fn in_turns(&mut self, slots: &[Slot], valid: Net, lanes: usize, span: usize) -> InTurns {
        let (turns, busy, token) = self.turns(valid, slots.len().div_ceil(lanes), span);
        let places = slots.iter().map(|slot| [slot.row, slot.column].map(|place| self.hold(valid, place))).collect();
        let words: Vec<_> = slots.iter().map(Slot::words).collect();
        let length = words.first().map_or(0, Vec::len);
        let columns: Vec<_> = (0..length)
            .map(|at| {
                let column: Vec<_> = words.iter().map(|slot| slot[at]).collect();
                self.shifter((valid, turns.act), span == 1, &column, lanes)
            })
            .collect();
        let slot = |at: usize| Slot::of(&columns.iter().map(|column| column[at]).collect::<Vec<_>>());
        let slots = (0..lanes).filter_map(slot).collect();
        let pixels = Pixels { slots, flow: Flow::Turns(turns), places, is_settled: true, updates: None };
        InTurns { pixels, turns, busy, token }
    }

    /// Whether a slot holds an active pixel
    pub fn is_active(&mut self, slot: &Slot) -> Net {
        let empty = self.is(slot.row, 0);
        self.not(empty)
    }
}
