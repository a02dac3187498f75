//! From a table to a program of the kernel's.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter_all_threads, sock_filter,
};

use super::table::{Compare, Row, Test};

/// Why a filter is not in force.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// The table makes no program, or this machine has another kind of processor.
    #[error("the table makes no filter")]
    Table(#[from] seccompiler::BackendError),
    /// The kernel does not take it.
    #[error("the kernel does not take the filter: {0}")]
    Kernel(#[from] seccompiler::Error),
}

/// What the rows of a table mean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// EPERM for what is listed.
    Deny,
    /// ENOSYS for what is listed: the C library then takes the older call.
    Missing,
    /// Death for what is not listed.
    AllowOnly,
}

/// Puts the table in force for all threads of the process.
pub(super) fn install(rows: &[Row], verdict: Verdict) -> Result<(), FilterError> {
    Ok(apply_filter_all_threads(&program(rows, verdict)?)?)
}

fn program(rows: &[Row], verdict: Verdict) -> Result<BpfProgram, FilterError> {
    let errno = |error: i32| SeccompAction::Errno(error.unsigned_abs());
    let (listed, others) = match verdict {
        Verdict::Deny => (errno(libc::EPERM), SeccompAction::Allow),
        Verdict::Missing => (errno(libc::ENOSYS), SeccompAction::Allow),
        Verdict::AllowOnly => (SeccompAction::Allow, SeccompAction::KillProcess),
    };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for row in rows {
        let alternatives = rules.entry(row.number).or_default();
        for tests in row.when {
            let conditions = tests.iter().map(condition).collect::<Result<Vec<_>, _>>()?;
            alternatives.push(SeccompRule::new(conditions)?);
        }
    }
    let arch = std::env::consts::ARCH.try_into()?;
    let filter: BpfProgram = SeccompFilter::new(rules, others, listed, arch)?.try_into()?;
    Ok(before(filter))
}

fn condition(test: &Test) -> Result<SeccompCondition, seccompiler::BackendError> {
    let (operation, value) = match test.compare {
        Compare::Is(value) => (SeccompCmpOp::Eq, value),
        Compare::IsNot(value) => (SeccompCmpOp::Ne, value),
        Compare::Masked { mask, value } => (SeccompCmpOp::MaskedEq(mask), value),
    };
    let width = if test.wide { SeccompCmpArgLen::Qword } else { SeccompCmpArgLen::Dword };
    SeccompCondition::new(test.argument, width, operation, value)
}

/// On x86_64 the x32 calls share the architecture's name and have numbers of their own, which a
/// list of what is denied would let through: seccomp(2), "Caveats".
#[cfg(target_arch = "x86_64")]
fn before(filter: BpfProgram) -> BpfProgram {
    const X32: u32 = 0x4000_0000;
    const LOAD_NUMBER: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const JUMP_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const KILL_PROCESS: u32 = 0x8000_0000;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let mut whole = vec![
        step(LOAD_NUMBER, 0, 0, 0),
        step(JUMP_AT_LEAST, 0, 1, X32),
        step(RETURN, 0, 0, KILL_PROCESS),
    ];
    whole.extend(filter);
    whole
}

#[cfg(not(target_arch = "x86_64"))]
fn before(filter: BpfProgram) -> BpfProgram {
    filter
}

#[cfg(test)]
mod tests {
    use super::super::table::{ALLOWED, DENIED, DENIED_SERVER, DENIED_SIGNER, UNREADABLE};
    use super::*;

    #[test]
    fn every_table_makes_a_program_that_the_kernel_has_room_for() {
        let tables = [
            (ALLOWED, Verdict::AllowOnly),
            (DENIED, Verdict::Deny),
            (DENIED_SIGNER, Verdict::Deny),
            (DENIED_SERVER, Verdict::Deny),
            (UNREADABLE, Verdict::Missing),
        ];
        for (rows, verdict) in tables {
            let program = program(rows, verdict).unwrap();
            // BPF_MAXINSNS (bpf_common.h).
            assert!(program.len() > rows.len() && program.len() < 4096, "{}", program.len());
        }
    }
}
