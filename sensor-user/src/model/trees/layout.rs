use super::{
    Fault, Place,
    raw::{Comparison, Mode, Raw, RawNode, finite},
};

/// A node of a tree: 12 bytes, so that a hundred trees stay near the processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// Threshold of a branch. The weight of a leaf, where each has one.
    pub(super) value: f32,
    /// First of a branch's two children, which lie side by side. A leaf's own
    /// place, so that a step from it stays on it.
    pub(super) first: u32,
    pub(super) feature: u16,
    pub(super) flags: u16,
}

impl Node {
    /// It is a branch. Also what a step adds for the second child.
    pub(super) const BRANCH: u16 = 1;
    /// A missing value goes to the first child.
    pub(super) const MISSING_FIRST: u16 = 2;
    /// The first child is for values equal to the threshold, not for those at
    /// most that.
    pub(super) const EQUAL: u16 = 4;

    pub(super) const fn is_branch(self) -> bool {
        self.flags & Self::BRANCH != 0
    }
}

/// What leaves carry.
#[derive(Clone, Debug)]
pub(super) enum Weights {
    /// Each leaf has one weight, all for this target; they are in the nodes.
    One(usize),
    /// Those of node `n` are `entries[starts[n]..starts[n + 1]]`, as target and
    /// weight.
    Many {
        starts: Vec<u32>,
        entries: Vec<(u32, f32)>,
    },
}

/// Checked trees, laid out to be walked.
///
/// Every comparison of the file is one of two here: a value is at most the
/// threshold, or equal to it. The others are these with the children swapped, or
/// with the next smaller threshold.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) nodes: Vec<Node>,
    /// The first node of each tree, in the file's order.
    pub(super) roots: Vec<u32>,
    /// Steps from each tree's root to its deepest leaf.
    pub(super) depths: Vec<u8>,
    pub(super) weights: Weights,
    /// Where each node is in the file's lists.
    pub(super) origins: Vec<u32>,
    /// Features that a row must have, and the node that looks at the last one.
    pub(super) width: (usize, Option<Place>),
    /// Whether each branch is for values at most its threshold, and missing
    /// values go to its second child.
    pub(super) plain: bool,
}

impl Layout {
    /// Checks the trees of a file and lays them out.
    pub(super) fn of(raw: &Raw, bounds: &Bounds) -> Result<Self, Fault> {
        let nodes = raw.nodes.len();
        if nodes > bounds.nodes {
            let expected = format_args!("at most {} nodes", bounds.nodes);
            return Err(Fault::new(raw.names.node, nodes, expected));
        }
        let mut layout = Self {
            nodes: Vec::with_capacity(nodes),
            roots: Vec::new(),
            depths: Vec::new(),
            weights: Weights::One(0),
            origins: Vec::with_capacity(nodes),
            width: (0, None),
            plain: true,
        };
        let mut numbered = Numbered::default();
        for run in raw
            .nodes
            .chunk_by(|one, next| one.place.tree == next.place.tree)
        {
            if layout.roots.len() == bounds.trees {
                let expected = format_args!("at most {}", bounds.trees);
                return Err(Fault::new(raw.names.tree, "more trees", expected));
            }
            let start = layout.nodes.len();
            numbered.tree(raw, run, start)?;
            layout.tree(raw, run, &numbered, bounds)?;
        }
        layout.weigh(raw, &numbered)?;
        Ok(layout)
    }

    /// Adds a tree, from its first node on.
    fn tree(
        &mut self,
        raw: &Raw,
        run: &[RawNode],
        numbered: &Numbered,
        bounds: &Bounds,
    ) -> Result<(), Fault> {
        let start = self.nodes.len();
        let mut met = vec![false; run.len()];
        let mut deepest = 0;
        let mut next = start;
        let mut pending = vec![(0_usize, next, 0_usize)];
        next += 1;
        self.nodes.resize(start + run.len(), UNSET);
        self.origins.resize(start + run.len(), 0);
        while let Some((index, slot, depth)) = pending.pop() {
            let node = run[index];
            if std::mem::replace(&mut met[index], true) {
                let found = "a second way to this node";
                let expected = "one way from the tree's first node to each other";
                return Err(Fault::at(raw.names.child[0], node.place, found, expected));
            }
            deepest = deepest.max(depth);
            if depth > bounds.depth {
                let found = format_args!("more than {} splits above it", bounds.depth);
                let expected = "a tree that is less deep";
                return Err(Fault::at(raw.names.child[0], node.place, found, expected));
            }
            self.origins[slot] = narrow(start + index);
            self.nodes[slot] = match node.mode {
                Mode::Leaf => Node {
                    value: 0.0,
                    first: narrow(slot),
                    feature: 0,
                    flags: 0,
                },
                Mode::Branch(comparison) => {
                    let mut children = [0; 2];
                    for (side, child) in children.iter_mut().enumerate() {
                        *child = numbered.child(raw, run, index, side)?;
                    }
                    // Two ways to one child would need more places than there are
                    // nodes.
                    if next + 2 > start + run.len() {
                        let expected = "two children that no other node has";
                        let name = raw.names.child[0];
                        return Err(Fault::at(name, node.place, "a loop", expected));
                    }
                    let (branch, swapped) =
                        self.branch(raw, &node, comparison, narrow(next), bounds)?;
                    if swapped {
                        children.reverse();
                    }
                    pending.push((children[1], next + 1, depth + 1));
                    pending.push((children[0], next, depth + 1));
                    next += 2;
                    branch
                }
            };
        }
        if let Some(index) = met.iter().position(|met| !met) {
            let place = run[index].place;
            let found = "no way to this node";
            let expected = "one from the tree's first node in the file";
            return Err(Fault::at(raw.names.node, place, found, expected));
        }
        self.roots.push(narrow(start));
        self.depths.push(u8::try_from(deepest).unwrap_or(u8::MAX));
        Ok(())
    }

    /// A branch, and whether its children are swapped.
    fn branch(
        &mut self,
        raw: &Raw,
        node: &RawNode,
        comparison: Comparison,
        first: u32,
        bounds: &Bounds,
    ) -> Result<(Node, bool), Fault> {
        let feature = usize::try_from(node.feature)
            .ok()
            .filter(|feature| *feature < bounds.features)
            .and_then(|feature| u16::try_from(feature).ok());
        let Some(feature) = feature else {
            let expected = format_args!("a feature below {}", bounds.features);
            let name = "nodes_featureids";
            return Err(Fault::at(name, node.place, node.feature, expected));
        };
        if !node.threshold.is_finite() {
            let name = raw.names.threshold;
            let found = node.threshold;
            return Err(Fault::at(name, node.place, found, "a finite number"));
        }
        if usize::from(feature) >= self.width.0 {
            self.width = (usize::from(feature) + 1, Some(node.place));
        }
        let threshold = node.threshold;
        let below = threshold.next_down();
        // Swapped, the first child is for what does not hold in the file.
        let (value, swapped, equal) = match comparison {
            Comparison::AtMost => (threshold, false, 0),
            Comparison::Below => (below, false, 0),
            Comparison::AtLeast => (below, true, 0),
            Comparison::Above => (threshold, true, 0),
            Comparison::Equal => (threshold, false, Node::EQUAL),
            Comparison::NotEqual => (threshold, true, Node::EQUAL),
        };
        // No comparison holds for NaN but that it is not equal.
        let holds = node.missing_holds || comparison == Comparison::NotEqual;
        let missing = if holds == swapped {
            0
        } else {
            Node::MISSING_FIRST
        };
        let flags = Node::BRANCH | equal | missing;
        self.plain &= flags == Node::BRANCH;
        let node = Node {
            value,
            first,
            feature,
            flags,
        };
        Ok((node, swapped))
    }

    /// Gives the leaves their weights.
    fn weigh(&mut self, raw: &Raw, numbered: &Numbered) -> Result<(), Fault> {
        // From a place in the file's lists to one here.
        let mut slots = vec![0_u32; self.nodes.len()];
        for (slot, &origin) in self.origins.iter().enumerate() {
            slots[origin as usize] = narrow(slot);
        }
        let mut slotted = Vec::with_capacity(raw.weights.len());
        for weight in &raw.weights {
            let place = weight.place;
            let leaf = numbered
                .find(place)
                .filter(|index| raw.nodes[*index].mode == Mode::Leaf);
            let Some(leaf) = leaf else {
                let found = "no leaf of this number";
                let expected = "the numbers of a tree and of a leaf in it";
                return Err(Fault::at(raw.names.leaf, place, found, expected));
            };
            finite(raw.names.weight, &[weight.weight]).map_err(|_| {
                let found = weight.weight;
                Fault::at(raw.names.weight, place, found, "a finite number")
            })?;
            let target = u32::try_from(weight.target)
                .ok()
                .filter(|target| (*target as usize) < raw.targets);
            let Some(target) = target else {
                let expected = format_args!("a number below {}", raw.targets);
                return Err(Fault::at(raw.names.target, place, weight.target, expected));
            };
            slotted.push((slots[leaf], target, weight.weight));
        }
        // Stable: those of one leaf stay in the file's order.
        slotted.sort_by_key(|(slot, ..)| *slot);
        self.each_leaf_once(raw, &slotted)?;
        let one = slotted.first().map_or(0, |(_, target, _)| *target);
        let leaves = self.nodes.iter().filter(|node| !node.is_branch()).count();
        if leaves == slotted.len() && slotted.iter().all(|(_, target, _)| *target == one) {
            for (slot, _, weight) in slotted {
                self.nodes[slot as usize].value = weight;
            }
            self.weights = Weights::One(one as usize);
            return Ok(());
        }
        let mut starts = Vec::with_capacity(self.nodes.len() + 1);
        let mut entries = slotted.iter().peekable();
        let mut passed = 0;
        for slot in 0..=narrow(self.nodes.len()) {
            while entries.next_if(|(other, ..)| *other < slot).is_some() {
                passed += 1;
            }
            starts.push(passed);
        }
        self.weights = Weights::Many {
            starts,
            entries: slotted
                .into_iter()
                .map(|(_, target, weight)| (target, weight))
                .collect(),
        };
        Ok(())
    }

    /// Every leaf has a weight, and none two for one target.
    fn each_leaf_once(&self, raw: &Raw, slotted: &[(u32, u32, f32)]) -> Result<(), Fault> {
        let place = |slot: u32| raw.nodes[self.origins[slot as usize] as usize].place;
        let mut groups = slotted.chunk_by(|one, next| one.0 == next.0);
        for (slot, node) in self.nodes.iter().enumerate() {
            if node.is_branch() {
                continue;
            }
            let slot = narrow(slot);
            // Both are in the order of the places.
            let group = groups.next().filter(|group| group[0].0 == slot);
            let Some(group) = group else {
                let expected = "a weight for each leaf";
                let name = raw.names.weight;
                return Err(Fault::at(name, place(slot), "none", expected));
            };
            let mut targets: Vec<u32> = group.iter().map(|(_, target, _)| *target).collect();
            targets.sort_unstable();
            let twice = targets.windows(2).find(|pair| pair[0] == pair[1]);
            if let Some([twice, _]) = twice {
                let found = format_args!("{twice} twice");
                let expected = "each target at most once for a leaf";
                return Err(Fault::at(raw.names.target, place(slot), found, expected));
            }
        }
        Ok(())
    }
}

/// Bounds of what is laid out: see `limits`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) trees: usize,
    pub(super) nodes: usize,
    pub(super) depth: usize,
    pub(super) features: usize,
}

/// Holds a place until the node that belongs there is known.
const UNSET: Node = Node {
    value: 0.0,
    first: 0,
    feature: 0,
    flags: 0,
};

/// An index, of which there are far fewer than a `u32` has.
fn narrow(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Nodes by the numbers that the file gives them.
#[derive(Default)]
struct Numbered {
    /// For each tree its number, and its place in the list; sorted in the end.
    nodes: std::collections::HashMap<(i64, i64), usize>,
    trees: std::collections::HashSet<i64>,
}

impl Numbered {
    /// Takes in the nodes of a tree, which stand together in the file.
    fn tree(&mut self, raw: &Raw, run: &[RawNode], start: usize) -> Result<(), Fault> {
        let tree = run.first().map_or(0, |node| node.place.tree);
        if !self.trees.insert(tree) {
            let found = format_args!("tree {tree} in two parts");
            let expected = "the nodes of a tree together";
            return Err(Fault::new(raw.names.tree, found, expected));
        }
        for (index, node) in run.iter().enumerate() {
            let Place { tree, node: number } = node.place;
            if self.nodes.insert((tree, number), start + index).is_some() {
                let expected = "a number of its own for each node of a tree";
                return Err(Fault::at(raw.names.node, node.place, "it twice", expected));
            }
        }
        Ok(())
    }

    /// The place of a node in the file's lists.
    fn find(&self, place: Place) -> Option<usize> {
        self.nodes.get(&(place.tree, place.node)).copied()
    }

    /// The place of a branch's child within its tree.
    fn child(&self, raw: &Raw, run: &[RawNode], index: usize, side: usize) -> Result<usize, Fault> {
        let node = run[index];
        let child = Place {
            tree: node.place.tree,
            node: node.children[side],
        };
        let start = self.find(run[0].place);
        start
            .zip(self.find(child))
            .map(|(start, found)| found - start)
            .ok_or_else(|| {
                let expected = "the number of another node of this tree";
                Fault::at(raw.names.child[side], node.place, child.node, expected)
            })
    }
}
