//! The programs of others that tasks use: where each comes from, in which version, and whether it is here.

use std::path::{Path, PathBuf};

use crate::process::{Step, find_program};
use crate::workspace;

/// One program of others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    /// The name in tables and messages.
    pub(crate) name: &'static str,
    /// The file name of the program; for a Python package, the name it is imported by.
    pub(crate) program: &'static str,
    pub(crate) source: Source,
}

/// Where a tool is installed from, by name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// A Debian package. Any version is taken: a release has only one.
    Debian { package: &'static str },
    /// A program of a Go module, in exactly this version.
    Go {
        module: &'static str,
        folder: &'static str,
        version: &'static str,
    },
    /// A Python package, in exactly this version.
    Python {
        package: &'static str,
        version: &'static str,
    },
    /// A package of the Node registry, in exactly this version.
    Node {
        package: &'static str,
        version: &'static str,
    },
}

/// A tool that is here.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The program; for a Python package, the interpreter that can import it.
    pub(crate) path: PathBuf,
}

const fn debian(name: &'static str, package: &'static str) -> Tool {
    Tool {
        name,
        program: name,
        source: Source::Debian { package },
    }
}

pub(crate) const DOCKER: Tool = debian("docker", "docker.io");
pub(crate) const DOCKERD: Tool = debian("dockerd", "docker.io");
pub(crate) const CONTAINERD: Tool = debian("containerd", "containerd");
pub(crate) const CTR: Tool = debian("ctr", "containerd");
pub(crate) const RUNC: Tool = debian("runc", "runc");
/// Looked for by dockerd when it starts, even with its use switched off.
pub(crate) const IPTABLES: Tool = debian("iptables", "iptables");
pub(crate) const PODMAN: Tool = debian("podman", "podman");
/// The runtime that podman insists on finding.
pub(crate) const CRUN: Tool = debian("crun", "crun");
pub(crate) const BUILDAH: Tool = debian("buildah", "buildah");
pub(crate) const SKOPEO: Tool = debian("skopeo", "skopeo");
pub(crate) const UMOCI: Tool = debian("umoci", "umoci");
pub(crate) const CRANE: Tool = Tool {
    name: "crane",
    program: "crane",
    source: Source::Go {
        module: "github.com/google/go-containerregistry",
        folder: "/cmd/crane",
        version: "v0.22.1",
    },
};
pub(crate) const REGCTL: Tool = Tool {
    name: "regctl",
    program: "regctl",
    source: Source::Go {
        module: "github.com/regclient/regclient",
        folder: "/cmd/regctl",
        version: "v0.11.7",
    },
};
pub(crate) const HELM: Tool = Tool {
    name: "helm",
    program: "helm",
    source: Source::Go {
        module: "helm.sh/helm/v3",
        folder: "/cmd/helm",
        version: "v3.22.0",
    },
};
pub(crate) const COSIGN: Tool = Tool {
    name: "cosign",
    program: "cosign",
    source: Source::Go {
        module: "github.com/sigstore/cosign/v2",
        folder: "/cmd/cosign",
        version: "v2.6.5",
    },
};
pub(crate) const ORAS: Tool = Tool {
    name: "oras (Python)",
    program: "oras",
    source: Source::Python {
        package: "oras",
        version: "0.2.43",
    },
};

/// The original in version 3.
pub(crate) const ORIGINAL: Tool = Tool {
    name: "distribution 3.1.2",
    program: "registry",
    source: Source::Go {
        module: "github.com/distribution/distribution/v3",
        folder: "/cmd/registry",
        version: "v3.1.2",
    },
};
/// The original in version 2, as Debian has it.
pub(crate) const ORIGINAL_2: Tool = Tool {
    name: "distribution 2.8.2",
    program: "docker-registry",
    source: Source::Debian {
        package: "docker-registry",
    },
};

/// S3, archived by its makers in exactly this state.
pub(crate) const MINIO: Tool = Tool {
    name: "MinIO",
    program: "minio",
    source: Source::Go {
        module: "github.com/minio/minio",
        folder: "",
        version: "v0.0.0-20260212201848-7aac2a2c5b7c",
    },
};
/// S3 a second time: it lists open uploads by folder, which MinIO does not.
pub(crate) const VERSITYGW: Tool = Tool {
    name: "versitygw",
    program: "versitygw",
    source: Source::Go {
        module: "github.com/versity/versitygw",
        folder: "/cmd/versitygw",
        version: "v1.8.0",
    },
};
pub(crate) const FAKE_GCS_SERVER: Tool = Tool {
    name: "fake-gcs-server",
    program: "fake-gcs-server",
    source: Source::Go {
        module: "github.com/fsouza/fake-gcs-server",
        folder: "",
        version: "v1.56.1",
    },
};
/// What runs Azurite, and what installs it.
pub(crate) const NODE: Tool = debian("node", "nodejs");
pub(crate) const NPM: Tool = debian("npm", "npm");
pub(crate) const AZURITE: Tool = Tool {
    name: "Azurite",
    program: "azurite-blob",
    source: Source::Node {
        package: "azurite",
        version: "3.37.0",
    },
};

/// Let's Encrypt's own server for tests, and its DNS server.
pub(crate) const PEBBLE: Tool = Tool {
    name: "pebble",
    program: "pebble",
    source: Source::Go {
        module: "github.com/letsencrypt/pebble/v2",
        folder: "/cmd/pebble",
        version: "v2.10.1",
    },
};
pub(crate) const PEBBLE_NAMES: Tool = Tool {
    name: "pebble-challtestsrv",
    program: "pebble-challtestsrv",
    source: Source::Go {
        module: "github.com/letsencrypt/pebble/v2",
        folder: "/cmd/pebble-challtestsrv",
        version: "v2.10.1",
    },
};

/// The C compiler for static builds: ring and the allocator have parts in C.
pub(crate) const MUSL_GCC: Tool = debian("musl-gcc", "musl-tools");

/// What `cargo xtask clients` uses.
pub(crate) const CLIENTS: [Tool; 16] = [
    DOCKER, DOCKERD, CONTAINERD, CTR, RUNC, IPTABLES, PODMAN, CRUN, BUILDAH, SKOPEO, UMOCI, CRANE, REGCTL,
    HELM, COSIGN, ORAS,
];
/// What Hythe is compared with.
pub(crate) const PEERS: [Tool; 2] = [ORIGINAL, ORIGINAL_2];
/// What `cargo xtask dist` uses.
pub(crate) const DIST: [Tool; 1] = [MUSL_GCC];
/// What the storage drivers of the clouds, and certificates by ACME, are tried on.
pub(crate) const EMULATORS: [Tool; 8] = [
    MINIO,
    VERSITYGW,
    FAKE_GCS_SERVER,
    NODE,
    NPM,
    AZURITE,
    PEBBLE,
    PEBBLE_NAMES,
];

impl Tool {
    /// Looks for the tool, in its pinned version where it has one.
    pub(crate) fn find(&self) -> Option<Found> {
        let path = match self.source {
            Source::Debian { .. } => find_program(self.program, &[]),
            Source::Go { version, .. } => {
                find_program(self.program, &go_folders()).filter(|path| go_version_is(path, version))
            }
            Source::Python { package, version } => pythons()
                .into_iter()
                .find(|python| python_version_is(python, package, version)),
            Source::Node { version, .. } => {
                let own = node_folder(self).map(|folder| folder.join("node_modules/.bin"));
                find_program(self.program, &own.into_iter().collect::<Vec<_>>())
                    .filter(|path| says_version(path, version))
            }
        };
        path.map(|path| Found { path })
    }

    /// What to tell somebody who lacks the tool.
    pub(crate) fn how_to_install(&self) -> String {
        match self.source {
            Source::Debian { package } => format!("apt-get install --no-install-recommends {package}"),
            Source::Go {
                module,
                folder,
                version,
            } => format!("go install {module}{folder}@{version}"),
            Source::Python { package, version } => format!("pip install {package}=={version}"),
            Source::Node { package, version } => format!("npm install --global {package}@{version}"),
        }
    }
}

/// Where a package of Node is installed: in the user's cache, so that every copy of the workspace finds it.
pub(crate) fn node_folder(tool: &Tool) -> Option<PathBuf> {
    let Source::Node { package, version } = tool.source else {
        return None;
    };
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache")))?;
    Some(cache.join("hythe").join(format!("{package}-{version}")))
}

/// The virtual environment for Python packages that the system's own Python lacks.
pub(crate) fn virtual_environment() -> Option<PathBuf> {
    workspace::scratch().ok().map(|folder| folder.join("venv"))
}

/// Where `go install` puts programs.
fn go_folders() -> Vec<PathBuf> {
    let folder = |name: &str, below: &str| {
        let value = Step::new("go").args(["env", name]).quiet()?;
        let value = value.trim();
        (!value.is_empty()).then(|| Path::new(value).join(below))
    };
    [folder("GOBIN", ""), folder("GOPATH", "bin")]
        .into_iter()
        .flatten()
        .collect()
}

/// Whether the program was built from the module's `version`. Without Go nobody can tell, and it is taken as it is.
fn go_version_is(program: &Path, version: &str) -> bool {
    let Some(text) = Step::new("go").args(["version", "-m"]).arg(program).quiet() else {
        return find_program("go", &[]).is_none();
    };
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("mod\t"))
        .any(|module| module.split('\t').nth(1) == Some(version))
}

fn says_version(program: &Path, version: &str) -> bool {
    let text = Step::new(program).arg("--version").quiet();
    text.is_some_and(|text| text.trim() == version)
}

/// The interpreters themselves, not the wrappers that choose one by the user's home.
fn pythons() -> Vec<PathBuf> {
    let own = virtual_environment()
        .map(|folder| folder.join("bin/python"))
        .filter(|path| path.is_file());
    let itself = |python: PathBuf| {
        let path = Step::new(python)
            .args(["-c", "import sys; print(sys.executable)"])
            .quiet()?;
        Some(PathBuf::from(path.trim()))
    };
    own.into_iter()
        .chain(find_program("python3", &[]).and_then(itself))
        .collect()
}

fn python_version_is(python: &Path, package: &str, version: &str) -> bool {
    let script = format!("import importlib.metadata as m; print(m.version('{package}'))");
    Step::new(python)
        .arg("-c")
        .arg(script)
        .quiet()
        .is_some_and(|text| text.trim() == version)
}
