//! Which sender a route puts on a message: the asked one, another in its place, or none that it may carry.

use domain::address::{Sender, SenderKind};
use domain::plan::Exclusion;
use domain::{Class, Country};

use crate::choose::rendezvous::{self, Draw};
use crate::operator::Operator;
use crate::table::Request;
use crate::table::conditions::OneOf;

/// All that a route says of senders.
#[derive(Clone, Debug, Default)]
pub(crate) struct SenderPolicies {
    /// The first whose scope fits the message decides.
    pub(crate) by: Box<[(Scope, SenderPolicy)]>,
    pub(crate) otherwise: SenderPolicy,
}

/// For which of a route's messages something holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) countries: OneOf<Country>,
    pub(crate) operators: OneOf<Operator>,
    pub(crate) classes: OneOf<Class>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SenderPolicy {
    pub(crate) forced: Option<Sender>,
    pub(crate) rewrite: Box<[(Pattern, Sender)]>,
    /// None of both: every sender, unless there is a pool.
    pub(crate) kinds: Option<Box<[SenderKind]>>,
    pub(crate) patterns: Option<Box<[Pattern]>>,
    pub(crate) default: Option<Sender>,
    pub(crate) pool: Box<[Member]>,
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) sender: Sender,
    pub(crate) weight: u32,
    /// By the sender alone: a recipient hears from the same one on every route that has it.
    salt: u64,
}

/// A sender, or a text with `*` for any signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Box<str>);

impl SenderPolicies {
    /// The sender to put on the message; None leaves it to the vendor.
    pub(crate) fn sender_for(&self, request: &Request<'_>) -> Result<Option<Sender>, Exclusion> {
        let policy = match self.entry_for(request).and_then(|at| self.by.get(at)) {
            Some((_, policy)) => policy,
            None => &self.otherwise,
        };
        policy.sender_for(request)
    }

    /// Whether a kind of sender is carried as it is, where nothing but the kind decides; None where more does.
    pub(crate) fn kinds_alone(&self) -> Option<impl Fn(SenderKind) -> bool + '_> {
        let SenderPolicy { forced, rewrite, kinds, patterns, default: _, pool } = &self.otherwise;
        let decides_more = !self.by.is_empty()
            || forced.is_some()
            || !rewrite.is_empty()
            || patterns.is_some()
            || !pool.is_empty();
        let carries = move |kind| kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind));
        (!decides_more).then_some(carries)
    }

    /// Which entry of `senders_by` decides, counted from zero; None when it is `senders`.
    pub(crate) fn entry_for(&self, request: &Request<'_>) -> Option<usize> {
        self.by.iter().position(|(scope, _)| scope.holds(request))
    }
}

impl Scope {
    pub(crate) fn holds(&self, request: &Request<'_>) -> bool {
        self.classes.holds(Some(&request.facts.class))
            && self.countries.holds(request.facts.country.as_ref())
            && self.operators.holds(request.operator.as_ref())
    }
}

impl SenderPolicy {
    fn sender_for(&self, request: &Request<'_>) -> Result<Option<Sender>, Exclusion> {
        if let Some(forced) = &self.forced {
            return Ok(Some(forced.clone()));
        }
        let asked = request.facts.from;
        if let Some(asked) = asked {
            if let Some((_, to)) = self.rewrite.iter().find(|(from, _)| from.fits(asked)) {
                return Ok(Some(to.clone()));
            }
            if self.carries(asked) {
                return Ok(Some(asked.clone()));
            }
        }
        match (self.drawn(request.facts.to.as_str()).or(self.default.as_ref()), asked) {
            (Some(stand_in), _) => Ok(Some(stand_in.clone())),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Exclusion::Sender),
        }
    }

    fn carries(&self, asked: &Sender) -> bool {
        if self.kinds.is_none() && self.patterns.is_none() && self.pool.is_empty() {
            return true;
        }
        self.kinds.as_ref().is_some_and(|kinds| kinds.contains(&asked.kind()))
            || self.patterns.as_ref().is_some_and(|patterns| patterns.iter().any(|one| one.fits(asked)))
            || self.pool.iter().any(|member| member.weight > 0 && member.sender == *asked)
    }

    /// The member that the recipient keeps.
    fn drawn(&self, recipient: &str) -> Option<&Sender> {
        let members = self.pool.iter().filter(|member| member.weight > 0);
        let recipient = rendezvous::hash(recipient.as_bytes());
        let drawn = members.min_by_key(|member| Draw::new(member.salt, recipient, member.weight));
        drawn.map(|member| &member.sender)
    }
}

impl Member {
    pub(crate) fn new(sender: Sender, weight: u32) -> Self {
        let salt = rendezvous::hash(sender.as_str().as_bytes());
        Self { sender, weight, salt }
    }
}

impl Pattern {
    /// A sender as `Sender` writes it, or a text with `*` in it.
    ///
    /// # Errors
    /// When it is neither, in words.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if !text.contains('*') {
            let sender: Sender = text.parse().map_err(|bad: domain::address::BadSender| bad.to_string())?;
            return Ok(Self(sender.as_str().into()));
        }
        let is_possible = text.len() <= LONGEST_PATTERN && !text.chars().any(char::is_control);
        if !is_possible {
            return Err(format!(
                "`{text}` fits no sender: a pattern has at most {LONGEST_PATTERN} signs, such as +1202* or SHOP*"
            ));
        }
        Ok(Self(text.into()))
    }

    pub(crate) fn fits(&self, sender: &Sender) -> bool {
        fits(&self.0, sender.as_str())
    }
}

const LONGEST_PATTERN: usize = 40;

/// Greedy from the left, which finds a fit whenever there is one.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return left.ends_with(piece);
        }
        let Some(at) = left.find(piece) else { return false };
        left = left.get(at + piece.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests;
