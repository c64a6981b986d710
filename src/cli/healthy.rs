//! `holdline healthy`: asks a running instance whether it works, for supervisors that can only run a command.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

/// Whoever supervises does not want to wait for longer.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// No answer is longer.
const MOST_BYTES: u64 = 64 * 1024;

/// Ask a running instance whether it works: exit code 0 if it does
#[derive(Args, Clone, Debug)]
pub struct HealthyArguments {
    /// Where its pages are
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9847")]
    pub address: String,
    /// Ask whether it shows lanes, too
    #[arg(long)]
    pub ready: bool,
}

/// Writes what `/healthz` says, or `/readyz` if that is asked for. The exit code is 1 unless it is well.
///
/// # Errors
/// Nobody answers there, or not in time.
pub fn healthy(arguments: &HealthyArguments, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let path = if arguments.ready { "/readyz" } else { "/healthz" };
    let url = format!("http://{}{path}", arguments.address);
    let (status, body) = ask(&url, LONGEST_ANSWER, MOST_BYTES)?;
    out.write_all(&body)?;
    Ok(if status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is answered at this address, in time and with at most so many bytes: status and body.
///
/// # Errors
/// Nobody answers there, or not so.
pub(super) fn ask(url: &str, longest: Duration, most_bytes: u64) -> anyhow::Result<(u16, Vec<u8>)> {
    let agent = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).timeout_global(Some(longest));
    let agent = ureq::Agent::new_with_config(agent.build());
    let unreachable = || format!("cannot ask {url}");
    let mut answer = agent.get(url).call().with_context(unreachable)?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(most_bytes).read_to_vec().with_context(unreachable)?;
    Ok((status, body))
}
