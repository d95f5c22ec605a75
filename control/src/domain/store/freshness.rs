//! Whether something is read to be shown, or to be changed.
//!
//! A store may show what it knows where what is committed now is out of reach ([`Replica`](super::Replica)). Whoever
//! changes something is let in, and decides, by what is committed now or not at all. It holds for whatever is read
//! within a piece of work, wherever that is, so that nobody can forget to say so. What is spawned there is other work.

tokio::task_local! {
    static CHANGING: ();
}

/// Does something that is there to change something: nothing that it reads is older than now.
pub async fn changing<T>(work: impl Future<Output = T>) -> T {
    CHANGING.scope((), work).await
}

/// Whether that is what is being done.
pub fn is_changing() -> bool {
    CHANGING.try_with(|()| ()).is_ok()
}
