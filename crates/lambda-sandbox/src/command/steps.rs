//! A run: its steps, one after the other.

use std::time::Duration;

use bytes::Bytes;
use lambda_sandbox::{Sandbox, ShutdownReason};

use super::arguments::Run;
use super::scenario::{Invoke, Outcome, Scenario, ScenarioError, Step};
use super::{Invocations, RunError, Work};

/// What a run does.
pub(super) struct Plan {
    steps: Vec<Step>,
    shutdown: ShutdownReason,
    /// What the function is invoked with where a step does not say.
    payload: Bytes,
}

/// The plan that the arguments describe.
pub(super) fn plan(run: &Run) -> Result<Plan, RunError> {
    let payload = run.payload.0.clone();
    if let Some(path) = &run.scenario {
        let scenario = Scenario::read(path)?;
        scenario.check(&run.environment.extensions)?;
        return Ok(Plan { steps: scenario.steps, shutdown: scenario.shutdown.into(), payload });
    }
    let invoke = Invoke { times: run.invocations, gap: run.gap, ..Invoke::default() };
    Ok(Plan { steps: vec![Step::Invoke(invoke)], shutdown: ShutdownReason::Spindown, payload })
}

pub(super) async fn carry_out(sandbox: &Sandbox, plan: &Plan) -> Work {
    let mut all = Invocations::AllSucceeded;
    for step in &plan.steps {
        match step {
            Step::Invoke(invoke) => {
                if carry_out_invoke(sandbox, invoke, &plan.payload).await? == Invocations::SomeFailed {
                    all = Invocations::SomeFailed;
                }
            }
            Step::Wait(duration) => tokio::time::sleep(*duration).await,
            Step::Freeze => sandbox.freeze().await,
            Step::Thaw => sandbox.thaw(),
            // What became of them is an event.
            Step::Cut => drop(sandbox.cut_connections()),
            Step::Kill(name) => {
                if !sandbox.kill(name).await {
                    return Err(ScenarioError::NotRunning { name: name.clone() }.into());
                }
            }
        }
    }
    Ok((all, plan.shutdown))
}

async fn carry_out_invoke(
    sandbox: &Sandbox,
    invoke: &Invoke,
    payload: &Bytes,
) -> Result<Invocations, RunError> {
    let payload = invoke.payload.as_ref().map_or_else(|| payload.clone(), |json| json.to_string().into());
    let mut all = Invocations::AllSucceeded;
    for index in 0..invoke.times {
        if index > 0 && invoke.gap > Duration::ZERO {
            tokio::time::sleep(invoke.gap).await;
        }
        let invocation = match invoke.timeout {
            Some(timeout) => sandbox.invoke_within(payload.clone(), timeout).await?,
            None => sandbox.invoke(payload.clone()).await?,
        };
        let as_expected = match invoke.expect {
            // The function's answer is there, and the environment too.
            Outcome::Success => invocation.is_ok(),
            other => invocation.status() == other.as_str(),
        };
        if !as_expected {
            all = Invocations::SomeFailed;
        }
    }
    Ok(all)
}
