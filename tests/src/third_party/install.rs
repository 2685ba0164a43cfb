//! Installs a server into `target/third-party/<name>`, once for all processes that ask at the same time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{ThirdParty, ThirdPartyError};

/// The database that a server's own is copied from.
pub(super) const DATABASE: &str = "empty.sqlite3";

/// Output of a failed step that goes into the error.
const TAIL: usize = 2_000;

/// The files of an installation, and the commands that complete it, run inside its folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipe {
    files: &'static [(&'static str, &'static str)],
    steps: &'static [&'static [&'static str]],
    environment: &'static [(&'static str, &'static str)],
}

macro_rules! file {
    ($server:literal, $path:literal) => {
        (
            $path,
            include_str!(concat!("../../third-party/", $server, "/", $path)),
        )
    };
}

const VENV: &[&str] = &["python3", "-m", "venv", "venv"];

const PIP: &[&str] = &[
    "venv/bin/python",
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-deps",
    "--requirement",
    "requirements.txt",
];

pub(super) const SCIM2_SERVER: Recipe = Recipe {
    files: &[file!("scim2-server", "requirements.txt")],
    steps: &[VENV, PIP],
    environment: &[],
};

pub(super) const SCIMMY: Recipe = Recipe {
    files: &[
        file!("scimmy", "package.json"),
        file!("scimmy", "package-lock.json"),
        file!("scimmy", "server.mjs"),
    ],
    steps: &[&["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]],
    environment: &[],
};

pub(super) const AWS: Recipe = Recipe {
    files: &[file!("aws", "requirements.txt"), file!("aws", "server.py")],
    steps: &[VENV, PIP],
    environment: &[],
};

pub(super) const PRISM: Recipe = Recipe {
    files: &[
        file!("prism", "package.json"),
        file!("prism", "package-lock.json"),
    ],
    steps: &[&["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]],
    environment: &[],
};

pub(super) const LAMBDA_PYTHON: Recipe = Recipe {
    files: &[
        file!("lambda-python", "requirements.txt"),
        file!("lambda-python", "handler.py"),
    ],
    steps: &[VENV, PIP],
    environment: &[],
};

pub(super) const LAMBDA_NODE: Recipe = Recipe {
    files: &[
        file!("lambda-node", "package.json"),
        file!("lambda-node", "package-lock.json"),
        file!("lambda-node", "bootstrap.mjs"),
    ],
    steps: &[&["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]],
    environment: &[],
};

pub(super) const DJANGO_SCIM2: Recipe = Recipe {
    files: &[
        file!("django-scim2", "requirements.txt"),
        file!("django-scim2", "host/__init__.py"),
        file!("django-scim2", "host/filters.py"),
        file!("django-scim2", "host/models.py"),
        file!("django-scim2", "host/settings.py"),
        file!("django-scim2", "host/token.py"),
        file!("django-scim2", "host/urls.py"),
        file!("django-scim2", "host/wsgi.py"),
    ],
    steps: &[
        VENV,
        PIP,
        &["venv/bin/python", "-m", "django", "migrate", "--run-syncdb"],
    ],
    environment: &[
        ("DATABASE", DATABASE),
        ("DJANGO_SETTINGS_MODULE", "host.settings"),
        ("TOKEN", "unused"),
    ],
};

/// Where installations and the files of running servers are.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/third-party")
}

/// Makes sure that the server is installed at the pinned versions. Answers its folder.
pub(super) fn install(server: ThirdParty) -> Result<PathBuf, ThirdPartyError> {
    install_into(server, server.recipe(), &root())
}

pub(super) fn install_into(
    server: ThirdParty,
    recipe: Recipe,
    root: &Path,
) -> Result<PathBuf, ThirdPartyError> {
    fs::create_dir_all(root).map_err(|e| server.io("create the folder", e))?;
    let root = root
        .canonicalize()
        .map_err(|e| server.io("find the folder", e))?;
    let folder = root.join(server.name());
    // Another test process may be installing the same; the lock goes with the handle.
    let lock = File::create(root.join(format!("{}.lock", server.name())))
        .map_err(|e| server.io("create the lock", e))?;
    lock.lock().map_err(|e| server.io("take the lock", e))?;
    let stamp = folder.join("installed");
    let wanted = format!("{recipe:?}");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    remove(&folder).map_err(|e| server.io("remove the old installation", e))?;
    fs::create_dir_all(&folder).map_err(|e| server.io("create its folder", e))?;
    for (path, content) in recipe.files {
        write(&folder.join(path), content).map_err(|e| server.io(format!("write `{path}`"), e))?;
    }
    for step in recipe.steps {
        run(server, recipe, &folder, step)?;
    }
    write(&stamp, &wanted).map_err(|e| server.io("write the stamp", e))?;
    Ok(folder)
}

fn run(
    server: ThirdParty,
    recipe: Recipe,
    folder: &Path,
    step: &[&str],
) -> Result<(), ThirdPartyError> {
    let Some((program, arguments)) = step.split_first() else {
        return Ok(());
    };
    // A relative program would be looked for where the tests run.
    let program = if program.contains('/') {
        folder.join(program)
    } else {
        PathBuf::from(program)
    };
    let failed = |output: String| ThirdPartyError::Install {
        server,
        step: step.join(" "),
        output,
    };
    let output = Command::new(program)
        .args(arguments)
        .envs(recipe.environment.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(failed(format!(
        "{}: {}",
        output.status,
        tail(&String::from_utf8_lossy(&printed))
    )))
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)
}

pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The end of a text, where the reason of a failure is.
pub(super) fn tail(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(TAIL);
    text.chars()
        .skip(skipped)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
impl Recipe {
    pub(super) const fn failing(steps: &'static [&'static [&'static str]]) -> Self {
        Self {
            files: &[],
            steps,
            environment: &[],
        }
    }
}
