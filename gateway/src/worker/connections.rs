//! Every connection of a worker, so that the silent ones can be found and all of them be told to end.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::Connection;
use super::connection::Order;

/// Every connection of a worker.
#[derive(Debug, Default)]
pub(super) struct Connections {
    all: RefCell<HashMap<usize, Rc<Connection>, foldhash::fast::FixedState>>,
}

impl Connections {
    pub(super) fn add(&self, connection: &Rc<Connection>) {
        self.all.borrow_mut().insert(key(connection), connection.clone());
    }

    pub(super) fn remove(&self, connection: &Rc<Connection>) {
        self.all.borrow_mut().remove(&key(connection));
    }

    pub(super) fn count(&self) -> usize {
        self.all.borrow().len()
    }

    /// Ends those that have been silent for longer than they may.
    pub(super) fn end_overdue(&self) {
        self.all.borrow().values().filter(|connection| connection.is_overdue()).for_each(|one| one.tell(Order::Close));
    }

    /// Ends those with nothing under way, and the others after what is.
    pub(super) fn finish(&self) {
        self.all.borrow().values().for_each(|connection| connection.tell(Order::Finish));
    }
}

/// Its address: it stays where it is for as long as it is in the map.
fn key(connection: &Rc<Connection>) -> usize {
    Rc::as_ptr(connection).addr()
}
