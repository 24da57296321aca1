//! helm keeps a chart as an artifact of one layer.

use anyhow::{Result, ensure};

use super::lab::Attempt;
use crate::process::Step;
use crate::tools::HELM;

pub(super) fn chart(attempt: &Attempt<'_>) -> Result<()> {
    let chart = attempt.path("harbour");
    std::fs::create_dir_all(chart.join("templates"))?;
    std::fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: harbour\nversion: 1.2.3\ndescription: A chart\n",
    )?;
    std::fs::write(
        chart.join("templates/settings.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n",
    )?;
    attempt.run(&HELM, ["package", "harbour", "--destination", "sent"])?;
    let parent = format!("oci://{}", attempt.name());
    let push = helm(attempt, "push")?.args(["sent/harbour-1.2.3.tgz", &parent]);
    attempt.run_step(push)?;
    let chart = format!("{parent}/harbour");
    std::fs::create_dir_all(attempt.path("back"))?;
    let pull = helm(attempt, "pull")?.args([&chart, "--version", "1.2.3", "--destination", "back"]);
    attempt.run_step(pull)?;
    let [sent, back] =
        ["sent", "back"].map(|folder| std::fs::read(attempt.path(folder).join("harbour-1.2.3.tgz")));
    ensure!(sent? == back?, "the chart came back with other bytes");
    Ok(())
}

/// A command that speaks to the registry.
fn helm(attempt: &Attempt<'_>, command: &str) -> Result<Step> {
    let step = attempt.step(&HELM)?.arg(command);
    Ok(match attempt.authority() {
        Some(file) => step.arg("--ca-file").arg(file),
        None => step.arg("--plain-http"),
    })
}
