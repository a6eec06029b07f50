//! The loop of a connection: wait for anything, do all that it brings, and at last close.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::handle::{Answer, Ending};
use super::{Broken, Connection, Handler};
use crate::frame;
use crate::session::{CloseReason, Event, State};

/// How much room a read is given: a few hundred PDUs.
const READ_ROOM: usize = 64 * 1024;

/// How many queued items are taken at one time.
const BATCH: usize = 1024;

/// What ended the waiting.
enum Woken {
    Wished,
    Wrote(io::Result<()>),
    Read(io::Result<usize>),
    Other,
}

impl<S, T> Connection<S, T>
where
    S: AsyncRead + AsyncWrite,
    T: Clone + Send,
{
    /// Drives the connection to its end, and says why it ended.
    pub async fn run<H: Handler<T>>(mut self, handler: &mut H) -> CloseReason {
        let reason = loop {
            self.deliver(handler);
            if let Some(reason) = self.ended() {
                break reason;
            }
            match self.wait().await {
                Woken::Wished => self.obey(),
                Woken::Wrote(result) => self.wrote(result),
                Woken::Read(result) => self.read(result),
                Woken::Other => {}
            }
            self.take_queued();
            self.keep_time();
        };
        self.finish(reason, handler).await
    }

    /// Waits until something can be done. Each of the futures may be dropped at any point without losing anything.
    async fn wait(&mut self) -> Woken {
        if !self.output.events.is_empty() {
            tokio::task::yield_now().await;
            return Woken::Other;
        }
        let deadline = self.next_deadline();
        if let Some(deadline) = deadline {
            self.arm(deadline);
        }
        let flooded = self.is_flooded();
        let wishing = self.inlets.wishes.has_changed().is_ok();
        let writing = self.broken.is_none() && !self.outflow.is_idle(&self.output.bytes);
        let reading = !flooded || self.broken.is_some();
        // A queue whose senders are all gone answers at once, for ever.
        let answers_over = self.inlets.answers.is_closed() && self.inlets.answers.is_empty();
        let answering = !flooded && !answers_over;
        let requests = self.room_for_requests();
        make_room(&mut self.inbox);
        tokio::select! {
            biased;
            _ = self.inlets.wishes.changed(), if wishing => Woken::Wished,
            result = self.outflow.push(&mut self.writer, &mut self.output.bytes), if writing => Woken::Wrote(result),
            result = self.reader.read_buf(&mut self.inbox), if reading => Woken::Read(result),
            _ = self.inlets.answers.recv_many(&mut self.answers, BATCH), if answering => Woken::Other,
            _ = self.inlets.requests.recv_many(&mut self.taken, requests), if requests > 0 => Woken::Other,
            () = self.sleep.as_mut(), if deadline.is_some() => Woken::Other,
        }
    }

    /// Hands over the events, and does what the handler wants done.
    fn deliver<H: Handler<T>>(&mut self, handler: &mut H) {
        if self.output.events.is_empty() {
            return;
        }
        handler.events(&mut self.output.events, &mut self.commands);
        self.output.events.clear();
        self.answers.append(&mut self.commands.answers);
        self.taken.append(&mut self.commands.requests);
        self.do_taken();
        self.end(self.commands.ending);
    }

    fn obey(&mut self) {
        let wishes = *self.inlets.wishes.borrow_and_update();
        self.session.set_window(wishes.window);
        self.end(wishes.ending);
    }

    fn end(&mut self, ending: Ending) {
        match ending {
            Ending::NotYet => {}
            Ending::Unbind => {
                self.inlets.requests.close();
                self.give_back_requests();
                self.session.unbind(self.now(), &mut self.output);
            }
            Ending::Abort => self.over = Some(CloseReason::Aborted),
        }
    }

    fn wrote(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            let until = self.now().saturating_add(self.settings.linger);
            self.broken = Some(Broken { reason: CloseReason::Broken(error.to_string()), until });
        }
    }

    fn read(&mut self, result: io::Result<usize>) {
        let loss = match result {
            Ok(0) => CloseReason::PeerClosed,
            Ok(_) => return self.take_frames(),
            Err(error) => CloseReason::Broken(error.to_string()),
        };
        let loss = self.broken.take().map_or(loss, |broken| broken.reason);
        self.over = Some(self.session.reason_of_loss(loss));
    }

    fn take_frames(&mut self) {
        let now = self.now();
        while self.session.closing().is_none() {
            let max_length = match self.session.state() {
                State::Bound(_) | State::Unbinding(_) => self.settings.max_frame,
                State::Open | State::Outbound | State::Closed => self.settings.max_frame_unbound,
            };
            match frame::cut(&mut self.inbox, max_length) {
                Ok(Some(frame)) => self.session.receive(frame, now, &mut self.output),
                Ok(None) => return,
                Err(error) => self.session.receive_bad_length(error, &mut self.output),
            }
        }
    }

    /// Takes what is queued beside what woke us, so that one write carries all of it.
    fn take_queued(&mut self) {
        if !self.is_flooded() {
            while self.answers.len() < BATCH {
                let Ok(answer) = self.inlets.answers.try_recv() else { break };
                self.answers.push(answer);
            }
        }
        while self.taken.len() < self.room_for_requests() {
            let Ok(request) = self.inlets.requests.try_recv() else { break };
            self.taken.push(request);
        }
        self.do_taken();
    }

    fn do_taken(&mut self) {
        let now = self.now();
        for answer in self.answers.drain(..) {
            let done = match answer {
                Answer::Response { sequence_number, outgoing } => {
                    self.session.respond(sequence_number, &outgoing, &mut self.output)
                }
                Answer::Notice(notice) => self.session.notice(&notice, &mut self.output),
                Answer::Bind(bind) => self.session.bind(&bind, now, &mut self.output),
            };
            if !done {
                tracing::debug!("what was to be sent fits no request or no state of the session");
            }
        }
        self.backlog.extend(self.taken.drain(..));
        while self.session.free_slots() > 0 && !self.is_flooded() {
            let Some((token, request)) = self.backlog.pop_front() else { break };
            self.session.request(token, &request, now, &mut self.output);
        }
    }

    fn keep_time(&mut self) {
        let now = self.now();
        if self.session.next_deadline().is_some_and(|deadline| now >= deadline) {
            self.session.tick(now, &mut self.output);
        }
        self.outflow.observe(self.session.queued(), now);
        if self.stalls_at().is_some_and(|at| now >= at) {
            self.over = Some(CloseReason::WriteStalled);
        }
        if let Some(broken) = self.broken.take_if(|broken| now >= broken.until) {
            self.over = Some(broken.reason);
        }
    }

    async fn finish<H: Handler<T>>(mut self, reason: CloseReason, handler: &mut H) -> CloseReason {
        // To a line that counts as dead nobody listens.
        let writable = !matches!(
            reason,
            CloseReason::Broken(_) | CloseReason::WriteStalled | CloseReason::LinkDead | CloseReason::Aborted
        );
        if writable && timeout(self.settings.linger, self.say_goodbye()).await.is_err() {
            tracing::debug!("the last bytes of a connection did not leave in time");
        }
        self.inlets.requests.close();
        self.give_back_requests();
        self.session.closed(reason.clone(), self.outflow.written(), &mut self.output);
        handler.events(&mut self.output.events, &mut self.commands);
        reason
    }

    /// Writes what is left, and reads to the end of the stream: a socket closed with unread bytes in it is reset, and the
    /// reset overtakes what was written.
    async fn say_goodbye(&mut self) -> io::Result<()> {
        while !self.outflow.is_idle(&self.output.bytes) {
            self.outflow.push(&mut self.writer, &mut self.output.bytes).await?;
        }
        self.writer.shutdown().await?;
        loop {
            self.inbox.clear();
            make_room(&mut self.inbox);
            if self.reader.read_buf(&mut self.inbox).await? == 0 {
                return Ok(());
            }
        }
    }

    fn give_back_requests(&mut self) {
        let taken = self.taken.drain(..).chain(self.backlog.drain(..));
        self.output.events.extend(taken.map(|(token, _)| Event::NotSent { token }));
        while let Ok((token, _)) = self.inlets.requests.try_recv() {
            self.output.events.push(Event::NotSent { token });
        }
    }

    fn ended(&self) -> Option<CloseReason> {
        self.over.as_ref().or_else(|| self.session.closing()).cloned()
    }

    fn is_flooded(&self) -> bool {
        self.output.bytes.len() > self.settings.write_limit
    }

    fn room_for_requests(&self) -> usize {
        let exhausted = self.inlets.requests.is_closed() && self.inlets.requests.is_empty();
        if exhausted || self.is_flooded() || !self.backlog.is_empty() {
            return 0;
        }
        self.session.free_slots().min(BATCH)
    }

    fn stalls_at(&self) -> Option<Duration> {
        self.outflow.waiting_since().map(|since| since.saturating_add(self.settings.stall_timeout))
    }

    fn next_deadline(&self) -> Option<Duration> {
        let broken = self.broken.as_ref().map(|broken| broken.until);
        [self.session.next_deadline(), self.stalls_at(), broken].into_iter().flatten().min()
    }

    /// Sets the timer, unless it goes off earlier anyway: setting it is dearer than waking once for nothing.
    fn arm(&mut self, deadline: Duration) {
        let at = self.opened.checked_add(deadline).unwrap_or(self.opened);
        if self.sleep.is_elapsed() || self.sleep.deadline() > at {
            self.sleep.as_mut().reset(at);
        }
    }

    fn now(&self) -> Duration {
        self.opened.elapsed()
    }
}

fn make_room(inbox: &mut BytesMut) {
    if inbox.capacity().saturating_sub(inbox.len()) < READ_ROOM / 4 {
        inbox.reserve(READ_ROOM);
    }
}
