//! Misfortune on purpose: a client that stands it stands the real one (docs/adr/0018).

use aws_lc_rs::rand;

/// Throws the dice that `dangerous_chaos` asks for; without it nothing ever happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chaos {
    on: bool,
}

impl Chaos {
    pub(crate) const fn new(on: bool) -> Self {
        Self { on }
    }

    /// Tells whether a nonce that is good is to be refused: one in twenty, nearly: 13 of 256.
    pub(crate) fn refuses_nonce(self) -> bool {
        self.on && throw() < 13
    }

    /// Tells whether an earlier validation is to be forgotten: one in two.
    pub(crate) fn forgets_proof(self) -> bool {
        self.on && throw() < 128
    }
}

fn throw() -> u8 {
    let mut die = [0];
    // Without randomness there is no misfortune; nothing else depends on it.
    if rand::fill(&mut die).is_err() { u8::MAX } else { die[0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misfortune_is_rare_and_off_by_default() {
        let off = Chaos::new(false);
        assert!((0..1_000).all(|_| !off.refuses_nonce() && !off.forgets_proof()));
        let on = Chaos::new(true);
        let refused = (0..10_000).filter(|_| on.refuses_nonce()).count();
        assert!((250..750).contains(&refused), "{refused} of 10,000");
    }
}
