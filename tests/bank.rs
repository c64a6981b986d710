//! Real calls of a bank in 1999, with figures that others computed from them.
//!
//! The data are not part of the project: `HOLDLINE_DATA` says where they are, `../shared/data` from the project's root if
//! it says nothing. Without them the tests that need them say so and pass, unless `HOLDLINE_REQUIRE_DATA=1`.
//! Source: Anonymous Bank call-centre data, Technion, documentation by I. Guedj and A. Mandelbaum, 2000.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

/// The folder of the bank's calls, if it is there.
pub fn bank() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = std::env::var_os("HOLDLINE_DATA").map_or(root.join("../shared/data"), PathBuf::from);
    let bank = data.join("bank1999");
    if bank.is_dir() {
        return Some(bank);
    }
    let required = std::env::var_os("HOLDLINE_REQUIRE_DATA").is_some_and(|required| required == "1");
    assert!(!required, "HOLDLINE_REQUIRE_DATA=1, but {} is not there", bank.display());
    println!("NOT TESTED against real data: {} is not there; HOLDLINE_DATA says where to look", bank.display());
    None
}

/// The text of a packed file.
pub fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    MultiGzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}
