//! Which versions of a feed somebody is offered.

use crate::releases::release_feed::{Feed, Head};
use keywright_domain::release::Channel;
use keywright_domain::release::gate::{GateRefusal, Held, VersionRequirements};
use keywright_domain::release::offer::Candidate;

/// Which installations a rollout in stages has reached.
#[derive(Debug, Clone, Copy)]
pub enum Reach<'a> {
    /// The installation that calls itself this; without a name, what everybody
    /// gets.
    Client(Option<&'a str>),
    /// The client finds out for itself: whatever reaches anybody.
    ByClient,
}

/// Who is to be offered a version.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    /// The channel they follow.
    pub channel: Channel,
    /// How far the rollout has to be.
    pub reach: Reach<'a>,
    /// What they may download; `None` tells of every version.
    pub held: Option<Held<'a>>,
}

impl Feed {
    /// The newest version that is offered and of which `pick` finds what it
    /// wants.
    pub fn newest<'a, T>(
        &'a self,
        offered: Offered<'_>,
        pick: impl Fn(&'a Head) -> Option<T>,
    ) -> Option<(&'a Head, T)> {
        self.offered(offered, pick).into_iter().next()
    }

    /// The versions that are offered and of which `pick` finds what it wants, the
    /// newest first.
    pub fn offered<'a, T>(
        &'a self,
        offered: Offered<'_>,
        pick: impl Fn(&'a Head) -> Option<T>,
    ) -> Vec<(&'a Head, T)> {
        let mut picked: Vec<(&Head, T)> = self
            .heads
            .iter()
            .filter(|head| head.candidate().is_on(offered.channel))
            .filter(|head| self.is_offered(head, offered))
            .filter_map(|head| Some((head, pick(head)?)))
            .collect();
        picked.sort_by(|(a, _), (b, _)| b.version.cmp(&a.version));
        picked
    }

    fn is_offered(&self, head: &Head, offered: Offered<'_>) -> bool {
        let reached = match offered.reach {
            Reach::Client(client) => head.candidate().has_reached(self.product.as_str(), client),
            Reach::ByClient => head.rollout_percent > 0,
        };
        reached
            && offered
                .held
                .is_none_or(|held| self.includes(head, held).is_ok())
    }

    /// Whether what somebody holds includes a version; whether it is in force is
    /// not looked at.
    ///
    /// # Errors
    /// [`GateRefusal`].
    pub fn includes(&self, head: &Head, held: Held<'_>) -> Result<(), GateRefusal> {
        let required = VersionRequirements {
            version: head.version.as_str(),
            built_at: Some(head.built_at),
            product_entitlement: self.requires_entitlement.as_deref(),
            version_entitlement: head.requires_entitlement.as_deref(),
        };
        let rights = Held {
            status: None,
            good_until: None,
            ..held
        };
        rights.opens(&required, 0)
    }

    /// Whether everything of it is for everybody: no license is needed, and no
    /// entitlement.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let asks = |head: &Head| head.requires_entitlement.is_some();
        !self.requires_license
            && self.requires_entitlement.is_none()
            && !self.heads.iter().any(asks)
    }
}

impl Head {
    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            version: &self.version,
            channel: self.channel,
            yanked: false,
            rollout_percent: self.rollout_percent,
        }
    }
}
