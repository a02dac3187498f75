//! Completions for shells.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::exit::Outcome;

/// Prints completions for a shell.
#[derive(Debug, Args)]
pub struct Completion {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

impl Completion {
    /// Prints them to standard output.
    pub fn run<C: CommandFactory>(&self) -> Outcome {
        let mut out = Vec::new();
        clap_complete::generate(self.shell, &mut C::command(), "chancery", &mut out);
        crate::output::text(&String::from_utf8_lossy(&out))
    }
}
