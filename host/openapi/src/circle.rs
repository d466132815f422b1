//! Objects that hold themselves.

use crate::model::{Definition, Form, Id, Type};

/// A struct cannot hold itself: the field that closes the circle is boxed.
pub(crate) fn break_all(definitions: &mut [Definition]) {
    for id in 0..definitions.len() {
        let direct = direct(definitions, id);
        let closing: Vec<usize> = direct
            .iter()
            .filter(|(_, target)| reaches(definitions, *target, id))
            .map(|(index, _)| *index)
            .collect();
        if let Form::Record { fields, .. } = &mut definitions[id].form {
            for index in closing {
                fields[index].boxed = true;
                // Without an end there would be no value.
                fields[index].required = false;
            }
        }
    }
}

/// The fields of a record that hold another record by value.
fn direct(definitions: &[Definition], id: Id) -> Vec<(usize, Id)> {
    let Form::Record { fields, .. } = &definitions[id].form else {
        return Vec::new();
    };
    let held = fields.iter().enumerate().filter(|(_, field)| !field.boxed);
    held.filter_map(|(index, field)| match field.ty.bare() {
        Type::Named(target) => Some((index, *target)),
        _ => None,
    })
    .collect()
}

fn reaches(definitions: &[Definition], from: Id, to: Id) -> bool {
    let mut seen = vec![false; definitions.len()];
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        if id == to {
            return true;
        }
        if !std::mem::replace(&mut seen[id], true) {
            open.extend(
                direct(definitions, id)
                    .into_iter()
                    .map(|(_, target)| target),
            );
        }
    }
    false
}
