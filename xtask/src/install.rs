//! Installs, by name, the tools that are missing, and touches nothing that is there.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::{Step, find_program};
use crate::tools::{Source, Tool, node_folder, virtual_environment};

/// Building cosign from source on two cores takes some minutes.
const INSTALL_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Installs what is missing of `tools`; fails when something still is missing in the end.
pub(crate) fn install(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| is_missing(tool)).collect();
    let mut packages = BTreeSet::new();
    let mut from_node = Vec::new();
    let mut problems = Vec::new();
    for tool in &missing {
        match tool.source {
            Source::Debian { package } => {
                packages.insert(package);
            }
            Source::Go {
                module,
                folder,
                version,
            } => {
                problems.extend(go_install(&format!("{module}{folder}@{version}")).err());
            }
            Source::Python { package, version } => {
                problems.extend(pip_install(&format!("{package}=={version}")).err());
            }
            Source::Node { package, version } => from_node.push((*tool, format!("{package}@{version}"))),
        }
    }
    if !packages.is_empty() {
        problems.extend(apt_install(&packages).err());
    }
    // Node itself may just have come with the packages.
    for (tool, target) in from_node {
        problems.extend(npm_install(tool, &target).err());
    }
    for problem in problems {
        eprintln!("warning: {problem:#}");
    }
    let still_missing: Vec<String> = missing
        .iter()
        .filter(|tool| is_missing(tool))
        .map(|tool| lacking(tool))
        .collect();
    if !still_missing.is_empty() {
        bail!("still missing:\n{}", still_missing.join("\n"));
    }
    Ok(())
}

fn is_missing(tool: &Tool) -> bool {
    match tool.find() {
        Some(found) => {
            println!("{:<20} {}", tool.name, found.path.display());
            false
        }
        None => true,
    }
}

fn lacking(tool: &Tool) -> String {
    format!("  {:<20} {}", tool.name, tool.how_to_install())
}

fn go_install(target: &str) -> Result<()> {
    if find_program("go", &[]).is_none() {
        bail!("{target} needs Go, which is not installed");
    }
    println!("go install {target}");
    // The toolchain that is here must do: fetching another one is not installing by name.
    Step::new("go")
        .args(["install", target])
        .env("GOTOOLCHAIN", "local")
        .limit(INSTALL_LIMIT)
        .shown()
}

fn pip_install(requirement: &str) -> Result<()> {
    let python = find_program("python3", &[]).context("Python is not installed")?;
    let folder = virtual_environment().context("no place for a virtual environment")?;
    println!("pip install {requirement} (in {})", folder.display());
    Step::new(python)
        .args(["-m", "venv"])
        .arg(&folder)
        .limit(INSTALL_LIMIT)
        .shown()
        .context("on Debian, python3-venv may be missing")?;
    Step::new(folder.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            requirement,
        ])
        .limit(INSTALL_LIMIT)
        .shown()
}

fn npm_install(tool: &Tool, target: &str) -> Result<()> {
    let npm = find_program("npm", &[]).with_context(|| format!("{target} needs npm"))?;
    let folder = node_folder(tool).context("no place for packages of Node: neither HOME nor a cache")?;
    std::fs::create_dir_all(&folder)?;
    println!("npm install {target} (in {})", folder.display());
    Step::new(npm)
        .args([
            "install",
            "--no-save",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ])
        .arg("--prefix")
        .arg(&folder)
        .arg(target)
        .limit(INSTALL_LIMIT)
        .shown()
}

fn apt_install(packages: &BTreeSet<&str>) -> Result<()> {
    let list = packages.iter().copied().collect::<Vec<_>>().join(" ");
    if find_program("apt-get", &[]).is_none() {
        bail!("there is no apt-get here to install {list}");
    }
    let Some(as_root) = become_root() else {
        bail!("only root can install {list}");
    };
    println!("apt-get install {list}");
    let apt = |arguments: &[&str]| {
        let step = match as_root {
            AsRoot::Already => Step::new("apt-get"),
            AsRoot::Sudo => Step::new("sudo").args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]),
        };
        step.env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments)
            .limit(INSTALL_LIMIT)
    };
    // A list that cannot be refreshed may still be good enough.
    if let Err(error) = apt(&["update", "-qq"]).shown() {
        eprintln!("warning: {error:#}");
    }
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    // Another installation may just be running, and a mirror may fail once.
    let patience = ["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3"];
    apt(&install).args(patience).args(packages).shown()
}

#[derive(Clone, Copy)]
enum AsRoot {
    Already,
    Sudo,
}

fn become_root() -> Option<AsRoot> {
    if rustix::process::geteuid().is_root() {
        return Some(AsRoot::Already);
    }
    let sudo_asks_nothing = Step::new(Path::new("sudo"))
        .args(["-n", "true"])
        .quiet()
        .is_some();
    sudo_asks_nothing.then_some(AsRoot::Sudo)
}
