//! One pass over the lanes that may be served: who is next, until each has to wait or is empty.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::{Class, Record};

use super::{OfApp, OfClass, Queue, Turn, Waits, Wake, Wanted};

/// Whoever could not or did not want to send for a while catches up on this much at most.
const LEAD: u64 = 16;

/// Messages of a mixed lane that are looked at in one round although those before them have to wait.
const LOOKS: usize = 64;

struct ClassInRound<'l> {
    given: &'l mut u64,
    cost: u64,
    apps: Vec<AppInRound<'l>>,
}

struct AppInRound<'l> {
    given: &'l mut u64,
    /// The one next to be served is in front.
    lanes: VecDeque<InRound<'l>>,
}

struct InRound<'l> {
    queue: &'l mut Queue,
    /// Those that had to wait in this round.
    missed: usize,
    found: bool,
}

/// Returns how many had their turn and left.
pub(super) fn run(
    classes: &mut [OfClass; Class::ALL.len()],
    wake: &Wake,
    mut serve: impl FnMut(Arc<Record>) -> Turn,
) -> usize {
    let mut round = begin(classes, wake);
    let mut left = 0;
    while let Some(class) = least(&mut round, |class| *class.given) {
        let of_class = &mut round[class];
        let Some(app) = least(&mut of_class.apps, |app| *app.given) else {
            round.swap_remove(class);
            continue;
        };
        let of_app = &mut of_class.apps[app];
        let Some(mut lane) = of_app.lanes.pop_front() else {
            of_class.apps.swap_remove(app);
            continue;
        };
        let queue = &mut *lane.queue;
        let Some(record) = queue.records.pop_front() else { continue };
        match serve(record) {
            Turn::Taken => {
                left += 1;
                *of_class.given += of_class.cost;
                *of_app.given += 1;
                queue.given += 1;
                queue.looks_in_vain = 0;
                lane.found = true;
                of_app.lanes.push_back(lane);
            }
            Turn::Wait(Waits { record, wanted, is_mixed }) => {
                // To the back: no order is promised, and what blocks the first need not block the next once the routing
                // table has changed.
                queue.records.push_back(record);
                lane.missed += 1;
                if is_mixed && lane.missed < queue.records.len().min(LOOKS) {
                    of_app.lanes.push_front(lane);
                    continue;
                }
                if is_mixed && !lane.found {
                    queue.looks_in_vain += lane.missed;
                }
                queue.waits_for = Some(wanted);
            }
        }
    }
    left
}

fn begin<'l>(classes: &'l mut [OfClass; Class::ALL.len()], wake: &Wake) -> Vec<ClassInRound<'l>> {
    let top = classes.iter().map(|of_class| of_class.given).max().unwrap_or(0);
    let in_round = |(class, of_class): (Class, &'l mut OfClass)| {
        let OfClass { given, apps } = of_class;
        *given = (*given).max(top.saturating_sub(LEAD));
        ClassInRound { given, cost: cost(class), apps: begin_apps(apps.values_mut(), wake) }
    };
    Class::ALL.into_iter().zip(classes).map(in_round).collect()
}

fn begin_apps<'l>(apps: impl Iterator<Item = &'l mut OfApp>, wake: &Wake) -> Vec<AppInRound<'l>> {
    let apps: Vec<&'l mut OfApp> = apps.collect();
    let top = apps.iter().map(|of_app| of_app.given).max().unwrap_or(0);
    let in_round = |of_app: &'l mut OfApp| {
        let OfApp { given, lanes } = of_app;
        *given = (*given).max(top.saturating_sub(LEAD));
        let mut lanes: Vec<&'l mut Queue> = lanes.values_mut().collect();
        let top = lanes.iter().map(|queue| queue.given).max().unwrap_or(0);
        lanes.retain_mut(|queue| {
            queue.given = queue.given.max(top.saturating_sub(LEAD));
            if queue.waits_for.as_ref().is_some_and(|waits_for| wake.concerns(waits_for)) {
                queue.waits_for = None;
            }
            queue.waits_for.is_none() && !queue.records.is_empty()
        });
        lanes.sort_by_key(|queue| queue.given);
        let in_round = |queue| InRound { queue, missed: 0, found: false };
        AppInRound { given, lanes: lanes.into_iter().map(in_round).collect() }
    };
    apps.into_iter().map(in_round).filter(|of_app| !of_app.lanes.is_empty()).collect()
}

/// What one message counts for: of every 26 slots that all want, otp gets 16, transactional 8 and marketing 2.
fn cost(class: Class) -> u64 {
    match class {
        Class::Otp => 1,
        Class::Transactional => 2,
        Class::Marketing => 8,
    }
}

impl Wake {
    fn concerns(&self, waits_for: &[Wanted]) -> bool {
        match self {
            Self::All => true,
            Self::Connections(freed) => waits_for.iter().any(|wanted| freed.contains(&wanted.connection)),
        }
    }
}

fn least<T>(contenders: &mut [T], given: impl Fn(&T) -> u64) -> Option<usize> {
    contenders.iter().enumerate().min_by_key(|(_, contender)| given(contender)).map(|(index, _)| index)
}
