//! The cargo plug-ins that `check` needs: taken from PATH, else built once into `target/tools`.

use std::path::PathBuf;

use anyhow::Result;

use crate::shell;

pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };
pub(crate) const MACHETE: Tool = Tool { name: "cargo-machete", version: "0.9.2" };

impl Tool {
    /// Finds the program, building it first where there is none.
    ///
    /// It is built without optimisation: that takes a quarter of the time, and a run still ends within seconds.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        let home = shell::root().join("target/tools");
        let built = home.join("bin").join(self.name);
        if let Some(found) = shell::on_path(self.name).or_else(|| built.is_file().then(|| built.clone())) {
            return Ok(found);
        }
        println!("{} is not here yet: building version {} into target/tools", self.name, self.version);
        let mut install = shell::cargo();
        install.args(["install", "--quiet", "--debug", "--locked", "--version", self.version, "--root"]);
        shell::run(install.arg(&home).arg(self.name))?;
        Ok(built)
    }
}
