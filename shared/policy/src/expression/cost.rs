//! What an expression is allowed to cost.

/// Most nodes of the tree.
pub(super) const MOST_NODES: usize = 200;

/// Deepest nesting of nodes.
pub(super) const DEEPEST: usize = 24;

/// Most nodes that one evaluation visits: those under `exists` and `all` count once an element. At
/// no more than [`domain::expr::LONGEST_TEXT`] bytes a node this is some milliseconds.
pub(super) const DEAREST: u64 = 2000;
