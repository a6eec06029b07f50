//! What the figures were taken on.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    memory_mib: u64,
    kernel: String,
    /// Of the folder that the stores are in.
    file_system: String,
    /// Of the last minute, before the bench began: what else was going on.
    load_average: f64,
    /// What the working copy was built from.
    revision: String,
    program: String,
}

impl Machine {
    /// What cannot be found out is left empty: no figure depends on it.
    pub(crate) fn look(folder: &Path, program: &Path) -> Self {
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let meminfo = file("/proc/meminfo");
        let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kilobytes = total.and_then(|total| total.trim().trim_end_matches(" kB").parse().ok());
        let cpuinfo = file("/proc/cpuinfo");
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let first_average = file("/proc/loadavg").split(' ').next().and_then(|first| first.parse().ok());
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: model.and_then(|line| line.split_once(": ")).map_or("", |(_, name)| name).to_owned(),
            memory_mib: kilobytes.unwrap_or(0_u64) / 1024,
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(&file("/proc/mounts"), folder),
            load_average: first_average.unwrap_or_default(),
            revision: printed(Command::new("git").args(["describe", "--always", "--dirty"])),
            program: printed(Command::new(program).arg("--version")),
        }
    }

    pub(crate) fn line(&self) -> String {
        let Self { cores, processor, memory_mib, kernel, file_system, load_average, revision, program } =
            self;
        format!(
            "{cores} cores ({processor}), {memory_mib} MiB, Linux {kernel}, {file_system}, load average \
             {load_average:.2} before; {program}, {revision}"
        )
    }

    /// Whether files there would never reach a disk.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.file_system.starts_with("tmpfs") || self.file_system.starts_with("ramfs")
    }
}

/// The type and options of the file system with the longest mount point that leads to the folder.
fn file_system(mounts: &str, folder: &Path) -> String {
    let mut found = (0, String::new());
    for line in mounts.lines() {
        let mut words = line.split(' ');
        let (Some(device), Some(point), Some(kind), Some(options)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        if folder.starts_with(point) && point.len() >= found.0 {
            found = (point.len(), format!("{kind} on {device} ({options})"));
        }
    }
    found.1
}

fn printed(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    output.map_or_else(String::new, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_point_counts() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/disk xfs rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/home/x")), "ext4 on /dev/a (rw)");
        assert_eq!(file_system(mounts, Path::new("/tmp/x")), "tmpfs on tmpfs (rw)");
        assert_eq!(file_system(mounts, Path::new("/tmp/disk/x")), "xfs on /dev/b (rw)");
    }
}
