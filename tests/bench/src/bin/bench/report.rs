//! The table: what is promised, what was measured, what that is of the raw library.

use std::fmt::Write as _;
use std::time::Duration;

/// One line of the table.
pub struct Row {
    /// Which path.
    pub path: String,
    /// What DESIGN §7 promises; empty if nothing.
    pub budget: &'static str,
    /// What came out, or why nothing did.
    pub outcome: Result<Measured, String>,
}

/// What came out.
pub struct Measured {
    /// In plain units.
    pub value: String,
    /// As a ratio to the raw library in the same run.
    pub ratio: String,
    /// Whether the promise is kept; none if nothing is promised.
    pub kept: Option<bool>,
}

impl Row {
    /// Makes a line of what a measurement gave; all causes of an error are told.
    pub fn new(path: &str, budget: &'static str, outcome: anyhow::Result<Measured>) -> Self {
        let row = Self {
            path: path.to_owned(),
            budget,
            outcome: outcome.map_err(|error| format!("{error:#}")),
        };
        eprintln!("{}", row.line());
        row
    }

    /// Makes a line for what belongs to a later issue, or was left out on wish.
    pub fn not_run(path: &str, budget: &'static str, why: &str) -> Self {
        Self::new(path, budget, Err(anyhow::anyhow!("{why}")))
    }

    fn line(&self) -> String {
        let (value, ratio, kept) = match &self.outcome {
            Ok(measured) => (
                measured.value.clone(),
                measured.ratio.as_str(),
                match measured.kept {
                    Some(true) => "kept",
                    Some(false) => "**missed**",
                    None => "",
                },
            ),
            Err(why) => (format!("not run: {}", why.replace(['|', '\n'], " ")), "", ""),
        };
        let Row { path, budget, .. } = self;
        format!("| {path} | {budget} | {value} | {ratio} | {kept} |")
    }
}

/// Puts the page together.
pub fn page(machine: &str, rows: &[Row]) -> String {
    let mut text = String::from(
        "# Performance\n\n\
         Written by `make bench`; do not edit. The budgets are those of DESIGN §7. Times on shared \
         machines are noisy, so the ratios to the raw library (aws-lc-rs and fdatasync, measured in \
         the same run) tell more than the numbers. CPU is user and system time by /proc/PID/stat. \
         Client and servers share the cores.\n\n",
    );
    let _ = writeln!(text, "{machine}");
    text.push_str("| path | budget | measured | of the raw library | |\n|---|---|---|---|---|\n");
    for row in rows {
        let _ = writeln!(text, "{}", row.line());
    }
    text
}

/// Durations of single acts, sorted.
pub struct Times(Vec<Duration>);

impl Times {
    /// Takes them in any order; there must be some.
    pub fn new(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "something was measured");
        times.sort_unstable();
        Self(times)
    }

    /// Returns the time that so many percent of the acts do not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len() - 1;
        self.0[(self.0.len() * percent / 100).min(last)]
    }

    /// Returns the median.
    pub fn median(&self) -> Duration {
        self.percentile(50)
    }
}

/// Writes microseconds, or milliseconds and seconds where they are many.
pub fn time(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    if micros < 1_000.0 {
        format!("{micros:.1} µs")
    } else if micros < 1_000_000.0 {
        format!("{:.1} ms", micros / 1e3)
    } else {
        format!("{:.2} s", micros / 1e6)
    }
}

/// Writes a number of thousands with commas.
pub fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_and_times() {
        for (number, text) in [(0.4, "0"), (999.0, "999"), (1_000.0, "1,000"), (61_234.4, "61,234")]
        {
            assert_eq!(count(number), text);
        }
        assert_eq!(time(Duration::from_nanos(51_300)), "51.3 µs");
        assert_eq!(time(Duration::from_micros(1_500)), "1.5 ms");
        assert_eq!(time(Duration::from_millis(2_350)), "2.35 s");
    }

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times = Times::new((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(times.median(), Duration::from_millis(101));
        assert_eq!(times.percentile(99), Duration::from_millis(199));
        assert_eq!(times.percentile(100), Duration::from_millis(200));
    }

    #[test]
    fn a_row_that_did_not_run_says_why_in_one_line() {
        let row = Row::not_run("a", "b", "no wrk | here\nat all");
        assert_eq!(row.line(), "| a | b | not run: no wrk   here at all |  |  |");
    }
}
