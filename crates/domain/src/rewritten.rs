//! What a route makes of a message's text before it sends it.

use minicbor::{Decode, Encode};

use crate::segment::{self, Encoding, Segmentation};

/// A text in the place of the message's own, for one attempt: it is what leaves, so whatever is counted or paid is of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rewritten {
    /// Empty once the texts of its day were dropped.
    #[n(0)]
    pub text: Box<str>,
    #[n(1)]
    pub encoding: Encoding,
    #[n(2)]
    pub segments: u8,
    /// Which entry of the route's `content_by` changed it, counted from zero as in the configuration; None when it was
    /// its `content`.
    #[n(3)]
    pub entry: Option<u16>,
    /// In the order in which they were made. At least one.
    #[n(4)]
    pub edits: Vec<Edit>,
}

/// One rule that changed the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Edit {
    /// An entry of `rewrite`, counted from zero, changed the text in so many places.
    #[n(0)]
    Rewrite {
        #[n(0)]
        at: u8,
        #[n(1)]
        times: u16,
    },
    #[n(1)]
    Prefix,
    #[n(2)]
    Suffix,
    /// So many characters became ones of GSM 03.38.
    #[n(3)]
    Transliterate(#[n(0)] u16),
}

impl Rewritten {
    #[must_use]
    pub fn new(text: String, cut: &Segmentation, entry: Option<u16>, edits: Vec<Edit>) -> Self {
        let segments = u8::try_from(cut.segments.len()).unwrap_or(u8::MAX);
        Self { text: text.into(), encoding: cut.encoding, segments, entry, edits }
    }

    /// What of the configuration made an edit, such as `content_by[1].rewrite[0]`.
    #[must_use]
    pub fn place(&self, edit: Edit) -> String {
        let entry = self.entry.map_or_else(|| "content".to_owned(), |at| format!("content_by[{at}]"));
        format!("{entry}.{}", edit.key())
    }

    /// `rewrite[0], prefix; 2 segments as gsm7`: never a word of the text.
    #[must_use]
    pub fn in_words(&self) -> String {
        let edits: Vec<_> = self.edits.iter().map(|edit| self.place(*edit)).collect();
        let noun = if self.segments == 1 { "segment" } else { "segments" };
        format!("{}: {} {noun} as {}", edits.join(", "), self.segments, self.encoding.as_str())
    }
}

impl Edit {
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Rewrite { at, .. } => format!("rewrite[{at}]"),
            Self::Prefix => "prefix".to_owned(),
            Self::Suffix => "suffix".to_owned(),
            Self::Transliterate(_) => "transliterate".to_owned(),
        }
    }

    /// In how many places of the text.
    #[must_use]
    pub fn times(self) -> u16 {
        match self {
            Self::Rewrite { times, .. } | Self::Transliterate(times) => times,
            Self::Prefix | Self::Suffix => 1,
        }
    }
}

/// The parts of a text as they go out.
#[must_use]
pub fn parts_of(text: &str) -> Vec<Box<str>> {
    let cut = segment::segment(text);
    cut.segments.into_iter().filter_map(|range| text.get(range)).map(Box::from).collect()
}
