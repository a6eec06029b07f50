//! The tree of folders and files, with the entries that are synced beside those that programs see.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::file::File;
use crate::{Loss, Tear};

pub(crate) const ROOT: u64 = 1;

pub(crate) struct Image {
    nodes: BTreeMap<u64, Node>,
    next: u64,
}

pub(crate) struct Node {
    pub(crate) mode: u16,
    pub(crate) content: Content,
    /// Handles by which programs have it open.
    opened: u32,
}

pub(crate) enum Content {
    Folder(Folder),
    File(File),
}

#[derive(Default)]
pub(crate) struct Folder {
    pub(crate) entries: Entries,
    synced: Entries,
}

type Entries = BTreeMap<OsString, u64>;

/// Why an operation cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Exists,
    NotAFolder,
    NotAFile,
    NotEmpty,
}

impl Default for Image {
    fn default() -> Self {
        let root = Node { mode: 0o700, content: Content::Folder(Folder::default()), opened: 0 };
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1 }
    }
}

impl Image {
    pub(crate) fn node(&self, node: u64) -> Result<&Node, Refusal> {
        self.nodes.get(&node).ok_or(Refusal::Missing)
    }

    fn node_mut(&mut self, node: u64) -> Result<&mut Node, Refusal> {
        self.nodes.get_mut(&node).ok_or(Refusal::Missing)
    }

    pub(crate) fn folder(&self, node: u64) -> Result<&Folder, Refusal> {
        match &self.node(node)?.content {
            Content::Folder(folder) => Ok(folder),
            Content::File(_) => Err(Refusal::NotAFolder),
        }
    }

    fn folder_mut(&mut self, node: u64) -> Result<&mut Folder, Refusal> {
        match &mut self.node_mut(node)?.content {
            Content::Folder(folder) => Ok(folder),
            Content::File(_) => Err(Refusal::NotAFolder),
        }
    }

    pub(crate) fn file(&self, node: u64) -> Result<&File, Refusal> {
        match &self.node(node)?.content {
            Content::File(file) => Ok(file),
            Content::Folder(_) => Err(Refusal::NotAFile),
        }
    }

    pub(crate) fn file_mut(&mut self, node: u64) -> Result<&mut File, Refusal> {
        match &mut self.node_mut(node)?.content {
            Content::File(file) => Ok(file),
            Content::Folder(_) => Err(Refusal::NotAFile),
        }
    }

    pub(crate) fn find(&self, parent: u64, name: &OsStr) -> Result<u64, Refusal> {
        self.folder(parent)?.entries.get(name).copied().ok_or(Refusal::Missing)
    }

    pub(crate) fn make(
        &mut self,
        parent: u64,
        name: &OsStr,
        mode: u16,
        content: Content,
    ) -> Result<u64, Refusal> {
        if self.find(parent, name).is_ok() {
            return Err(Refusal::Exists);
        }
        let node = self.next;
        self.folder_mut(parent)?.entries.insert(name.to_owned(), node);
        self.next += 1;
        self.nodes.insert(node, Node { mode, content, opened: 0 });
        Ok(node)
    }

    pub(crate) fn remove_file(&mut self, parent: u64, name: &OsStr) -> Result<(), Refusal> {
        let node = self.find(parent, name)?;
        self.file(node)?;
        self.folder_mut(parent)?.entries.remove(name);
        self.sweep();
        Ok(())
    }

    pub(crate) fn remove_folder(&mut self, parent: u64, name: &OsStr) -> Result<(), Refusal> {
        let node = self.find(parent, name)?;
        if !self.folder(node)?.entries.is_empty() {
            return Err(Refusal::NotEmpty);
        }
        self.folder_mut(parent)?.entries.remove(name);
        self.sweep();
        Ok(())
    }

    /// In place of what may have the name already.
    pub(crate) fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Refusal> {
        let node = self.find(from.0, from.1)?;
        self.folder_mut(to.0)?.entries.insert(to.1.to_owned(), node);
        if from != to {
            self.folder_mut(from.0)?.entries.remove(from.1);
        }
        self.sweep();
        Ok(())
    }

    pub(crate) fn opened(&mut self, node: u64) -> Result<(), Refusal> {
        self.node_mut(node)?.opened += 1;
        Ok(())
    }

    pub(crate) fn closed(&mut self, node: u64) {
        if let Ok(node) = self.node_mut(node) {
            node.opened = node.opened.saturating_sub(1);
        }
        self.sweep();
    }

    pub(crate) fn sync_folder(&mut self, node: u64) -> Result<(), Refusal> {
        let folder = self.folder_mut(node)?;
        folder.synced.clone_from(&folder.entries);
        self.sweep();
        Ok(())
    }

    /// Octets in all files that have a name or are open.
    pub(crate) fn used(&self) -> u64 {
        let named = self.reached(|folder| vec![&folder.entries]);
        let is_there = |(id, node): &(&u64, &Node)| named.contains(id) || node.opened > 0;
        self.nodes.iter().filter(is_there).map(|(_, node)| node.len()).sum()
    }

    /// The power fails. Handles are gone, names are those that were synced, and so is what files hold, but for what
    /// the tears leave.
    pub(crate) fn cut(&mut self, mut tear: impl FnMut() -> Tear) -> Vec<Loss> {
        let mut losses = Vec::new();
        let names = self.names(ROOT, Path::new(""));
        for (id, node) in &mut self.nodes {
            node.opened = 0;
            match &mut node.content {
                Content::Folder(folder) => folder.entries.clone_from(&folder.synced),
                Content::File(file) => {
                    let tear = tear();
                    let unsynced_blocks = file.unsynced_blocks();
                    file.cut(tear);
                    if unsynced_blocks > 0 {
                        let file = names.get(id).cloned().unwrap_or_default();
                        losses.push(Loss { file, unsynced_blocks, tear });
                    }
                }
            }
        }
        self.sweep();
        losses
    }

    /// Forgets what has no name, neither seen nor synced, and is not open.
    fn sweep(&mut self) {
        let reached = self.reached(|folder| vec![&folder.entries, &folder.synced]);
        self.nodes.retain(|id, node| node.opened > 0 || reached.contains(id));
    }

    fn reached(&self, entries: impl Fn(&Folder) -> Vec<&Entries>) -> BTreeSet<u64> {
        let mut reached = BTreeSet::new();
        let mut open = vec![ROOT];
        while let Some(node) = open.pop() {
            if !reached.insert(node) {
                continue;
            }
            if let Ok(folder) = self.folder(node) {
                open.extend(entries(folder).into_iter().flat_map(BTreeMap::values));
            }
        }
        reached
    }

    fn names(&self, node: u64, path: &Path) -> BTreeMap<u64, PathBuf> {
        let mut names = BTreeMap::from([(node, path.to_owned())]);
        if let Ok(folder) = self.folder(node) {
            for (name, child) in &folder.entries {
                names.extend(self.names(*child, &path.join(name)));
            }
        }
        names
    }
}

impl Node {
    pub(crate) fn len(&self) -> u64 {
        match &self.content {
            Content::Folder(_) => 0,
            Content::File(file) => file.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make_file(image: &mut Image, parent: u64, name: &str) -> u64 {
        image.make(parent, OsStr::new(name), 0o600, Content::File(File::default())).unwrap()
    }

    fn make_folder(image: &mut Image, parent: u64, name: &str) -> u64 {
        image.make(parent, OsStr::new(name), 0o700, Content::Folder(Folder::default())).unwrap()
    }

    #[test]
    fn a_name_that_was_not_synced_is_gone_with_all_below_it() {
        let mut image = Image::default();
        let folder = make_folder(&mut image, ROOT, "data");
        let file = make_file(&mut image, folder, "hot.db");
        image.file_mut(file).unwrap().write(0, b"synced");
        image.file_mut(file).unwrap().sync();
        image.sync_folder(folder).unwrap();
        image.cut(|| Tear::Nothing);
        assert_eq!(image.find(ROOT, OsStr::new("data")), Err(Refusal::Missing));
        assert_eq!(image.used(), 0);
    }

    #[test]
    fn a_removed_name_comes_back_unless_its_removal_was_synced() {
        let mut image = Image::default();
        let file = make_file(&mut image, ROOT, "a");
        image.file_mut(file).unwrap().write(0, b"synced");
        image.file_mut(file).unwrap().sync();
        image.sync_folder(ROOT).unwrap();
        image.remove_file(ROOT, OsStr::new("a")).unwrap();
        assert_eq!(image.used(), 0);
        image.cut(|| Tear::Nothing);
        assert_eq!(image.file(file).unwrap().read(0, 10), b"synced");
        image.remove_file(ROOT, OsStr::new("a")).unwrap();
        image.sync_folder(ROOT).unwrap();
        image.cut(|| Tear::Nothing);
        assert_eq!(image.find(ROOT, OsStr::new("a")), Err(Refusal::Missing));
    }

    #[test]
    fn a_file_without_a_name_lives_while_it_is_open() {
        let mut image = Image::default();
        let file = make_file(&mut image, ROOT, "a");
        image.opened(file).unwrap();
        image.remove_file(ROOT, OsStr::new("a")).unwrap();
        image.file_mut(file).unwrap().write(0, b"x");
        assert_eq!(image.used(), 1);
        image.closed(file);
        assert_eq!(image.file(file).err(), Some(Refusal::Missing));
    }

    #[test]
    fn a_rename_takes_the_place_of_what_was_there() {
        let mut image = Image::default();
        let [first, _] = ["a", "b"].map(|name| make_file(&mut image, ROOT, name));
        image.rename((ROOT, OsStr::new("a")), (ROOT, OsStr::new("b"))).unwrap();
        assert_eq!(image.find(ROOT, OsStr::new("b")), Ok(first));
        assert_eq!(image.find(ROOT, OsStr::new("a")), Err(Refusal::Missing));
    }
}
