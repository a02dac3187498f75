//! A queue in which each socket has its turn.

use std::collections::VecDeque;

use signer_proto::Socket;

/// What waits, in order for each socket, and the sockets in turn: whoever floods one socket waits
/// behind himself, and operators on admin.sock behind one call at most.
pub(super) struct Turns<T> {
    /// The socket whose turn it is stands first.
    lines: VecDeque<(Socket, VecDeque<T>)>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { lines: VecDeque::new() }
    }
}

impl<T> Turns<T> {
    /// Puts something at the end of its socket's line.
    pub(super) fn put(&mut self, socket: Socket, item: T) {
        match self.lines.iter_mut().find(|(other, _)| *other == socket) {
            Some((_, line)) => line.push_back(item),
            None => self.lines.push_back((socket, VecDeque::from([item]))),
        }
    }

    /// Takes what is next.
    pub(super) fn take(&mut self) -> Option<T> {
        for _ in 0..self.lines.len() {
            let (socket, mut line) = self.lines.pop_front()?;
            let item = line.pop_front();
            self.lines.push_back((socket, line));
            if item.is_some() {
                return item;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_take_turns_and_each_keeps_its_order() {
        let mut turns = Turns::default();
        for n in 0..4 {
            turns.put(Socket::Status, ("status", n));
        }
        assert_eq!(turns.take(), Some(("status", 0)));
        turns.put(Socket::Issue, ("issue", 0));
        turns.put(Socket::Admin, ("admin", 0));
        turns.put(Socket::Issue, ("issue", 1));
        let rest: Vec<_> = std::iter::from_fn(|| turns.take()).collect();
        let expected =
            [("status", 1), ("issue", 0), ("admin", 0), ("status", 2), ("issue", 1), ("status", 3)];
        assert_eq!(rest, expected);
        assert_eq!(turns.take(), None);
        turns.put(Socket::Va, ("va", 0));
        assert_eq!(turns.take(), Some(("va", 0)));
    }
}
