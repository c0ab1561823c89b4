//! The commands, one file each.

pub mod assemble;
pub mod check_config;
