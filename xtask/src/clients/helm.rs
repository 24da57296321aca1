//! helm keeps a chart as an artifact of one layer.

use anyhow::{Result, ensure};

use super::lab::Attempt;
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
    attempt.run(&HELM, ["push", "--plain-http", "sent/harbour-1.2.3.tgz", &parent])?;
    let chart = format!("{parent}/harbour");
    std::fs::create_dir_all(attempt.path("back"))?;
    attempt.run(
        &HELM,
        [
            "pull",
            "--plain-http",
            &chart,
            "--version",
            "1.2.3",
            "--destination",
            "back",
        ],
    )?;
    let [sent, back] =
        ["sent", "back"].map(|folder| std::fs::read(attempt.path(folder).join("harbour-1.2.3.tgz")));
    ensure!(sent? == back?, "the chart came back with other bytes");
    Ok(())
}
