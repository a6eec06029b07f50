//! The file system as the kernel asks for it.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    AccessFlags, BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use parking_lot::Mutex;

use crate::file::File;
use crate::image::{Content, Folder, Image, Node, Refusal};
use crate::{Shared, Syncs};

/// Nobody changes anything behind the kernel's back while the disk is mounted.
const KEPT: Duration = Duration::from_secs(3600);
const BLOCK: u32 = 4096;
/// What `df` is told of a disk without a limit.
const LARGE: u64 = 1 << 40;

pub(crate) struct Server {
    shared: Arc<Mutex<Shared>>,
}

impl Server {
    pub(crate) fn new(shared: Arc<Mutex<Shared>>) -> Self {
        Self { shared }
    }

    fn make(&self, parent: INodeNo, name: &OsStr, mode: u32, content: Content) -> Result<FileAttr, Refusal> {
        let image = &mut self.shared.lock().image;
        let node = image.make(parent.0, name, (mode & 0o7777) as u16, content)?;
        attributes(image, node)
    }

    /// Asks how this sync goes, which may take its time, before the image is locked for it.
    fn sync(
        &self,
        keep: impl FnOnce(&mut Image) -> Result<(), Refusal>,
        lose: impl FnOnce(&mut Image),
    ) -> Result<(), Errno> {
        let syncs = {
            let mut shared = self.shared.lock();
            if shared.failing > 0 {
                shared.failing -= 1;
                lose(&mut shared.image);
                return Err(Errno::EIO);
            }
            shared.syncs
        };
        match syncs {
            Syncs::Honest => {}
            Syncs::Slow(takes) => std::thread::sleep(takes),
            Syncs::Lying => return Ok(()),
        }
        keep(&mut self.shared.lock().image).map_err(errno)
    }
}

impl Shared {
    /// Whether the file may become so long.
    fn has_room(&self, file: u64, len: u64) -> Result<bool, Refusal> {
        let now = self.image.node(file)?.len();
        let grown = len.saturating_sub(now);
        Ok(grown == 0 || self.capacity.is_none_or(|capacity| self.image.used() + grown <= capacity))
    }

    fn write(&mut self, file: u64, offset: u64, data: &[u8]) -> Result<(), Errno> {
        if !self.has_room(file, offset + data.len() as u64).map_err(errno)? {
            return Err(Errno::ENOSPC);
        }
        let offset = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
        self.image.file_mut(file).map_err(errno)?.write(offset, data);
        Ok(())
    }

    fn resize(&mut self, file: u64, len: u64) -> Result<(), Errno> {
        if !self.has_room(file, len).map_err(errno)? {
            return Err(Errno::ENOSPC);
        }
        let len = usize::try_from(len).map_err(|_| Errno::EFBIG)?;
        self.image.file_mut(file).map_err(errno)?.resize(len);
        Ok(())
    }
}

impl Filesystem for Server {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let image = &self.shared.lock().image;
        entry(image.find(parent.0, name).and_then(|node| attributes(image, node)), reply);
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&self.shared.lock().image, node.0) {
            Ok(attributes) => reply.attr(&KEPT, &attributes),
            Err(refusal) => reply.error(errno(refusal)),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        node: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut shared = self.shared.lock();
        let resized = size.map_or(Ok(()), |size| shared.resize(node.0, size));
        match resized.and_then(|()| attributes(&shared.image, node.0).map_err(errno)) {
            Ok(attributes) => reply.attr(&KEPT, &attributes),
            Err(errno) => reply.error(errno),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        entry(self.make(parent, name, mode, Content::Folder(Folder::default())), reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let made = self.make(parent, name, mode, Content::File(File::default()));
        let opened = made.and_then(|made| {
            self.shared.lock().image.opened(made.ino.0)?;
            Ok(made)
        });
        match opened {
            Ok(made) => {
                reply.created(&KEPT, &made, Generation(0), FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
            }
            Err(refusal) => reply.error(errno(refusal)),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.shared.lock().image.remove_file(parent.0, name).map_err(errno), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.shared.lock().image.remove_folder(parent.0, name).map_err(errno), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to: INodeNo,
        to_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let renamed = self.shared.lock().image.rename((parent.0, name), (to.0, to_name));
        done(renamed.map_err(errno), reply);
    }

    fn open(&self, _: &Request, node: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.shared.lock().image.opened(node.0) {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(refusal) => reply.error(errno(refusal)),
        }
    }

    fn read(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let shared = self.shared.lock();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        match shared.image.file(node.0) {
            Ok(file) => reply.data(file.read(offset, size as usize)),
            Err(refusal) => reply.error(errno(refusal)),
        }
    }

    fn write(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self.shared.lock().write(node.0, offset, data);
        match written {
            // One request is far below 4 GiB.
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.shared.lock().image.closed(node.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, node: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let keep = |image: &mut Image| image.file_mut(node.0).map(File::sync);
        let lose = |image: &mut Image| {
            if let Ok(file) = image.file_mut(node.0) {
                file.fail_sync();
            }
        };
        done(self.sync(keep, lose), reply);
    }

    fn fsyncdir(&self, _: &Request, node: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(self.sync(|image| image.sync_folder(node.0), |_| {}), reply);
    }

    fn readdir(&self, _: &Request, node: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let image = &self.shared.lock().image;
        let folder = match image.folder(node.0) {
            Ok(folder) => folder,
            Err(refusal) => return reply.error(errno(refusal)),
        };
        for (next, (name, node)) in
            (1_u64..).zip(&folder.entries).skip(usize::try_from(offset).unwrap_or(usize::MAX))
        {
            let Ok(attributes) = attributes(image, *node) else { continue };
            if reply.add(INodeNo(*node), next, attributes.kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let shared = self.shared.lock();
        let capacity = shared.capacity.unwrap_or(LARGE);
        let free = capacity.saturating_sub(shared.image.used()) / u64::from(BLOCK);
        reply.statfs(capacity / u64::from(BLOCK), free, free, 0, 0, BLOCK, 255, BLOCK);
    }

    fn access(&self, _: &Request, _: INodeNo, _: AccessFlags, reply: ReplyEmpty) {
        reply.ok();
    }
}

fn attributes(image: &Image, id: u64) -> Result<FileAttr, Refusal> {
    let node = image.node(id)?;
    Ok(FileAttr {
        ino: INodeNo(id),
        size: node.len(),
        blocks: node.len().div_ceil(512),
        // Nobody here looks at times.
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: kind(node),
        perm: node.mode,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    })
}

fn kind(node: &Node) -> FileType {
    match node.content {
        Content::Folder(_) => FileType::Directory,
        Content::File(_) => FileType::RegularFile,
    }
}

fn entry(found: Result<FileAttr, Refusal>, reply: ReplyEntry) {
    match found {
        Ok(attributes) => reply.entry(&KEPT, &attributes, Generation(0)),
        Err(refusal) => reply.error(errno(refusal)),
    }
}

fn done(result: Result<(), Errno>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

fn errno(refusal: Refusal) -> Errno {
    match refusal {
        Refusal::Missing => Errno::ENOENT,
        Refusal::Exists => Errno::EEXIST,
        Refusal::NotAFolder => Errno::ENOTDIR,
        Refusal::NotAFile => Errno::EISDIR,
        Refusal::NotEmpty => Errno::ENOTEMPTY,
    }
}
