//! Every connection of a worker, so that the silent ones can be found and all of them be told to end.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::sync::Notify;

use super::Connection;
use super::connection::Order;

/// Every connection of a worker.
#[derive(Debug, Default)]
pub(super) struct Connections {
    all: RefCell<HashMap<usize, Rc<Connection>, foldhash::fast::FixedState>>,
    ended: Notify,
}

impl Connections {
    pub(super) fn add(&self, connection: &Rc<Connection>) {
        self.all.borrow_mut().insert(key(connection), connection.clone());
    }

    pub(super) fn remove(&self, connection: &Rc<Connection>) {
        self.all.borrow_mut().remove(&key(connection));
        self.ended.notify_waiters();
    }

    pub(super) fn count(&self) -> usize {
        self.all.borrow().len()
    }

    /// Waits until there are fewer than `limit`. Cancel-safe.
    pub(super) async fn room(&self, limit: usize) {
        loop {
            // On one thread nothing can end between the look and the wait.
            let ended = self.ended.notified();
            if self.count() < limit {
                return;
            }
            ended.await;
        }
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
