//! What another hub needs to go on asking.

use super::{AskedRoster, AskedVersion, Asking, Grievance, Nomination, Round, State};
use crate::limits::NEED_KEY_CEILING_MILLIS;
use crate::relay::handover::{Carried, Count, Reader, Writer, carried};

carried!(AskedVersion {
    version,
    asked,
    roster
});
carried!(AskedRoster {
    roster_hash,
    members
});
carried!(Nomination { who, until, round });
carried!(Round { tried, time_outs });
carried!(Grievance {
    counts_again,
    interval_millis
});

impl Carried for State {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Idle => 0u8.put(to),
            Self::Waiting(until) => {
                1u8.put(to);
                until.put(to);
            }
            Self::Due => 2u8.put(to),
            Self::Nobody => 3u8.put(to),
            Self::One(nomination) => {
                4u8.put(to);
                nomination.put(to);
            }
            Self::Everyone { again } => {
                5u8.put(to);
                again.put(to);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Idle,
            1 => Self::Waiting(Carried::take(from)?),
            2 => Self::Due,
            3 => Self::Nobody,
            4 => Self::One(Carried::take(from)?),
            5 => Self::Everyone {
                again: Carried::take(from)?,
            },
            _ => return None,
        })
    }
}

impl Carried for Asking {
    fn put(&self, to: &mut Writer) {
        let Self {
            state,
            versions,
            grievances,
            complaints,
        } = self;
        state.put(to);
        versions.put(to);
        grievances.put(to);
        Count(*complaints).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        let asking = Self {
            state: Carried::take(from)?,
            versions: Carried::take(from)?,
            grievances: Carried::take(from)?,
            complaints: Count::take(from)?.0,
        };
        asking.is_sound().then_some(asking)
    }
}

impl Asking {
    fn is_sound(&self) -> bool {
        let in_order = |asked: &AskedVersion| match &asked.roster {
            Some(roster) => roster.members.is_sorted_by(|a, b| a < b),
            None => true,
        };
        self.versions.iter().all(in_order)
            && self
                .versions
                .iter()
                .zip(self.versions.iter().skip(1))
                .all(|(a, b)| a.version < b.version)
            && self
                .grievances
                .values()
                .all(|grievance| grievance.interval_millis <= NEED_KEY_CEILING_MILLIS)
            && match &self.state {
                // It counts up to the number at which everybody is asked, and no further.
                State::One(nomination) => nomination.round.time_outs < u8::MAX,
                _ => true,
            }
    }
}
