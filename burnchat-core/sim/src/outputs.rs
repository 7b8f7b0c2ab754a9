//! What the machines want done, done.

use std::rc::Rc;

use burnchat_core::client::Output;
use burnchat_core::relay::{CloseCode, ConnectionId, Output as HubOutput};

use crate::hostile;
use crate::invariants;
use crate::observed;
use crate::rule::Rule;
use crate::world::{Down, Packet, World};

impl World {
    pub(crate) fn drain_hub(&mut self) {
        let mut outputs = 0_u64;
        while let Some(output) = self.hub.poll_output() {
            outputs = outputs.saturating_add(1);
            match output {
                HubOutput::Send { to, frame } => {
                    let frame = self.frame_down(frame.as_bytes().to_vec());
                    invariants::on_hub_frame(self, &frame);
                    for ConnectionId(connection) in to {
                        self.relay_sends(connection, &frame);
                    }
                }
                HubOutput::Close {
                    connection: ConnectionId(connection),
                    code,
                } => self.relay_closes(connection, code),
                HubOutput::Burned {
                    late_millis,
                    reason,
                    ..
                } => {
                    let now = self.now;
                    self.trace
                        .tell(now, format_args!("the relay burns the room: {reason:?}"));
                    self.ledger.burned = true;
                    if late_millis > 0 {
                        self.broken(
                            Rule::BurnAtRelay,
                            format!("the relay burned {late_millis} ms late"),
                        );
                    }
                }
            }
        }
        observed::after_hub(self);
        invariants::after_hub(self, outputs);
    }

    pub(crate) fn relay_sends(&mut self, connection: u64, frame: &Rc<Down>) {
        let Some(state) = self.connections.get(&connection) else {
            return;
        };
        if !state.hub_open {
            self.broken(
                Rule::Bounded,
                "the relay sends on a connection it has closed".into(),
            );
            return;
        }
        if self.hostile.dead.contains(&connection) {
            return;
        }
        let node = state.node;
        let Some(frames) = hostile::changed_down(self, node, connection, frame) else {
            self.send_down(connection, Rc::clone(frame));
            return;
        };
        for frame in frames {
            let frame = self.frame_down(frame);
            self.send_down(connection, frame);
        }
    }

    pub(crate) fn relay_closes(&mut self, connection: u64, code: CloseCode) {
        self.coverage.close(code.number());
        self.ledger.disturbed_at = self.now;
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        state.hub_open = false;
        let at = self.now.0.max(state.last_down);
        self.push(at, Packet::ClientLearnsOfClose { connection });
    }

    pub(crate) fn drain_client(&mut self, index: usize) {
        let mut outputs = 0_u64;
        loop {
            let Some(output) = self
                .nodes
                .get_mut(index)
                .and_then(|node| node.client.poll_output())
            else {
                break;
            };
            outputs = outputs.saturating_add(1);
            match output {
                Output::Connect => self.schedule_connect(index),
                Output::Send(frame) => {
                    invariants::on_client_frame(self, index, &frame);
                    let frames = hostile::changed_up(self, index, frame.as_bytes());
                    for frame in frames {
                        self.send_up(index, frame);
                    }
                }
                Output::Close(code) => self.client_closes(index, code),
                Output::Event(event) => invariants::on_event(self, index, event),
                other => self.broken(Rule::Bounded, format!("an output unheard of: {other:?}")),
            }
        }
        if let Some(node) = self.nodes.get_mut(index) {
            node.note_timer();
        }
        observed::after_client(self, index);
        invariants::after_client(self, index, outputs);
    }

    fn client_closes(&mut self, index: usize, code: u16) {
        self.coverage.close(code);
        let Some(connection) = self
            .nodes
            .get_mut(index)
            .and_then(|node| node.connection.take())
        else {
            return;
        };
        let lost = self.hostile.dead.contains(&connection);
        self.hang_up(connection, !lost && (code == 1000 || code == 1001));
    }
}
