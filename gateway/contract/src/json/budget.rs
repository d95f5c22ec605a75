//! How much work saying what is wrong may take.

use std::cell::Cell;

/// How much work saying what is wrong may take.
///
/// Whether a value is valid is found in a time that its size bounds. To say why not, every alternative of every
/// alternative is looked at and each error is kept, which a small value can make too much of. So values that are
/// explained count how often they are looked into, and once that is too often there is nothing more in them; then what
/// was said is worth nothing, and [`is_spent`](Self::is_spent) says so.
#[derive(Debug)]
pub struct Budget {
    looks: Cell<u32>,
    errors: Cell<u32>,
}

/// Errors are large, and those inside of alternatives count too.
const ERRORS_MAX: u32 = 1_000;

impl Budget {
    /// For a value of so many nodes.
    pub fn of(nodes: usize) -> Self {
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        Self { looks: Cell::new(nodes.saturating_mul(16).saturating_add(4_000)), errors: Cell::new(ERRORS_MAX) }
    }

    /// Whether it was too much.
    pub fn is_spent(&self) -> bool {
        self.looks.get() == 0 || self.errors.get() == 0
    }

    /// A look into a list or object; whether it may be taken.
    pub(super) fn looks(&self) -> bool {
        self.looks.set(self.looks.get().saturating_sub(1));
        !self.is_spent()
    }

    /// An error is made.
    pub(super) fn errs(&self) {
        self.errors.set(self.errors.get().saturating_sub(1));
    }
}
