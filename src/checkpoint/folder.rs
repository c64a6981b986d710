//! A folder of checkpoints: one file each, in a folder for each partition, below one for each incarnation of its topic, below
//! one for each group.
//!
//! A file is written under a name that begins with a dot, made durable, and only then given its own name; then the folder is
//! made durable. So a file that has its name is whole, as far as the file system keeps its word; what a crash leaves behind
//! is removed when it is a day old. For take-over by another machine the folder has to be on a volume that both see.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Name, Place, Store, StoreError, Writer};

/// The end of the name of a checkpoint's file.
const ENDING: &str = ".checkpoint";

/// What begins the name of a file that is being written.
const UNFINISHED: &str = ".unfinished-";

/// An unfinished file that is older belongs to nobody any more.
const ABANDONED: Duration = Duration::from_secs(86_400);

/// The store.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at this path, made if it is not there.
    ///
    /// # Errors
    /// It cannot be made or written to.
    pub fn open(root: &Path) -> Result<Folder, StoreError> {
        let folder = Folder { root: root.to_owned() };
        let probe = root.join(format!("{UNFINISHED}probe-{}", std::process::id()));
        let can_write =
            fs::create_dir_all(root).and_then(|()| File::create(&probe)).and_then(|_| fs::remove_file(&probe));
        can_write.map_err(|error| failed("cannot write to the folder of checkpoints", root, &error))?;
        Ok(folder)
    }

    fn folder_of(&self, place: &Place) -> PathBuf {
        let Place { group, topic, topic_id, partition } = place;
        self.root.join(&**group).join(&**topic).join(&**topic_id).join(partition.to_string())
    }

    fn path_of(&self, name: &Name) -> PathBuf {
        self.folder_of(&name.place).join(format!("{:020}.{}{ENDING}", name.next_offset, name.writer))
    }
}

impl Store for Folder {
    fn list(&self, place: &Place) -> Result<Vec<Name>, StoreError> {
        let folder = self.folder_of(place);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("cannot list", &folder, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| failed("cannot list", &folder, &error))?;
            let file = entry.file_name();
            let Some(text) = file.to_str() else { continue };
            if text.starts_with(UNFINISHED) {
                remove_if_abandoned(&entry);
            } else if let Some(name) = name_of(place, text) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&self, name: &Name) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path_of(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("cannot read", &path, &error)),
        }
    }

    fn write(&self, name: &Name, bytes: &[u8]) -> Result<(), StoreError> {
        let (folder, path) = (self.folder_of(&name.place), self.path_of(name));
        let unfinished = folder.join(format!("{UNFINISHED}{:020}.{}", name.next_offset, name.writer));
        let written = write_durably(&self.root, &folder, &unfinished, &path, bytes);
        written.map_err(|error| {
            // What is left of it is in the way of nobody; on a full disk it would be.
            let _ = fs::remove_file(&unfinished);
            failed("cannot write", &path, &error)
        })
    }

    fn remove(&self, name: &Name) -> Result<(), StoreError> {
        let path = self.path_of(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("cannot remove", &path, &error)),
            _ => Ok(()),
        }
    }
}

fn write_durably(root: &Path, folder: &Path, unfinished: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    make_folders(root, folder)?;
    tracing::debug!(path = %path.display(), bytes = bytes.len(), "checkpoint: writing");
    let mut file = File::create(unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    tracing::debug!(path = %path.display(), "checkpoint: renaming");
    fs::rename(unfinished, path)?;
    File::open(folder)?.sync_all()
}

/// Makes the folders from `root` down to `folder` that are not there, each durable in the one above it.
fn make_folders(root: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    for above in folder.ancestors().skip(1).take_while(|above| above.starts_with(root)) {
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

fn name_of(place: &Place, file: &str) -> Option<Name> {
    let (offset, writer) = file.strip_suffix(ENDING)?.split_once('.')?;
    let next_offset = Some(offset).filter(|offset| offset.len() == 20).and_then(|offset| offset.parse().ok())?;
    Some(Name { place: place.clone(), next_offset, writer: Writer::from_text(writer)? })
}

/// It may be gone already, or still be written to: then nothing happens.
fn remove_if_abandoned(entry: &fs::DirEntry) {
    let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|modified| modified.elapsed());
    if matches!(age, Ok(Ok(age)) if age > ABANDONED) {
        let _ = fs::remove_file(entry.path());
    }
}

fn failed(what: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError { what: format!("{what} {}", path.display()), why: error.to_string() }
}
