//! Whatever a vendor does, each part is answered once, no window is exceeded, and every slot comes back.

use std::collections::{BTreeMap, VecDeque};

use connectors::Connector;
use domain::record::Answer;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use smpp_wire::pdu::Received;
use smpp_wire::session::Event;
use smpp_wire::status::CommandStatus;

use crate::lab::{Lab, seconds, submission};
use crate::vendor::Vendor;

const WINDOW: usize = 4;
const TEXTS: u128 = 300;
const PARTS: [&str; 3] = ["one", "two", "three"];

/// Every answer of every part, in order.
type Answers = BTreeMap<(u128, u8), Vec<Answer>>;

struct Soak {
    rng: StdRng,
    lab: Lab,
    vendor: Vendor,
    /// What the vendor has not answered in this session, and still may.
    unanswered: VecDeque<Received>,
    answers: Answers,
    submitted: BTreeMap<u128, u8>,
}

impl Soak {
    /// Submits what there is room for.
    fn submit(&mut self, next: &mut u128) {
        while *next < TEXTS
            && let Ok(slot) = self.lab.client.reserve()
        {
            let parts = self.rng.random_range(1..=3);
            self.lab.client.submit(slot, submission(*next, PARTS.get(..parts).unwrap()));
            self.submitted.insert(*next, u8::try_from(parts).unwrap());
            *next += 1;
            let is_done = |(text, parts): (&u128, &u8)| self.answers.contains_key(&(*text, parts - 1));
            let under_way = self.submitted.iter().filter(|text| !is_done(*text)).count();
            assert!(under_way <= WINDOW, "{under_way} texts are under way");
        }
    }

    fn note_answers(&mut self) {
        while let Ok(answered) = self.lab.told.answers.try_recv() {
            let key = (answered.message.as_u128(), answered.part);
            self.answers.entry(key).or_default().push(answered.answer);
        }
    }

    fn hear(&mut self) {
        while let Some(event) = self.vendor.heard() {
            if let Event::Request { received } = event {
                self.unanswered.push_back(received);
            }
        }
    }

    /// The vendor does something, and sometimes what it should not.
    async fn act(&mut self) {
        let dice = self.rng.random_range(0..100);
        if dice < 2 {
            self.unanswered.clear();
            let next = self.lab.vendor_after_cut(&mut self.vendor).await;
            self.vendor = next;
            return;
        }
        let Some(submit) = self.unanswered.pop_front() else { return };
        match dice {
            2..70 => self.vendor.accept(&submit, "id"),
            70..80 => self.vendor.refuse(&submit, CommandStatus::RINVDSTADR),
            80..85 => self.vendor.refuse(&submit, CommandStatus::RTHROTTLED),
            85..88 => self.vendor.refuse(&submit, CommandStatus::RMSGQFUL),
            88..92 => self.unanswered.push_back(submit),
            // Never answered.
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_part_is_answered_once_and_every_slot_comes_back() {
    for seed in 0..20 {
        let (lab, vendor) = Lab::bound("window = 4\nresponse_timeout = \"2s\"\nthroughput = \"50/s\"").await;
        let rng = StdRng::seed_from_u64(seed);
        let (unanswered, answers) = (VecDeque::new(), Answers::new());
        let mut soak = Soak { rng, lab, vendor, unanswered, answers, submitted: BTreeMap::new() };
        let mut next = 0;
        while next < TEXTS {
            soak.submit(&mut next);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            soak.hear();
            soak.act().await;
            soak.note_answers();
        }
        tokio::time::sleep(seconds(200)).await;
        soak.note_answers();
        for (text, parts) in &soak.submitted {
            for part in 0..*parts {
                let answers = soak.answers.get(&(*text, part)).expect("an answer");
                // One that was given up may be answered after all.
                let is_once = answers.len() == 1
                    || (answers.len() == 2 && answers[0] == Answer::Unknown { line_lost: false });
                assert!(is_once, "seed {seed}, text {text}, part {part}: {answers:?}");
            }
        }
        let mut slots = Vec::new();
        while slots.len() < WINDOW {
            slots.push(soak.lab.slot().await);
        }
        assert!(soak.lab.client.reserve().is_err());
    }
}
