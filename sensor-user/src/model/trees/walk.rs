//! From rows to leaves.

use super::layout::{Layout, Node};

/// Walks that go side by side. One step waits for the one before it, so a walk
/// alone would leave the processor idle most of the time.
pub(super) const LANES: usize = 8;

/// Levels after which it is asked whether all walks have ended. Trees are seldom
/// deeper, and where they are, most walks have ended by then.
const UNASKED: u8 = 8;

impl Layout {
    /// Hands on the leaf of each tree that a row comes to, in the order of the
    /// trees. The row has at least [`Layout::width`] values.
    pub(super) fn leaves(&self, row: &[f32], each: impl FnMut(u32)) {
        if self.plain {
            self.walk_trees::<true>(row, each);
        } else {
            self.walk_trees::<false>(row, each);
        }
    }

    /// Hands on the leaf that each row comes to in each tree: tree by tree, with
    /// the number of the row. As many rows as there are lanes.
    pub(super) fn leaves_of_rows(&self, rows: &[&[f32]; LANES], each: impl FnMut(usize, u32)) {
        if self.plain {
            self.walk_rows::<true>(rows, each);
        } else {
            self.walk_rows::<false>(rows, each);
        }
    }

    /// The child that a row's value leads to.
    pub(super) fn next(&self, row: &[f32], at: u32) -> u32 {
        self.step::<false>(row, at)
    }

    fn walk_trees<const PLAIN: bool>(&self, row: &[f32], mut each: impl FnMut(u32)) {
        let (roots, rest) = self.roots.as_chunks::<LANES>();
        let (depths, rest_depths) = self.depths.as_chunks::<LANES>();
        for (roots, depths) in roots.iter().zip(depths) {
            let deepest = depths.iter().copied().max().unwrap_or_default();
            let mut at = *roots;
            for level in 0..deepest {
                if level >= UNASKED && self.ended(&at) {
                    break;
                }
                for at in &mut at {
                    *at = self.step::<PLAIN>(row, *at);
                }
            }
            at.into_iter().for_each(&mut each);
        }
        for (&root, &depth) in rest.iter().zip(rest_depths) {
            let mut at = root;
            for _ in 0..depth {
                at = self.step::<PLAIN>(row, at);
            }
            each(at);
        }
    }

    fn walk_rows<const PLAIN: bool>(
        &self,
        rows: &[&[f32]; LANES],
        mut each: impl FnMut(usize, u32),
    ) {
        for (&root, &depth) in self.roots.iter().zip(&self.depths) {
            let mut at = [root; LANES];
            for level in 0..depth {
                if level >= UNASKED && self.ended(&at) {
                    break;
                }
                for (at, row) in at.iter_mut().zip(rows) {
                    *at = self.step::<PLAIN>(row, *at);
                }
            }
            for (row, at) in at.into_iter().enumerate() {
                each(row, at);
            }
        }
    }

    fn ended(&self, at: &[u32; LANES]) -> bool {
        at.iter().all(|at| !self.nodes[*at as usize].is_branch())
    }

    /// The child that a value leads to; a leaf leads to itself.
    #[inline]
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "a jump that the processor cannot foresee costs more than a comparison"
    )]
    fn step<const PLAIN: bool>(&self, row: &[f32], at: u32) -> u32 {
        let node = self.nodes[at as usize];
        let value = row[usize::from(node.feature)];
        let mut first = value <= node.value;
        if !PLAIN {
            // Without a jump: which of these it is changes from node to node.
            let equal = node.flags & Node::EQUAL != 0;
            let missing = node.flags & Node::MISSING_FIRST != 0;
            let least = value >= node.value;
            let none = value.is_nan();
            first = (first & (least | !equal)) | (missing & none);
        }
        node.first + (u32::from(!first) & u32::from(node.flags & Node::BRANCH))
    }
}
