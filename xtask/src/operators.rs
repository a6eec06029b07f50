//! The tables of operators by prefix, written anew from public data. What changes is then looked at and committed.

use std::fs;

use anyhow::{Context, Result};

use crate::shell;

/// Pinned: the same data make the same tables.
const PHONENUMBERS: &str = "phonenumbers==9.0.43";
const MCC_MNC_LIST: &str = "mcc-mnc-list@1.1.11";

/// Where they are written, from the root of the repository.
const TABLES: &str = "crates/routing/data";

pub(crate) fn generate() -> Result<()> {
    let work = shell::root().join("target/operators");
    fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
    let packages = work.join("python");
    let mut pip = shell::program("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--no-deps", "--target"]).arg(&packages);
    shell::output(pip.arg(PHONENUMBERS)).context("the numbering plans cannot be had")?;
    let mut npm = shell::program("npm");
    npm.args(["install", "--silent", "--no-save", "--no-package-lock", "--prefix"]).arg(&work);
    shell::output(npm.arg(MCC_MNC_LIST)).context("the codes of networks cannot be had")?;
    let mut python = shell::program("python3");
    python.arg("xtask/operators/generate.py").arg(work.join("node_modules/mcc-mnc-list/mcc-mnc-list.json"));
    let shares =
        shell::output(python.args(["xtask/operators/aliases.csv", TABLES]).env("PYTHONPATH", &packages))?;
    document(&shares)?;
    println!("{TABLES} and docs/operators.md are written: look at what changed");
    Ok(())
}

/// Puts what share of each country's prefixes has a code into the document.
fn document(shares: &str) -> Result<()> {
    let file = shell::root().join("docs/operators.md");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let mark = "| country | prefixes | with a code |\n|---|---|---|\n";
    let (head, _) = text.split_once(mark).context("docs/operators.md has no table to write into")?;
    let rows: String = shares
        .lines()
        .filter_map(|line| {
            let (country, counts) = line.split_once(' ')?;
            let (mapped, all) = counts.split_once(' ')?;
            let share = 100 * mapped.parse::<u32>().ok()? / all.parse::<u32>().ok()?.max(1);
            Some(format!("| {country} | {all} | {share} % |\n"))
        })
        .collect();
    fs::write(&file, format!("{head}{mark}{rows}"))
        .with_context(|| format!("cannot write {}", file.display()))
}
