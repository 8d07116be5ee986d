//! The enlistment call: its form and its answer (TF §1.2).
//!
//! Main types: [`Form`] and [`Answer`]. The client posts the form itself (ENL-001). Nothing here
//! checks the signature of the signed prekey or the token: those are other rooms' rules. Reading
//! the form is strict and names every fault, reading the answer is lenient, because the harness
//! judges the one and plays a client with the other.

mod answer;
mod form;
mod urlencoded;

pub use answer::{Answer, AnswerFault};
pub use form::{Argument, Form, FormFault, FormRule, without_token};
