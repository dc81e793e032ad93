//! Damaged files are refused, or give some numbers; nothing panics, and nothing
//! reads past what it has.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "small numbers, or any"
)]

use prost::Message as _;
use tract_onnx::pb::{AttributeProto, NodeProto};

use super::testing::{ensemble, evaluate, mixed, nodes, rows};

/// Damaged files of each form.
const MUTANTS: u64 = 1_000;

/// One operator of each kind, and the variations that take other ways.
const FORMS: [(&str, &str); 7] = [
    ("forms", "mode.BRANCH_LEQ.plain"),
    ("forms", "mode.all.missing"),
    ("forms", "AVERAGE.SOFTMAX_ZERO.3.base"),
    ("forms", "binary.0.1.mixed_sign.LOGISTIC"),
    ("forms", "binary.01.2.positive.SOFTMAX"),
    ("forms", "classes.3.PROBIT"),
    ("version_five", "five.60.3.1.0"),
];

/// Numbers that nobody chose.
struct Dice(u64);

impl Dice {
    fn draw(&mut self) -> u64 {
        self.0 += 1;
        mixed(self.0)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.draw() % limit.max(1) as u64) as usize
    }

    fn integer(&mut self) -> i64 {
        match self.below(4) {
            0 => self.below(40) as i64,
            1 => -1,
            2 => i64::from(self.draw() as i32),
            _ => self.draw().cast_signed(),
        }
    }

    fn float(&mut self) -> f32 {
        match self.below(3) {
            0 => f32::NAN,
            1 => f32::from_bits(self.draw() as u32),
            _ => f32::INFINITY,
        }
    }
}

fn edit<T>(list: &mut Vec<T>, dice: &mut Dice, other: impl Fn(&mut Dice) -> T)
where
    T: Clone,
{
    if list.is_empty() {
        return;
    }
    let index = dice.below(list.len());
    match dice.below(5) {
        0 => list.truncate(index),
        1 => list.push(list[index].clone()),
        2 => {
            let with = dice.below(list.len());
            list.swap(index, with);
        }
        _ => list[index] = other(dice),
    }
}

/// Changes something in an attribute.
fn damage(attribute: &mut AttributeProto, dice: &mut Dice) {
    edit(&mut attribute.ints, dice, Dice::integer);
    edit(&mut attribute.floats, dice, Dice::float);
    edit(&mut attribute.strings, dice, |dice| {
        let names: [&[u8]; 4] = [b"LEAF", b"BRANCH_EQ", b"BRANCH_GT", b"\xff"];
        names[dice.below(names.len())].to_vec()
    });
    if let Some(tensor) = &mut attribute.t {
        edit(&mut tensor.float_data, dice, Dice::float);
        edit(&mut tensor.int32_data, dice, |dice| dice.draw() as i32);
        if dice.below(3) == 0 {
            edit(&mut tensor.dims, dice, Dice::integer);
        }
    }
    if attribute.i != 0 || dice.below(9) == 0 {
        attribute.i = dice.integer();
    }
    if dice.below(20) == 0 {
        attribute.r#type = dice.below(14) as i32;
    }
}

/// Scores the rows, where the operator is not refused.
fn try_out(node: &NodeProto, rows: &[f32]) -> bool {
    let Ok(ensemble) = ensemble(node) else {
        return false;
    };
    // What tract asks for before any row.
    if ensemble.layout.width.0 <= super::testing::WIDTH {
        evaluate(&ensemble, rows);
    }
    true
}

#[test]
fn damaged_attributes() {
    let rows = rows(9);
    for (file, name) in FORMS {
        let whole = nodes(file).into_iter().find(|node| node.name == name);
        let whole = whole.unwrap();
        assert!(try_out(&whole, &rows), "{name}");
        let mut dice = Dice(name.len() as u64);
        let mut refused = 0;
        for _ in 0..MUTANTS {
            let mut node = whole.clone();
            let index = dice.below(node.attribute.len());
            damage(&mut node.attribute[index], &mut dice);
            if dice.below(50) == 0 {
                node.attribute.remove(index);
            }
            refused += usize::from(!try_out(&node, &rows));
        }
        // Many changes are to weights or thresholds, and give another good file.
        assert!(refused > 300, "{name}: {refused}");
    }
}

#[test]
fn damaged_bytes() {
    let rows = rows(9);
    for (file, name) in FORMS {
        let whole = nodes(file).into_iter().find(|node| node.name == name);
        let whole = whole.unwrap().encode_to_vec();
        let mut dice = Dice(name.len() as u64 + 500);
        let mut read = 0;
        for _ in 0..MUTANTS {
            let mut bytes = whole.clone();
            for _ in 0..=dice.below(3) {
                let index = dice.below(bytes.len());
                bytes[index] = match dice.below(3) {
                    0 => dice.draw() as u8,
                    1 => bytes[index] ^ (1 << dice.below(8)),
                    _ => 0xff,
                };
            }
            if dice.below(10) == 0 {
                bytes.truncate(dice.below(bytes.len()));
            }
            if let Ok(node) = NodeProto::decode(&*bytes) {
                read += 1;
                try_out(&node, &rows);
            }
        }
        assert!(read > 100, "{name}: {read}");
    }
}
