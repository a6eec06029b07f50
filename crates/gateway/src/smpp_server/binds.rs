//! Who is bound, and the way to an app's binds for whatever has to be told it.

use std::net::IpAddr;
use std::sync::Arc;

use domain::AppId;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use smpp_wire::connection::Handle;
use smpp_wire::pdu::Outgoing;
use tokio::sync::oneshot;

use super::accounts::Open;

/// The binds of all apps.
#[derive(Default)]
pub struct Binds {
    /// Locked for moments, at a bind, at its end, and for each receipt.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_app: FxHashMap<AppId, Vec<Bind>>,
    last: u64,
}

struct Bind {
    number: u64,
    account: Arc<Open>,
    peer: IpAddr,
    receives: bool,
    handle: Handle<Token>,
}

/// A receipt on its way: whoever waits for its answer.
pub(super) type Token = Arc<Mutex<Option<oneshot::Sender<Answer>>>>;

/// What became of a receipt on a bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Taken,
    /// Refused for now, or not answered.
    NotNow,
    /// The line ended first.
    LineLost,
}

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    Answered(Answer),
    /// No bind of the app receives, or none has room.
    NobodyThere,
    AllBusy,
}

impl Binds {
    /// None when the account has as many binds as it may have.
    pub(super) fn add(
        &self,
        account: &Arc<Open>,
        peer: IpAddr,
        receives: bool,
        handle: Handle<Token>,
    ) -> Option<u64> {
        let now = account.account();
        let mut state = self.state.lock();
        state.last += 1;
        let number = state.last;
        let binds = state.by_app.entry(now.app.clone()).or_default();
        if binds.len() >= now.max_binds {
            return None;
        }
        binds.push(Bind { number, account: Arc::clone(account), peer, receives, handle });
        Some(number)
    }

    pub(super) fn remove(&self, app: &AppId, number: u64) {
        let mut state = self.state.lock();
        if let Some(binds) = state.by_app.get_mut(app) {
            binds.retain(|bind| bind.number != number);
            if binds.is_empty() {
                state.by_app.remove(app);
            }
        }
    }

    /// Unbinds those that would not be let in any more.
    pub(super) fn end_unless(&self, is_admitted: impl Fn(&Arc<Open>, IpAddr) -> bool) {
        let state = self.state.lock();
        let gone = state.by_app.values().flatten().filter(|bind| !is_admitted(&bind.account, bind.peer));
        gone.for_each(|bind| bind.handle.close());
    }

    /// Sends on one of the app's binds, each in its turn, and waits for the answer.
    pub(super) async fn deliver(&self, app: &AppId, outgoing: &Outgoing) -> Delivered {
        let (answer, answered) = oneshot::channel();
        // Let go of here, so that a line that ends without a word of it is noticed.
        match self.send(app, Arc::new(Mutex::new(Some(answer))), outgoing) {
            Ok(()) => Delivered::Answered(answered.await.unwrap_or(Answer::LineLost)),
            Err(nowhere) => nowhere,
        }
    }

    fn send(&self, app: &AppId, token: Token, outgoing: &Outgoing) -> Result<(), Delivered> {
        let mut state = self.state.lock();
        let binds = state.by_app.get_mut(app).ok_or(Delivered::NobodyThere)?;
        let mut nowhere = Delivered::NobodyThere;
        for place in 0..binds.len() {
            if !binds[place].receives || binds[place].handle.is_closed() {
                continue;
            }
            if binds[place].handle.try_request(Arc::clone(&token), outgoing.clone()).is_ok() {
                // The next receipt begins with another one.
                binds.rotate_left(place + 1);
                return Ok(());
            }
            nowhere = Delivered::AllBusy;
        }
        Err(nowhere)
    }
}

/// Tells whoever waits for the receipt.
pub(super) fn tell(token: &Token, answer: Answer) {
    if let Some(waiting) = token.lock().take() {
        // Nobody waits any more when the process is stopping.
        waiting.send(answer).ok();
    }
}
