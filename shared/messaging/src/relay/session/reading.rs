//! Turns on the locks' session: reading rows, and looking after the shards.

use super::Session;
use crate::{
    outbox::OutboxRow,
    relay::{
        message::unwritable,
        shards::Shards,
        turn::{self, Answer, ReadRequest},
    },
};

impl Session {
    /// Starts a turn if there is work for one.
    pub(super) fn start_turn(&mut self) {
        if self.turn.is_some() {
            return;
        }
        if self.request.balance {
            self.share();
        }
        if (self.woken || self.pass.is_under_way()) && self.window.has_room() {
            let observe = !self.pass.is_under_way();
            if observe {
                self.woken = false;
                if self.pass.begin() {
                    self.window.unblock();
                }
            }
            let after = self.pass.position();
            let known = self.window.begin_read(after);
            self.request.read = Some(ReadRequest { after, known, observe });
        }
        if let Some(shards) = self.shards.take_if(|_| !self.request.is_empty()) {
            let request = std::mem::take(&mut self.request);
            self.turn = Some(Box::pin(turn::take(shards, request)));
        }
    }

    /// Looks at members, shards, held rows and refused routes, and polls.
    pub(super) fn tick(&mut self) {
        self.woken = true;
        self.request.balance = true;
        self.request.due = self.window.has_blocked();
        if let Some(route) = self.routes.due() {
            self.request.first_of = Some(route);
        }
    }

    /// Ends the last pass: only what is in flight is still waited for.
    pub(super) fn leave_the_rest(&mut self) {
        self.woken = false;
        self.pass.end();
        self.window.forget_waiting(|_| true);
    }

    /// Begins to leave a shard, or releases it. Only between two turns: with one under way, the shards are its.
    fn share(&mut self) {
        let Some(shards) = &mut self.shards else { return };
        if let Some(shard) = shards.leave_one() {
            self.window.forget_waiting(|row| row.shard == shard);
        }
        self.request.release = shards.leaving().is_some_and(|shard| !self.window.holds_shard(shard));
    }

    /// Takes in the results of a turn.
    pub(super) fn turned(&mut self, shards: Shards, answer: Answer) {
        self.state.entered(shards.owned().len(), shards.is_alone());
        self.shards = Some(shards);
        if answer.gained {
            // What was just read leaves out the older rows of the new shards.
            self.pass.restart();
            self.woken = true;
            return;
        }
        if let Some(horizon) = answer.horizon {
            self.pass.observe(horizon);
        }
        if let Some(read) = answer.read {
            self.pass.advance(read.rows.last().map(|row| row.id), read.is_full);
            let routes = &self.routes;
            self.window.add(read.rows, |row| routes.is_refused(row));
        }
        match answer.first_of {
            Some((_, Some(row))) => self.try_again(row),
            Some((route, None)) => {
                self.routes.forget(&route);
                self.accept(route);
            }
            None => {}
        }
        // A held row of a refused route waits for the route.
        for row in answer.due {
            if !self.routes.is_refused(&row) {
                self.try_again(row);
            }
        }
    }

    fn try_again(&mut self, row: OutboxRow) {
        if !self.window.take_over(&row) {
            return;
        }
        match unwritable(&row) {
            Some(reason) => self.hold(row, reason),
            None => self.routes.try_again(row),
        }
    }
}
