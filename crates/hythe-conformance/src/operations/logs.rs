//! The lines that requests leave in both logs.

use std::time::{Duration, Instant};

use hythe_testutil::ServerProcess;
use serde_json::{Map, Value};

use super::facts::Facts;
use super::traffic::Sent;
use crate::failure::Failure;
use crate::text::without_uuids;

/// How long lines may take to be written.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often they are looked for.
const INTERVAL: Duration = Duration::from_millis(20);

/// Fields whose values differ from run to run; that they are there is compared.
const VOLATILE: [&str; 6] = [
    "time",
    "go.version",
    "version",
    "instance.id",
    "http.request.id",
    "http.response.duration",
];

/// The access line and the fields of the completion line of each request.
pub(super) async fn facts(server: &ServerProcess, sent: &[Sent], facts: &mut Facts) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    let log = loop {
        let log = server.log();
        let is_there = |sent: &Sent| access_line(&log, &sent.agent).is_some();
        if sent.iter().all(is_there) {
            break log;
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!(
                "lines of the access log are missing:\n{log}"
            )));
        }
        tokio::time::sleep(INTERVAL).await;
    };
    for (number, Sent { name, agent }) in sent.iter().enumerate() {
        let line = access_line(&log, agent).unwrap_or_default();
        facts.insert(
            format!("access line {number}, {name}"),
            stable(&without_time(line), server),
        );
        let completed = completion_lines(&log, agent);
        facts.insert(format!("log lines {number}, {name}"), completed.len().to_string());
        for (field, value) in completed.into_iter().flatten() {
            let text = if VOLATILE.contains(&field.as_str()) {
                "present".to_owned()
            } else {
                stable(&value.to_string(), server)
            };
            facts.insert(format!("log field {number}, {name}, {field}"), text);
        }
    }
    Ok(())
}

fn access_line<'a>(log: &'a str, agent: &str) -> Option<&'a str> {
    let quoted = format!("\"{}\"", agent.replace('"', "\\\""));
    log.lines()
        .find(|line| !line.starts_with('{') && line.ends_with(&quoted))
}

fn completion_lines(log: &str, agent: &str) -> Vec<Map<String, Value>> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Map<String, Value>>(line).ok());
    let of_request = lines.filter(|line| {
        let text = |field: &str| line.get(field).and_then(Value::as_str).unwrap_or_default();
        text("http.request.useragent") == agent && text("msg").starts_with("response completed")
    });
    of_request.collect()
}

/// A line of the access log with the form of its time in place of the time: a digit is `0`, a letter `a`.
fn without_time(line: &str) -> String {
    let (Some(begin), Some(end)) = (line.find('['), line.find(']')) else {
        return line.to_owned();
    };
    let form = |character: char| match character {
        '0'..='9' => '0',
        letter if letter.is_alphabetic() => 'a',
        // The zone may lie in the east or the west.
        '-' => '+',
        other => other,
    };
    let time: String = line[begin..end].chars().map(form).collect();
    format!("{}{time}{}", &line[..begin], &line[end..])
}

/// Without what is drawn anew each time: ids, states of uploads, ports.
fn stable(text: &str, server: &ServerProcess) -> String {
    let text = without_uuids(text.replace(server.authority(), "REGISTRY"));
    let text = match text.split_once("_state=") {
        Some((before, rest)) => {
            let end = rest.find(['&', '"', ' ']).unwrap_or(rest.len());
            format!("{before}_state=…{}", &rest[end..])
        }
        None => text,
    };
    match text.strip_prefix("\"127.0.0.1:") {
        Some(port)
            if port
                .trim_end_matches('"')
                .bytes()
                .all(|byte| byte.is_ascii_digit()) =>
        {
            "\"127.0.0.1:PORT\"".to_owned()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_agent() {
        let log = "127.0.0.1 - - [02/Jan/2026:03:04:05 -0700] \"GET / HTTP/1.1\" 200 0 \"\" \"one \\\"q\\\"\"\n\
                   {\"msg\":\"response completed\",\"http.request.useragent\":\"one \\\"q\\\"\",\"a\":1}\n";
        let line = access_line(log, "one \"q\"").unwrap();
        assert_eq!(
            without_time(line),
            "127.0.0.1 - - [00/aaa/0000:00:00:00 +0000] \"GET / HTTP/1.1\" 200 0 \"\" \"one \\\"q\\\"\""
        );
        assert_eq!(completion_lines(log, "one \"q\"").len(), 1);
        assert_eq!(completion_lines(log, "two").len(), 0);
    }
}
