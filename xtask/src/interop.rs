//! The foreign peers of the interoperability tests: implementations of SMPP, of webhooks and of
//! proxies that are not ours.
//!
//! They are put under the folder that `STROWGER_INTEROP` names (`.cargo/config.toml` sets it for every cargo run):
//! `venv/bin/python` has the packages of `tests/interop/requirements.txt`, `node/node_modules` those of
//! `tests/interop/package-lock.json`, and `kannel` Debian's package of that name, unless PATH has its programs. tshark,
//! python3, node and npm come from the system.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::shell;

/// Tells the tests, in one line, why the peers could not be prepared. Unset when all is there.
pub(crate) const MISSING: &str = "STROWGER_INTEROP_MISSING";

/// Brings everything in place. What is already there, from the same pinned versions, is left alone.
pub(crate) fn prepare() -> Result<()> {
    let home = PathBuf::from(
        env::var_os("STROWGER_INTEROP").context("STROWGER_INTEROP is not set: run cargo xtask")?,
    );
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
    system_packages()?;
    let pinned = shell::root().join("tests/interop");
    python_packages(&home, &pinned.join("requirements.txt"))
        .context("the Python peers could not be prepared")?;
    node_packages(&home, &pinned).context("the Node peers could not be prepared")?;
    // Last: whoever cannot have it has the others.
    kannel(&home).context("Kannel could not be prepared")
}

fn system_packages() -> Result<()> {
    let missing = missing_packages();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    needs_root_and_apt_get(&packages)?;
    println!("installing {packages}");
    shell::output(&mut apt_get("update"))?;
    shell::output(apt_get("install").args(["--yes", "--no-install-recommends"]).args(&missing))?;
    Ok(())
}

fn needs_root_and_apt_get(packages: &str) -> Result<()> {
    let is_root = shell::output(shell::program("id").arg("-u"))?.trim() == "0";
    if !is_root || shell::on_path("apt-get").is_none() {
        bail!(
            "interoperability tests need {packages}: install them (apt-get install {packages}), then run again"
        );
    }
    Ok(())
}

/// Puts Kannel's programs and the libraries that this machine lacks into `kannel`, unpacked and not installed: the
/// package would start a gateway of its own that listens on every interface, now and at each start of the machine.
fn kannel(home: &Path) -> Result<()> {
    let folder = home.join("kannel");
    let is_installed = |program| shell::on_path(program).is_some();
    if folder.exists() || ["bearerbox", "smsbox"].into_iter().all(is_installed) {
        return Ok(());
    }
    needs_root_and_apt_get("kannel")?;
    println!("unpacking kannel");
    let unpacked = home.join("kannel.unpacked");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).with_context(|| format!("cannot remove {}", unpacked.display()))?;
    }
    let archives = unpacked.join("archives");
    fs::create_dir_all(archives.join("partial"))?;
    shell::output(&mut apt_get("update"))?;
    let mut download = apt_get("install");
    download.args(["--yes", "--no-install-recommends", "--download-only", "--reinstall", "--option"]);
    shell::output(download.arg(format!("Dir::Cache::Archives={}", archives.display())).arg("kannel"))?;
    for entry in fs::read_dir(&archives)? {
        let package = entry?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            shell::output(shell::program("dpkg").arg("--extract").arg(package).arg(&unpacked))?;
        }
    }
    fs::remove_dir_all(archives)?;
    // Last, so that a folder of this name is complete.
    fs::rename(&unpacked, &folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn apt_get(action: &str) -> Command {
    let mut apt_get = shell::program("apt-get");
    // wireshark-common asks who may capture; nobody is there to answer.
    apt_get.args(["--quiet", action]).env("DEBIAN_FRONTEND", "noninteractive");
    apt_get
}

/// The Debian packages to install, judged by what works and not by what is registered: Node often comes from elsewhere.
fn missing_packages() -> Vec<&'static str> {
    let mut missing = Vec::new();
    for (program, package) in [("tshark", "tshark"), ("node", "nodejs"), ("npm", "npm")] {
        if shell::on_path(program).is_none() {
            missing.push(package);
        }
    }
    if shell::output(shell::program("python3").args(["-c", "import venv, ensurepip"])).is_err() {
        missing.push("python3-venv");
    }
    missing
}

fn python_packages(home: &Path, requirements: &Path) -> Result<()> {
    let venv = home.join("venv");
    let stamp = Stamp::new(home.join("venv.stamp"), requirements)?;
    if stamp.is_current() {
        return Ok(());
    }
    stamp.remove()?;
    println!("installing {}", requirements.display());
    shell::output(shell::program("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let mut pip = shell::program(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    shell::output(pip.arg(requirements))?;
    stamp.write()
}

fn node_packages(home: &Path, pinned: &Path) -> Result<()> {
    let folder = home.join("node");
    let stamp = Stamp::new(home.join("node.stamp"), &pinned.join("package-lock.json"))?;
    if stamp.is_current() {
        return Ok(());
    }
    stamp.remove()?;
    println!("installing {}", pinned.join("package-lock.json").display());
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(pinned.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    let mut npm = shell::program("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
    shell::output(&mut npm)?;
    stamp.write()
}

/// Remembers from which pinned versions a folder was filled. It is written last: a broken installation is made anew.
struct Stamp {
    file: PathBuf,
    pinned: String,
}

impl Stamp {
    fn new(file: PathBuf, pinned: &Path) -> Result<Self> {
        let pinned =
            fs::read_to_string(pinned).with_context(|| format!("cannot read {}", pinned.display()))?;
        Ok(Self { file, pinned })
    }

    fn is_current(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|written| written == self.pinned)
    }

    /// Says that the folder is not to be used until it is filled again.
    fn remove(&self) -> Result<()> {
        if !self.file.exists() {
            return Ok(());
        }
        fs::remove_file(&self.file).with_context(|| format!("cannot remove {}", self.file.display()))
    }

    fn write(&self) -> Result<()> {
        fs::write(&self.file, &self.pinned).with_context(|| format!("cannot write {}", self.file.display()))
    }
}
