//! What a route makes of a text, compiled: the text that it would send, or why it carries none.
//!
//! What it takes to work out is bounded: texts have so many octets at most before and after each rule, patterns are
//! small, and their engine never goes back.

use std::borrow::Cow;

use domain::plan::Exclusion;
use domain::rewritten::Edit;
use domain::segment::{MAX_SENT, Segmentation, segment};
use domain::{Encoding, Rewritten, RouteId, gsm7};
use regex::Regex;

use crate::choose::Text;
use crate::table::Request;
use crate::table::senders::Scope;

/// Octets. The most segments take 3060 characters, of three octets where each becomes one of GSM 03.38.
const TOO_LONG: usize = 16 * 1024;

/// All that a route says of content.
#[derive(Clone, Debug)]
pub(crate) struct ContentPolicies {
    /// The first whose scope fits the message decides.
    pub(crate) by: Box<[(Scope, ContentPolicy)]>,
    pub(crate) otherwise: ContentPolicy,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ContentPolicy {
    pub(crate) rewrite: Box<[Rewriting]>,
    pub(crate) prefix: Addition,
    pub(crate) suffix: Addition,
    pub(crate) transliterates: bool,
    pub(crate) encodings: Option<Box<[Encoding]>>,
    pub(crate) must_match: Option<Regex>,
    pub(crate) max_segments: Option<u8>,
}

/// What goes before or behind a text that does not have it there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addition {
    /// Empty: nothing.
    pub(crate) text: Box<str>,
    /// As it leaves where the text is transliterated, if that is otherwise.
    plain: Option<Box<str>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Rewriting {
    pub(crate) from: From,
    pub(crate) to: Box<str>,
}

#[derive(Clone, Debug)]
pub(crate) enum From {
    Literal(Box<str>),
    /// `to` may refer to its groups.
    Pattern(Regex),
}

impl ContentPolicies {
    /// The text that the route would send in the place of the message's own; None: that one as it is.
    pub(crate) fn rewritten(
        &self,
        route: &RouteId,
        request: &Request<'_>,
    ) -> Result<Option<Box<Rewritten>>, Exclusion> {
        let entry = self.entry_for(request);
        let policy = match entry.and_then(|at| self.by.get(at)) {
            Some((_, policy)) => policy,
            None => &self.otherwise,
        };
        let (made, text) = match request.facts.text {
            Text::Unknown(sent) => {
                let sent = sent.iter().find(|(of, _)| of == route);
                return Ok(sent.map(|(_, segments)| as_then(*segments, request)));
            }
            Text::InParts(text) => (Made::of(text), text),
            Text::Whole(text) => (policy.make(text)?, text),
        };
        policy.carries(&made)?;
        let Made { text: made, cut, edits } = made;
        // Edits may cancel each other out: what leaves is then the text as it was.
        if edits.is_empty() || made == text {
            return Ok(None);
        }
        let entry = entry.and_then(|at| u16::try_from(at).ok());
        Ok(Some(Box::new(Rewritten::new(made.into_owned(), &cut, entry, edits))))
    }

    /// Which entry of `content_by` decides, counted from zero; None when it is `content`.
    pub(crate) fn entry_for(&self, request: &Request<'_>) -> Option<usize> {
        self.by.iter().position(|(scope, _)| scope.holds(request))
    }
}

/// What a text came to of which nobody has a word any more: that of a replay, and never stored.
fn as_then(segments: u8, request: &Request<'_>) -> Box<Rewritten> {
    let encoding = request.facts.features.encoding;
    Box::new(Rewritten { text: Box::default(), encoding, segments, entry: None, edits: Vec::new() })
}

/// A text as it would be sent.
struct Made<'t> {
    text: Cow<'t, str>,
    cut: Segmentation,
    edits: Vec<Edit>,
}

impl<'t> Made<'t> {
    fn of(text: &'t str) -> Self {
        Self { text: Cow::Borrowed(text), cut: segment(text), edits: Vec::new() }
    }
}

impl ContentPolicy {
    /// What becomes of the text; whether the route carries that is another question.
    fn make<'t>(&self, text: &'t str) -> Result<Made<'t>, Exclusion> {
        let mut made = Made::of(text);
        for (at, rewriting) in self.rewrite.iter().enumerate() {
            let (text, times) = rewriting.apply(&made.text);
            if times > 0 {
                let at = u8::try_from(at).unwrap_or(u8::MAX);
                made = within_limit(text, made.edits, Edit::Rewrite { at, times })?;
            }
        }
        if !self.prefix.forms().any(|form| made.text.starts_with(form)) {
            made = within_limit(format!("{}{}", self.prefix.text, made.text), made.edits, Edit::Prefix)?;
        }
        if !self.suffix.forms().any(|form| made.text.ends_with(form)) {
            made = within_limit(format!("{}{}", made.text, self.suffix.text), made.edits, Edit::Suffix)?;
        }
        if self.transliterates
            && let Some((text, changed)) = gsm7::transliterate(&made.text)
        {
            let cut = segment(&text);
            // An ellipsis becomes three full stops: a text of many may grow. It still goes where nothing else would.
            if cut.segments.len() <= made.cut.segments.len() || !self.carries_encoding(Encoding::Ucs2) {
                made = within_limit(text, made.edits, Edit::Transliterate(changed))?;
            }
        }
        Ok(made)
    }

    fn carries(&self, made: &Made<'_>) -> Result<(), Exclusion> {
        if !self.carries_encoding(made.cut.encoding) {
            return Err(Exclusion::Encoding);
        }
        let limit = self.max_segments.map_or(MAX_SENT, usize::from);
        if made.cut.segments.len() > limit {
            return Err(Exclusion::TooManySegments);
        }
        if self.must_match.as_ref().is_some_and(|pattern| !pattern.is_match(&made.text)) {
            return Err(Exclusion::TextMismatch);
        }
        Ok(())
    }

    fn carries_encoding(&self, encoding: Encoding) -> bool {
        self.encodings.as_ref().is_none_or(|carried| carried.contains(&encoding))
    }

    /// Whether what it adds can leave at all: None, or why it cannot.
    pub(crate) fn additions_misfit(&self) -> Option<Exclusion> {
        let without_others = Self { rewrite: Box::default(), must_match: None, ..self.clone() };
        let made = without_others.make("");
        let misfit = made.and_then(|made| without_others.carries(&made)).err();
        // Whatever it adds can leave as UCS-2, with a text that has to.
        misfit.filter(|misfit| *misfit != Exclusion::Encoding || !self.carries_encoding(Encoding::Ucs2))
    }
}

/// No rule works on a text of any length. How many segments it takes is asked at the end: what comes may shorten it.
fn within_limit<'t>(text: String, mut edits: Vec<Edit>, edit: Edit) -> Result<Made<'t>, Exclusion> {
    if text.len() > TOO_LONG {
        return Err(Exclusion::TooManySegments);
    }
    let cut = segment(&text);
    edits.push(edit);
    Ok(Made { text: Cow::Owned(text), cut, edits })
}

impl Addition {
    pub(crate) fn new(text: &str, transliterates: bool) -> Self {
        let plain = transliterates.then(|| gsm7::transliterate(text)).flatten();
        Self { text: text.into(), plain: plain.map(|(plain, _)| plain.into()) }
    }

    /// Those that count as it.
    fn forms(&self) -> impl Iterator<Item = &str> {
        [Some(&*self.text), self.plain.as_deref()].into_iter().flatten()
    }
}

impl Rewriting {
    /// The text with what it found replaced, and how often it found something. It ends where the text is too long to be
    /// sent.
    fn apply(&self, text: &str) -> (String, u16) {
        let mut times: u16 = 0;
        let mut written = String::new();
        let mut end = 0;
        match &self.from {
            From::Literal(from) => {
                for (start, found) in text.match_indices(&**from) {
                    written.push_str(text.get(end..start).unwrap_or_default());
                    written.push_str(&self.to);
                    end = start + found.len();
                    times = times.saturating_add(1);
                    if written.len() > TOO_LONG {
                        break;
                    }
                }
            }
            From::Pattern(pattern) => {
                for groups in pattern.captures_iter(text) {
                    let found = groups.get_match();
                    written.push_str(text.get(end..found.start()).unwrap_or_default());
                    groups.expand(&self.to, &mut written);
                    end = found.end();
                    times = times.saturating_add(1);
                    if written.len() > TOO_LONG {
                        break;
                    }
                }
            }
        }
        written.push_str(text.get(end..).unwrap_or_default());
        (written, times)
    }
}

#[cfg(test)]
mod tests;
