//! Who is in a wave, and whether enough of them serve it.

use super::engine::{Member, Rollout};
use crate::domain::node::Node;

impl Rollout {
    /// Whom the wave that is under way was let to.
    pub(super) fn wave_members(&self) -> impl Iterator<Item = &Node> {
        let wave = self.deployment.wave;
        self.members().filter(move |(_, member)| member.wave == wave).map(|(node, _)| node)
    }

    /// Those with whom a wave began: all of them were there, or away where it is the last one. Others come only to the
    /// last one, while it is under way.
    pub(super) fn founders(&self, wave: i64) -> impl Iterator<Item = &Node> {
        let began = self.deployment.wave_began_at.filter(|_| wave == self.deployment.wave);
        let is_founder =
            move |member: Member| member.wave == wave && began.is_none_or(|began| member.joined_at <= began);
        self.members().filter(move |(_, member)| is_founder(*member)).map(|(node, _)| node)
    }

    /// Of those with whom a wave began, who is not there with every process.
    pub(super) fn missing(&self, wave: i64) -> impl Iterator<Item = &Node> {
        self.founders(wave).filter(|node| !node.is_online() || is_away(node))
    }

    /// Whether every data plane with which the wave began, and which is there, has made up its mind; and enough serve
    /// it, as if everyone who is away did: they may be back in a moment. Who came later holds nobody up.
    pub(super) fn is_settled(&self) -> bool {
        let wave = self.deployment.wave;
        let serves = |node: &Node| is_away(node) || self.is_serving(node);
        let offline = self.founders(wave).filter(|node| !node.is_online()).count();
        let mut online = self.founders(wave).filter(|node| node.is_online());
        let are_decided = online.all(|node| serves(node) || self.has_refused(node));
        are_decided && self.suffices(self.wave_members().filter(|node| serves(node)).count(), offline)
    }

    /// Whether enough of the wave serve it, with those that are away counted among the missing.
    pub(super) fn is_enough(&self) -> bool {
        let serving = self.wave_members().filter(|node| self.is_serving(node)).count();
        self.suffices(serving, self.missing(self.deployment.wave).count())
    }

    /// Whether it is enough for the wave that so many serve it, where so many of those with whom it began are missing.
    /// Nobody who is gone vouches for anything, and nobody who refuses. In the last wave, which nothing follows, as many
    /// are enough, with those who came instead; but somebody serves it, unless nobody is in it.
    fn suffices(&self, serving: usize, missing: usize) -> bool {
        if !self.deployment.is_for_everyone() {
            return serving > missing;
        }
        let is_empty = self.founders(self.deployment.wave).next().is_none();
        let is_tried = || serving > 0 || self.members().any(|(node, _)| self.is_serving(node));
        serving >= missing && (is_empty || is_tried())
    }
}

/// Whether the connection of any of its processes is lost, and that one may still come back.
fn is_away(node: &Node) -> bool {
    node.instances.iter().any(|instance| !instance.is_connected())
}
