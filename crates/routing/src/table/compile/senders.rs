//! Compiles what routes say of senders.

use std::collections::HashMap;

use domain::{Class, Sender};

use crate::operator::Operator;
use crate::problem::Path;
use crate::settings::{Route, Senders};
use crate::table::compile::Compiler;
use crate::table::conditions::OneOf;
use crate::table::senders::{Member, Pattern, Scope, SenderPolicies, SenderPolicy};

/// For which messages an entry of a route holds, as the settings write it.
pub(super) struct Scoped<'s> {
    pub(super) countries: Option<&'s Vec<String>>,
    pub(super) operators: Option<&'s Vec<String>>,
    pub(super) classes: Option<&'s Vec<Class>>,
}

impl Compiler<'_> {
    pub(super) fn senders(&mut self, path: &Path, route: &Route) -> SenderPolicies {
        let list = path.key("senders_by");
        let mut by = Vec::with_capacity(route.senders_by.len());
        for (at, entry) in route.senders_by.iter().enumerate() {
            let here = list.index(at);
            let scoped = Scoped {
                countries: entry.countries.as_ref(),
                operators: entry.operators.as_ref(),
                classes: entry.classes.as_ref(),
            };
            let scope = self.scope(&here, &scoped, "senders");
            by.push((scope, self.sender_policy(&here, &entry.senders())));
        }
        SenderPolicies { by: by.into(), otherwise: self.sender_policy(&path.key("senders"), &route.senders) }
    }

    /// `otherwise` is the key of the route that is for the messages of no entry.
    pub(super) fn scope(&mut self, path: &Path, scoped: &Scoped<'_>, otherwise: &str) -> Scope {
        if scoped.countries.is_none() && scoped.operators.is_none() && scoped.classes.is_none() {
            let message = format_args!(
                "say for which `countries`, `operators` or `classes`: `{otherwise}` is for all others"
            );
            self.problems.add(path.clone(), message);
        }
        if let Some(classes) = scoped.classes {
            self.refuse_empty(&path.key("classes"), classes);
        }
        let operators = self.each(path.key("operators"), scoped.operators, |text| text.parse::<Operator>());
        Scope {
            countries: OneOf::new(
                scoped.countries.map(|names| self.countries(&path.key("countries"), names)),
            ),
            operators: OneOf::new(operators),
            classes: OneOf::new(scoped.classes.cloned()),
        }
    }

    fn sender_policy(&mut self, path: &Path, senders: &Senders) -> SenderPolicy {
        let Senders { forced, rewrite, allow, allow_senders, default, pool } = senders;
        let others = !rewrite.is_empty()
            || allow.is_some()
            || allow_senders.is_some()
            || default.is_some()
            || !pool.is_empty();
        if forced.is_some() && others {
            let message = "a forced sender is on every message: leave the other keys out";
            self.problems.add(path.key("forced"), message);
        }
        if default.is_some() && !pool.is_empty() {
            let message = "a pool takes the place of a default: leave one of them out";
            self.problems.add(path.key("default"), message);
        }
        let mut rewritten = Vec::with_capacity(rewrite.len());
        for (at, entry) in rewrite.iter().enumerate() {
            let here = path.key("rewrite").index(at);
            let from = self.problems.keep(here.key("from"), Pattern::read(&entry.from));
            let to = self.problems.read::<Sender>(here.key("to"), &entry.to);
            rewritten.extend(from.zip(to));
        }
        let patterns = self.each(path.key("allow_senders"), allow_senders.as_ref(), Pattern::read);
        SenderPolicy {
            forced: self.sender(path.key("forced"), forced.as_deref()),
            rewrite: rewritten.into(),
            kinds: allow.clone().map(Into::into),
            patterns: patterns.map(Into::into),
            default: self.sender(path.key("default"), default.as_deref()),
            pool: self.pool(&path.key("pool"), senders).into(),
        }
    }

    fn sender(&mut self, path: Path, text: Option<&str>) -> Option<Sender> {
        self.problems.read(path, text?)
    }

    fn pool(&mut self, list: &Path, senders: &Senders) -> Vec<Member> {
        let mut members = Vec::with_capacity(senders.pool.len());
        let mut seen = HashMap::new();
        for (at, member) in senders.pool.iter().enumerate() {
            let here = list.index(at);
            let Some(sender) = self.problems.read::<Sender>(here.clone(), &member.sender) else { continue };
            let first = *seen.entry(sender.clone()).or_insert(at);
            if first != at {
                self.problems.add(here, format_args!("`{sender}` is in {} already", list.index(first)));
                continue;
            }
            members.push(Member::new(sender, member.weight.unwrap_or(1)));
        }
        if !senders.pool.is_empty() && senders.pool.iter().all(|member| member.weight == Some(0)) {
            self.problems.add(list.clone(), "all weights are zero: no sender would be drawn");
        }
        members
    }
}
