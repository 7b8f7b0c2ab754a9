//! Asks a program.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use super::Answer;
use crate::case::{Outcome, Stop, fail};
use crate::client::command;
use crate::context::FrameLog;

/// The answers to these calls, in their order.
pub(super) async fn ask(
    shim: &str,
    calls: &[(&str, &Value)],
    log: &FrameLog,
) -> Outcome<Vec<Answer>> {
    let mut child = command(shim, &["--json", "compute"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Stop::Fail {
            expected: "the shim to start".to_owned(),
            got: error.to_string(),
        })?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return fail("the shim's input and output", "neither");
    };
    let lines: Vec<String> = calls
        .iter()
        .map(|(name, input)| json!({"call": name, "input": input}).to_string())
        .collect();
    let asking = async {
        for line in &lines {
            log.sent("shim", line);
            let _ = stdin.write_all(line.as_bytes()).await;
            let _ = stdin.write_all(b"\n").await;
        }
        drop(stdin);
    };
    let reading = async {
        let mut told = Vec::new();
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            log.received("shim", &line);
            told.push(serde_json::from_str::<Value>(&line).unwrap_or(Value::String(line)));
        }
        told
    };
    let ((), told) = tokio::join!(asking, reading);
    let status = child.wait().await.ok().and_then(|status| status.code());
    if status == Some(89) && told.is_empty() {
        return Err(Stop::NotImplemented("`compute`".to_owned()));
    }
    let mut told = told.into_iter();
    let hello = told.next().unwrap_or_default();
    if hello["event"] != "hello" || hello["shim"] != 1 {
        return fail(
            "`hello` of version 1 as the first line",
            format!("{hello}, exit status {status:?}"),
        );
    }
    let answers: Vec<Answer> = told.map(|line| answer(&line)).collect::<Outcome<_>>()?;
    if answers.len() != calls.len() || status != Some(0) {
        return fail(
            format!("{} answers and exit status 0", calls.len()),
            format!("{} answers and exit status {status:?}", answers.len()),
        );
    }
    Ok(answers)
}

fn answer(line: &Value) -> Outcome<Answer> {
    match line["event"].as_str() {
        Some("result") => Ok(Answer::Output(line["output"].clone())),
        Some("refused") => Ok(Answer::Refused(line["error"].as_str().map(str::to_owned))),
        Some("not_implemented") => Ok(Answer::NotImplemented),
        _ => fail("`result`, `refused` or `not_implemented`", line.to_string()),
    }
}
