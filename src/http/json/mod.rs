//! Bodies of portals, read strictly: nothing is guessed, nothing is dropped, and every problem is told at once.
//!
//! [`tree`] makes a tree of the bytes, in which repeated members are known; [`members`] reads it into typed values.

pub(super) mod members;
pub(super) mod tree;

use crate::desk::Problem;

use super::{Code, ProblemDetails};

/// Everything that is wrong with a body.
#[derive(Debug, Default)]
pub(super) struct Problems {
    structure: Vec<Problem>,
    values: Vec<Problem>,
}

impl Problems {
    /// The body is built wrongly at a place: wrong type, unknown or repeated member.
    pub(super) fn structure(&mut self, pointer: &str, detail: impl std::fmt::Display) {
        self.structure.push(Problem::at(pointer, detail));
    }

    /// A value is of the right type and still cannot be taken.
    pub(super) fn value(&mut self, pointer: &str, detail: impl std::fmt::Display) {
        self.values.push(Problem::at(pointer, detail));
    }

    /// The value that was read, if nothing is wrong. What is built wrongly weighs more than a wrong value.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, ProblemDetails> {
        match read {
            Some(value) if self.structure.is_empty() && self.values.is_empty() => Ok(value),
            _ if self.structure.is_empty() => Err(ProblemDetails::new(Code::ValidationFailed).at_pointers(self.values)),
            _ => {
                let all = self.structure.into_iter().chain(self.values);
                Err(ProblemDetails::new(Code::MalformedRequest).at_pointers(all))
            }
        }
    }
}
